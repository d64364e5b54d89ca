"""What an interval for Y at the target means for the performance: through the link, to test items."""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl import ess, link
from jaxsl.allocation.criteria import half_width
from jaxsl.host.answer.report import Report
from jaxsl.host.compiled import compiled
from jaxsl.host.errors import UserError
from jaxsl.host.programs.packing import array
from jaxsl.linear_model import Interval
from jaxsl.precision import double_precision
from jaxsl.two_stage import Performance, through_link

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
        hoeffding, clopper_pearson, beta, gaussian: equivalent sample sizes (see ``jaxsl.ess``); not a number
            where they have no meaning.
    """

    point: float
    lower: float
    upper: float
    hoeffding: float
    clopper_pearson: float
    beta: float
    gaussian: float


@dataclass(frozen=True)
class Link:
    """A link ready for use.

    Attributes:
        name: as the user named it.
        curve: the link.
        curves: its bootstrap draws; None where it counts as known.
        num_models: models it was fitted to, 0 if known.
        width: of the range of an item's score; 1 for a share of right answers.
        item_sd: standard deviation of the score between items; not a number where unknown.
    """

    name: str
    curve: link.Curve
    curves: link.Curve | None
    num_models: int
    width: float = 1.0
    item_sd: float = np.nan

    @property
    def wants_shares(self) -> bool:
        """Whether Y itself is a performance between 0 and 1."""
        return self.name == "identity" and self.width == 1

    def items(self, mean: float, lower: float, upper: float, delta: float, sides: int) -> Items:
        """The performance for an interval of Y at confidence ``1 - self.share(delta)``, and its worth.

        An interval without end is worth nothing.
        """
        if not np.isfinite(upper - lower):
            return Items(self.at(mean), -np.inf, np.inf, 0.0, 0.0, 0.0, 0.0)
        with double_precision():
            line = Interval(*(array([end]) for end in (mean, lower, upper)))
            numbers = map(array, (delta, sides, self.item_sd))
            found, worth, gaussian = _worth(line, self.curve, self.curves, *numbers)
            is_share = self.width == 1
            return Items(
                point=float(found.point[0]),
                lower=float(found.lower[0]),
                upper=float(found.upper[0]),
                hoeffding=float(worth.hoeffding[0]) * self.width**2,
                clopper_pearson=float(worth.clopper_pearson[0]) if is_share else np.nan,
                beta=float(worth.beta[0]) if is_share else np.nan,
                gaussian=float(gaussian[0]),
            )

    def at(self, y: float) -> float:
        """The performance at Y."""
        with double_precision():
            return float(_performance(self.curve, array(y)))

    def share(self, delta: float) -> float:
        """What of ``delta`` the interval for Y gets."""
        return delta if self.curves is None else delta / 2


@compiled
def _worth(
    line: Interval, curve: link.Curve, curves: link.Curve | None, delta: float, sides: int, item_sd: Array
) -> tuple[Performance, ess.Equivalent, Array]:
    """The performance for an interval of Y ``(target,)``, and its worth as a share and as any score."""
    found = through_link(line, curve, curves, delta)
    worth = ess.from_interval(found.lower, found.upper, found.point, delta, sides)
    return found, worth, ess.gaussian(worth.length, item_sd, delta)


@compiled
def _performance(curve: link.Curve, y: Array) -> Array:
    return curve(y)


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


def check_interval(delta: float, sides: int, sigma: float | None) -> None:
    """Refuse settings of an interval that have no meaning."""
    if not 0 < delta < 0.5:
        raise UserError(f"--delta {delta:g}: one minus the confidence, so between 0 and 0.5, such as 0.05")
    if sides not in (1, 2):
        raise UserError(f"--sides {sides}: 1 as in the paper, or 2 for a valid two-sided interval")
    if sigma is not None and not (np.isfinite(sigma) and sigma > 0):
        raise UserError(f"--sigma {sigma:g}: a standard deviation is positive")


def score_link(link: Link, width: float | None, item_sd: float | None) -> Link:
    """The identity for scores that are no share of right answers, such as a loss.

    Raises:
        UserError: when a width or a standard deviation is not positive, or the link gives shares.
    """
    if width is None and item_sd is None:
        return link
    for option, value in (("--width", width), ("--item-sd", item_sd)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise UserError(f"{option} {value:g}: must be positive")
    if link.name != "identity":
        raise UserError(
            f"--link {link.name} gives shares between 0 and 1; --width and --item-sd have no use there"
        )
    # Without a range Hoeffding's inequality says nothing.
    return replace(link, width=np.nan if width is None else width, item_sd=item_sd or np.nan)


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
    if not (np.isfinite(values).all() and slope != 0):
        raise UserError(f"--link {text}: W and B must be finite, and W other than 0, or Y says nothing of P")
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
        curves = jax.jit(lambda key, y, p: link.bootstrap_curves(settings, key, y, p, draws))(key, *arrays)
    return Link(name, curve, curves, y.size)
