"""The methods that are compared: settings of one design, never a copy of it.

Source: Spend Less, Fit Better, section 5.1, and the public values of its appendix.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from jax import Array

from jaxsl.acquisition import MSPE, DOptimal, Uniform, VOptimal
from jaxsl.choice import Chooser
from jaxsl.design import Design
from jaxsl.law import Law


@dataclass(frozen=True)
class Method:
    """How runs are chosen.

    Attributes:
        acquisition: from a belief to scores; ``Uniform()`` looks at no belief.
        chooser: from scores to a purchase.
        pool: which part of the pool may be bought: ``all``, or a ``cheaper`` or ``dearer`` half.
        at_once: buy the whole of it, whatever it costs: a reference, not a method.
    """

    acquisition: Callable[..., Array] = field(default_factory=Uniform)
    chooser: Chooser = field(default_factory=Chooser)
    pool: str = "all"
    at_once: bool = False

    @property
    def believes(self) -> bool:
        """Whether the choice needs a fit of what was bought."""
        return not isinstance(self.acquisition, Uniform)

    def design(self, law: Law) -> Design:
        """The design of this method on one law."""
        return Design((law,), acquisition=self.acquisition, chooser=self.chooser)


METHODS = {
    "mspe": Method(MSPE()),
    "within": Method(MSPE(between=False)),
    "between": Method(MSPE(within=False)),
    "v-opt": Method(VOptimal()),
    "d-opt": Method(DOptimal()),
    "random": Method(chooser=Chooser(cost_exponent=0.0)),
    "cheapest": Method(chooser=Chooser(cost_exponent=1.0)),
    "cost-random": Method(chooser=Chooser(cost_exponent=1.0, draw=True)),
    "all-data": Method(at_once=True),
    "cheaper-half": Method(pool="cheaper", at_once=True),
    "dearer-half": Method(pool="dearer", at_once=True),
}
