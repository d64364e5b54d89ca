"""What is compared: the default, runs bought blindly under the same belief, and the paper's methods."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from experiments.benchmark.methods import METHODS, SOLVER, Method
from jaxsl.design import Design
from jaxsl.one_of import AnyLaw


def default(law: AnyLaw) -> Design:
    """The default belief and choice; fits as exact as the benchmark's."""
    return Design((law,), solver=SOLVER)


def paper(law: AnyLaw) -> Design:
    """The paper's, as it is."""
    return Design.paper(law, solver=SOLVER)


@dataclass(frozen=True)
class Compared:
    """A belief, and how runs are bought: by it, or blindly.

    Attributes:
        design: the belief in a law.
        blind: a method of the benchmark that looks at no belief; None for the design's choice.
    """

    design: Callable[[AnyLaw], Design]
    blind: Method | None = None


COMPARED = {
    "default": Compared(default),
    "random": Compared(default, METHODS["random"]),
    "cost-random": Compared(default, METHODS["cost-random"]),
    "cheapest": Compared(default, METHODS["cheapest"]),
    "all-data": Compared(default, METHODS["all-data"]),
    "paper mspe": Compared(paper),
    "paper random": Compared(paper, METHODS["random"]),
    "paper cost-random": Compared(paper, METHODS["cost-random"]),
    "paper v-opt": Compared(
        lambda law: replace(paper(law), acquisition=METHODS["v-opt"].design(law, 1.0).acquisition)
    ),
}
