"""Numbers about sizes and designs that were printed or measured elsewhere, beside ours.

Command: ``python -m experiments ess values``. No data and no random numbers but those of the random designs
that the exchange is compared with.
"""

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from experiments.ess.options import SeedOption, publish
from experiments.ess.simulation import INTERCEPT, REGION, SLOPE, cost, curve
from jaxsl import ess
from jaxsl.allocation import (
    CostModel,
    at_least_scales,
    best_line_subset,
    exchange_design,
    line_bound,
    two_scale,
    uniform_region,
)
from jaxsl.allocation.criteria import T_RISK, factor
from jaxsl.host.show.console import console, grid
from jaxsl.linear_model import interaction_terms, line_terms, quadratic_terms
from jaxsl.precision import double_precision

FOUR = np.array([0.5, 1.0, 1.5, 2.0])
NOTHING = np.zeros(0)
DESIGNS = (  # existing, budget, sizes, R / sigma^2
    (FOUR, 1.0, "0 x3", 6.1636),
    (FOUR, 3.0, "0 x4, 1.7918", 4.2773),
    (NOTHING, 5.44, "0 x2, 2.781", 4.535144),
    (NOTHING, 6.615, "0 x3, 2.254 x2", 3.791685),
    (NOTHING, 7.63, "0 x4, 2.372 x2", 3.223556),
    (NOTHING, 9.47, "0 x4, 2.623 x2", 2.579878),
    (NOTHING, 12.5, "0 x6, 2.476 x3", 1.955226),
    (NOTHING, 16.07, "0 x8, 2.433 x4", 1.523869),
)
BILLIONS = np.array([0.125, 0.35, 1.3, 2.7, 6.7, 13, 30])
SPENT = 60.0  # budget of the designs of two variables


def row(what: str, wanted: object, found: object) -> dict[str, object]:
    """A row of the table."""
    return {"what": what, "wanted": wanted, "ours": found}


def sizes() -> list[dict[str, object]]:
    """Section 4, Appendix B, and the worked example of word unscramble at size 4."""
    y, length = INTERCEPT + 4 * SLOPE, 0.0608
    link = curve("word unscramble")

    def ends(sd: float) -> tuple[float, float]:
        half = float(ndtri(0.975)) * sd
        return float(link(jnp.array(y - half))), float(link(jnp.array(y + half)))

    sd = brentq(lambda sd: np.ptp(ends(sd)) - length, 0.1, 1.0)
    nodes, weight = np.polynomial.hermite_e.hermegauss(80)
    weight, p = weight / weight.sum(), np.asarray(link(jnp.asarray(y + sd * nodes)))
    mean = float(weight @ p)
    variance = float(weight @ (p - mean) ** 2)
    low, high = ends(sd)
    found = ess.from_interval(jnp.array(low), jnp.array(high), link(jnp.array(y)))
    return [
        row("Hoeffding, L = 0.1", 599.15, float(ess.hoeffding(jnp.array(0.1)))),
        row("Beta(3, 7)", 10, float(ess.beta(jnp.array(0.3), jnp.array(0.3 * 0.7 / 11)))),
        row("P = 0.023, L = 0.061: Hoeffding", 1621, float(found.hoeffding)),
        row("P = 0.023, L = 0.061: exact binomial", 131, float(found.clopper_pearson)),
        row(
            "P = 0.023, L = 0.061: Beta, by mean and variance",
            100,
            float(ess.beta(jnp.array(mean), jnp.array(variance))),
        ),
        row("P = 0.023, L = 0.061: Beta, by the interval alone", "", float(found.beta)),
    ]


