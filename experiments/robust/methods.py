"""What is compared: the default, runs bought blindly under the same belief, and the paper's methods."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from experiments.benchmark.methods import METHODS, SOLVER, Method
from experiments.robust.bootstrapped import BootstrapRule
from jaxsl.acquisition import DOptimal, VOptimal
from jaxsl.design import Design
from jaxsl.one_of import AnyLaw

Laws = tuple[AnyLaw, ...]


def default(laws: Laws) -> Design:
    """The default belief and choice; fits as exact as the benchmark's."""
    return Design(laws, solver=SOLVER)


def paper(laws: Laws) -> Design:
    """The paper's, as it is; several laws are weighed by their evidence."""
    return replace(Design.paper(laws[0], solver=SOLVER), laws=laws)


def bootstrapped(laws: Laws) -> Design:
    """Intervals of a residual bootstrap."""
    return Design(laws, rule=BootstrapRule(), solver=SOLVER)


@dataclass(frozen=True)
class Compared:
    """A belief, and how runs are bought: by it, or blindly.

    Attributes:
        design: the belief in a law, or in several at once.
        blind: a method of the benchmark that looks at no belief; None for the design's choice.
    """

    design: Callable[[Laws], Design]
    blind: Method | None = None


COMPARED = {
    "default": Compared(default),
    "random": Compared(default, METHODS["random"]),
    "cost-random": Compared(default, METHODS["cost-random"]),
    "cheapest": Compared(default, METHODS["cheapest"]),
    "v-opt": Compared(lambda laws: replace(default(laws), acquisition=VOptimal())),
    "d-opt": Compared(lambda laws: replace(default(laws), acquisition=DOptimal())),
    "all-data": Compared(default, METHODS["all-data"]),
    "bootstrap of cost-random": Compared(bootstrapped, METHODS["cost-random"]),
    "paper mspe": Compared(paper),
    "paper random": Compared(paper, METHODS["random"]),
    "paper cost-random": Compared(paper, METHODS["cost-random"]),
    "paper v-opt": Compared(
        lambda laws: replace(paper(laws), acquisition=METHODS["v-opt"].design(laws[0], 1.0).acquisition)
    ),
}
