"""What an interval for Y at the target means for the performance: through the link, to test items."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl import ess, link
from jaxsl.allocation.criteria import half_width
from jaxsl.host.errors import UserError
from jaxsl.host.report import Report
from jaxsl.linear_model import Interval
from jaxsl.precision import double_precision
from jaxsl.two_stage import through_link

FITTED: dict[str, link.Link] = {
    "logistic": link.LogisticLink(),
    "floored": link.LogisticLink(floored=True),
    "kernel": link.KernelLink(),
    "neighbours": link.NeighbourLink(),
}
KNOWN = {"logistic": "W,B", "floored": "W,B,H"}
HOW = f"give identity, one of {', '.join(FITTED)} to fit it to --link-runs, or a known one: " + " or ".join(
    f"{name}:{values}" for name, values in KNOWN.items()
)


@dataclass(frozen=True)
class Items(Report):
    """A predicted performance and what it is worth.

    Attributes:
        point, lower, upper: of the performance.
        hoeffding, clopper_pearson, beta: equivalent sample sizes; not a number where they have no meaning.
    """

    point: float
    lower: float
    upper: float
    hoeffding: float
    clopper_pearson: float
    beta: float


@dataclass(frozen=True)
class Link:
    """A link ready for use.

    Attributes:
        name: as the user named it.
        curve: the link.
        curves: its bootstrap draws; None where it counts as known.
        num_models: models it was fitted to, 0 if known.
    """

    name: str
    curve: link.Curve
    curves: link.Curve | None
    num_models: int

    def items(self, mean: float, lower: float, upper: float, delta: float, sides: int) -> Items:
        """The performance for an interval of Y at confidence ``1 - self.share(delta)``, and its worth.

        An interval without end is worth nothing.
        """
        if not np.isfinite(upper - lower):
            return Items(self.at(mean), -np.inf, np.inf, 0.0, 0.0, 0.0)
        with double_precision():
            line = Interval(*(jnp.array([end]) for end in (mean, lower, upper)))
            found = through_link(line, self.curve, self.curves, delta)
            worth = ess.from_interval(found.lower, found.upper, found.point, delta, sides)
            values = found.point, found.lower, found.upper, worth.hoeffding, worth.clopper_pearson, worth.beta
            return Items(*(float(value[0]) for value in values))

    def at(self, y: float) -> float:
        """The performance at Y."""
        with double_precision():
            return float(self.curve(jnp.array([y]))[0])

    def share(self, delta: float) -> float:
        """What of ``delta`` the interval for Y gets."""
        return delta if self.curves is None else delta / 2


@dataclass(frozen=True)
class Promise:
    """What runs would be worth if the line stays as it is: from the leverage at a target to test items.

    Attributes:
        link: the link.
        intercept, slope, sigma: of the line; ``known`` if sigma is no estimate.
        delta, sides: of the intervals.
    """

    link: Link
    intercept: float
    slope: float
    sigma: float
    known: bool
    delta: float
    sides: int

    def items(self, x: float, leverage: float, num_runs: float) -> Items:
        """The prediction at size x from ``num_runs`` runs with that leverage, and its worth."""
        mean = self.intercept + self.slope * x
        dof = min(num_runs, 1e9) - 2
        half = half_width(leverage, dof, self.sigma, self.link.share(self.delta), self.known)
        return self.link.items(mean, mean - half, mean + half, self.delta, self.sides)


def known_link(text: str) -> Link | None:
    """The link that ``--link`` names with numbers, or ``identity``; None for one that is to be fitted.

    Raises:
        UserError: when it is neither.
    """
    name, colon, numbers = text.partition(":")
    if text == "identity":
        return Link(text, link.IdentityCurve(), None, 0)
    if not colon:
        if name in FITTED:
            return None
        raise UserError(f"--link {text}: no such link; {HOW}")
    try:
        values = [float(value) for value in numbers.split(",")]
    except ValueError:
        values = []
    if name not in KNOWN or len(values) != len(KNOWN[name].split(",")):
        raise UserError(f"--link {text}: cannot be read; {HOW}")
    slope, intercept, floor = [*values, 0.0][:3]
    if not 0 <= floor < 1:
        raise UserError(f"--link {text}: the floor H must be at least 0 and below 1, not {floor:g}")
    with double_precision():
        curve = link.LogisticCurve(jnp.array(floor), jnp.array(slope), jnp.array(intercept))
    return Link(text, curve, None, 0)


def fit_link(name: str, y: np.ndarray, p: np.ndarray, where: str, draws: int, seed: int) -> Link:
    """Fit a link to models ``y, p (model,)`` and bootstrap it.

    Raises:
        UserError: when there are too few models, or all have the same Y.
    """
    settings = FITTED[name]
    fewest = settings.fewest
    if y.size < fewest or np.unique(y).size < 3:
        raise UserError(
            f"{where}: a {name} link needs at least {fewest} models with three different scores, not "
            f"{y.size} with {np.unique(y).size}; add models of other families, or give a known link ({HOW})"
        )
    with double_precision():
        arrays = jnp.asarray(y), jnp.asarray(p)
        curve = jax.jit(settings.fit)(*arrays, jnp.ones(y.size))
        key = jax.random.key(seed)
        curves = jax.jit(lambda key, y, p: link.bootstrap(settings, key, y, p, draws))(key, *arrays)
    return Link(name, curve, curves, y.size)