def designs() -> list[dict[str, object]]:
    """Theorem 6.1, small samples, a third scale, each with its certificate."""
    rows = []
    for existing, budget, wanted, risk in DESIGNS:
        found = two_scale(cost, budget, REGION, existing)
        runs = f"{existing.size} runs there, " if existing.size else ""
        gap = found.value / line_bound(CostModel(cost, budget), REGION, existing) - 1
        rows += [
            row(f"design, {runs}C = {budget:g}", wanted, shown(found.x, found.count)),
            row(f"its R / sigma^2, {runs}C = {budget:g}", risk, f"{found.risk:.6f}"),
            row(f"certified within, {runs}C = {budget:g}", "0.02-6 %", f"{gap:.2%}"),
        ]
    for budget, papers, ours in ((5.44, 732, 33.0), (9.47, 19.9, 14.3)):
        paper, found = two_scale(cost, budget, REGION), two_scale(cost, budget, REGION, criterion=T_RISK)
        rows.append(
            row(f"t^2 R of Eq. 5's design, C = {budget:g}", papers, paper.risk * float(_t(paper.num_runs)))
        )
        rows.append(row(f"t^2 R of ours, C = {budget:g}", ours, found.value))
        rows.append(row(f"which is, C = {budget:g}", "", shown(found.x, found.count)))
    for budget in (9.47, 12.5, 16.07):
        price = at_least_scales(cost, budget, REGION).value / two_scale(cost, budget, REGION).value - 1
        rows.append(row(f"price of a third scale, C = {budget:g}", "2.5-5.3 %", f"{price:.1%}"))
    return rows


def subsets() -> list[dict[str, object]]:
    """The OPT models at a budget of 8."""
    x, price = np.log(6 * BILLIONS * 0.18), 0.3 * BILLIONS
    at = float(np.log(6 * 66 * 0.18))
    region = uniform_region(at, at)
    default, papers = (best_line_subset(x, price, 8.0, region, ddof=ddof) for ddof in (0, 1))
    return [
        row("OPT, cost of all seven", 16.2525, f"{price.sum():.4f}"),
        row("OPT, C = 8, Eq. 3: models", "all six up to 13B", _models(default.index)),
        row("its cost and leverage", "7.2525, 1.0741", f"{default.cost:.4f}, {default.risk:.4f}"),
        row("OPT, C = 8, variance with n - 1: models", "125M, 2.7B, 6.7B, 13B", _models(papers.index)),
        row("its cost and value", "6.7575, 0.9132", f"{papers.cost:.4f}, {papers.risk:.4f}"),
    ]


def variables(seed: int) -> list[dict[str, object]]:
    """Several variables by exchange: distance from the bound, and random designs of the same budget."""
    rng = np.random.default_rng(seed)
    axis = np.linspace(0, 4, 13)
    x = np.stack([side.ravel() for side in np.meshgrid(axis, axis)], axis=1)
    price, wanted = 0.05 * np.exp(x.sum(axis=1)), rng.uniform(5, 7, (300, 2))
    rows = []
    for name, terms in (
        ("line", line_terms),
        ("with interaction", interaction_terms),
        ("quadratic", quadratic_terms),
    ):
        features, aim = (np.asarray(terms(jnp.asarray(points))) for points in (x, wanted))
        moment = aim.T @ aim / len(aim)
        found = exchange_design(jax.random.key(seed), x, features, price, SPENT, moment)
        random = min(_random(rng, features, price, moment) for _ in range(200))
        rows.append(row(f"two variables, {name}: distance from the bound", "0.5-5.7 %", f"{found.gap:.1%}"))
        rows.append(
            row(
                f"two variables, {name}: best of 200 random designs over ours", "1.8-2.2", random / found.risk
            )
        )
    return rows


def _random(rng: np.random.Generator, features: np.ndarray, price: np.ndarray, moment: np.ndarray) -> float:
    """The risk of runs drawn until the budget is spent."""
    order = rng.permutation(np.repeat(np.arange(price.size), 3))
    chosen = features[order[np.cumsum(price[order]) <= SPENT]]
    information = chosen.T @ chosen
    fits = np.linalg.matrix_rank(information) == moment.shape[0]
    return float(np.sum(moment * np.linalg.inv(information))) if fits else np.inf


def _t(num_runs: int) -> np.ndarray:
    return factor(num_runs, T_RISK)


def _models(index: np.ndarray) -> str:
    return ", ".join(f"{size:g}B" for size in BILLIONS[index])


def shown(x: np.ndarray, count: np.ndarray) -> str:
    """``0 x3, 2.254 x2``."""
    pieces = (f"{size:.5g}" + (f" x{num}" if num > 1 else "") for size, num in zip(x, count, strict=True))
    return ", ".join(pieces)


def main(seed: SeedOption = 0) -> None:
    """Sizes, designs, subsets and designs of several variables: printed and ours."""
    with double_precision():
        rows = [*sizes(), *designs(), *subsets(), *variables(seed)]
    cells = (
        [f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in one.values()] for one in rows
    )
    console().print(grid(rows[0], cells))
    publish("values", rows, None, seed, f"ess values --seed {seed}")
