"""What a prediction from small models is worth, and whether to test the target or to train more of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl import linear_model, misspecification, resample
from jaxsl import link as links
from jaxsl.host.errors import UserError
from jaxsl.host.ess_report import Diagnosis, EssReport, FamilyCheck
from jaxsl.host.forecast import FITTED, Promise, fit_link, known_link
from jaxsl.host.line_runs import finite_column, line_runs, size_cost, target_columns, target_size
from jaxsl.host.spend import MEASURES, choose
from jaxsl.host.table import read
from jaxsl.linear_model import Interval, LinearFit
from jaxsl.precision import double_precision

NOISE = ("gaussian", "residual", "wild", "pairs")


def assess(
    runs: Any,
    *,
    target: str,
    x: str = "x",
    y: str = "y",
    link: str = "identity",
    link_runs: Any = None,
    performance: str | None = None,
    family: str | None = None,
    sigma: float | None = None,
    noise: str = "gaussian",
    delta: float = 0.05,
    sides: int = 1,
    cost: str | None = None,
    items: int | None = None,
    item_cost: float = 0.0,
    trained: bool = False,
    by: str = "exact",
    inside: bool = False,
    draws: int = 1000,
    seed: int = 0,
) -> EssReport:
    """Predict the performance of a target from small models and say what the prediction is worth.

    Args:
        runs: results of small models: anything ``jaxsl.host.table.read`` takes.
        target: ``"N=66,D=0.18"`` in the columns of ``x``, or the size itself, ``"4"``.
        x: column or expression of the size, such as ``log(6*N*D)``.
        y: column or expression of the critical quantity; with link ``identity``, the performance itself.
        link: ``identity``, a known link such as ``logistic:2,-6.11``, or one to fit to ``link_runs``.
        link_runs: models of other families, with ``y`` and ``performance``, and ``family`` for the check
            that a link learned from other families holds.
        sigma: a known noise standard deviation of y; estimated, with Student's t, unless given.
        noise: ``gaussian``, or a bootstrap of the line: ``residual``, ``wild`` or ``pairs``.
        delta, sides: one minus the confidence; 1 for the paper's Hoeffding, 2 for a valid two-sided one.
        cost: of a run, in columns or in x; needed for the choice.
        items: test items of a direct test; with it, the choice between predicting, testing and training more.
        item_cost: of one item.
        trained: whether the target exists, so that testing it costs its items alone.
        by: equivalent sample size that decides: ``exact``, ``hoeffding`` or ``beta``.
        inside: allow a target that is no larger than the largest run.
        draws, seed: of the bootstraps.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    _check(noise, delta, sides, items, item_cost, by, cost, sigma, draws)
    found = line_runs(read(runs), x, y)
    columns = target_columns(target)
    size = target_size(found, columns)
    if size <= found.x.max() and not inside:
        raise UserError(
            f"the target's size {size:g} lies inside the runs, which reach {found.x.max():g}: that is no "
            "extrapolation. Leave out the runs as large as the target, or pass --inside to interpolate"
        )
    ready = known_link(link)
    check = None
    if ready is None:
        models_y, models_p, names = _models(link, link_runs, y, performance, family)
        ready = fit_link(link, models_y, models_p, "--link-runs", draws, seed)
        check = _families(link, models_y, models_p, names, delta, seed) if names is not None else None
    with double_precision():
        features = linear_model.line_terms(jnp.asarray(found.x)[:, None])
        fitted = linear_model.fit(features, jnp.asarray(found.y))
        at = linear_model.line_terms(jnp.array([[size]]))
        interval = _interval(fitted, features, found.y, at, ready.share(delta), sigma, noise, draws, seed)
        mean, low, high = (float(end[0]) for end in (interval.mean, interval.lower, interval.upper))
        leverage = float(linear_model.leverage(features, at)[0])
        said = misspecification.diagnose(features, jnp.asarray(found.y), jnp.asarray(found.x), delta)
        verdict, p_value = misspecification.VERDICT[int(said.verdict)], float(said.p_value)
    worth = ready.items(mean, low, high, delta, sides)
    notes, choice, cost_runs, cost_target = [], None, np.nan, np.nan
    if cost is not None:
        by_size, cost_target = size_cost(found, cost, size, columns)
        cost_runs = float(np.sum(by_size.function(found.x)))
        notes += [by_size.note] if by_size.note else []
        if items is not None:
            used = float(fitted.sigma) if sigma is None else sigma
            line = float(fitted.coefficient[0]), float(fitted.coefficient[1])
            promise = Promise(ready, *line, used, sigma is not None, delta, sides)
            choice = choose(
                promise, found.x, size, worth, by_size.function, cost_target, items, item_cost, trained, by
            )
    if ready.num_models == 0 and not 0 <= worth.point <= 1:
        notes.append(
            "the predicted performance is no share, so only Hoeffding's size has a meaning, for scores "
            "in a range of width one"
        )
    if check is not None and check.coverage < 1 - 2 * delta:
        notes.append(
            "the link is not universal: intervals learned from the other families cover "
            f"{check.coverage:.0%} of the models instead of {1 - delta:.0%}; the interval above is too short"
        )
    return EssReport(
        num_runs=found.x.size,
        dof=int(fitted.dof),
        intercept=float(fitted.coefficient[0]),
        slope=float(fitted.coefficient[1]),
        sigma=float(fitted.sigma) if sigma is None else sigma,
        x_low=float(found.x.min()),
        x_high=float(found.x.max()),
        x_target=size,
        leverage=leverage,
        y=mean,
        y_low=low,
        y_high=high,
        performance=worth,
        link=ready.name,
        link_models=ready.num_models,
        delta=delta,
        sides=sides,
        noise=noise,
        diagnosis=Diagnosis(verdict, p_value),
        families=check,
        choice=choice,
        cost_runs=cost_runs,
        cost_target=cost_target,
        notes=tuple(notes),
    )


def _check(noise, delta, sides, items, item_cost, by, cost, sigma, draws) -> None:
    if noise not in NOISE:
        raise UserError(f"--noise {noise}: choose one of {', '.join(NOISE)}")
    if by not in MEASURES:
        raise UserError(f"--by {by}: choose one of {', '.join(MEASURES)}")
    if not 0 < delta < 0.5:
        raise UserError(f"--delta {delta:g}: one minus the confidence, so between 0 and 0.5, such as 0.05")
    if sides not in (1, 2):
        raise UserError(f"--sides {sides}: 1 as in the paper, or 2 for a valid two-sided interval")
    if items is not None and items < 1:
        raise UserError(f"--items {items}: a direct test needs at least one item")
    if items is not None and cost is None:
        raise UserError("--items compares costs; say what a run costs: --cost, such as --cost 0.3*exp(x)")
    if item_cost < 0:
        raise UserError(f"--item-cost {item_cost:g}: a cost is not negative")
    if sigma is not None and not sigma > 0:
        raise UserError(f"--sigma {sigma:g}: a standard deviation is positive")
    if draws < 100:
        raise UserError(f"--draws {draws}: a 95 % bootstrap interval needs at least 100 draws, better 1000")


def _models(
    link: str, link_runs: Any, y: str, performance: str | None, family: str | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Scores, performances and families of the models that the link is learned from."""
    if link_runs is None or performance is None:
        raise UserError(
            f"--link {link} is fitted to models of other families: give --link-runs FILE with their scores "
            "and --performance COLUMN; or give a known link, or --link identity"
        )
    table = read(link_runs)
    scores = finite_column(table, y, "--y")
    performances = finite_column(table, performance, "--performance")
    if family is None:
        return scores, performances, None
    if family not in table.columns:
        raise UserError(f"--family {family}: {table.name} has no such column; {table.suggest(family)}")
    return scores, performances, np.array(table.text(family))


def _families(
    link: str, y: np.ndarray, p: np.ndarray, names: np.ndarray, delta: float, seed: int
) -> FamilyCheck | None:
    """Leave one family out; None when the others would be too few."""
    families = np.unique(names)
    members = names == families[:, None]
    if families.size < 2 or (y.size - members.sum(axis=1)).min() < FITTED[link].fewest:
        return None
    with double_precision():
        key = jax.random.key(seed)

        def check(key, y, p, members):
            return links.leave_one_family_out(FITTED[link], key, y, p, members, delta=delta)

        held_out = jax.jit(check)(key, jnp.asarray(y), jnp.asarray(p), jnp.asarray(members))
    covered = (np.asarray(held_out.lower) <= p) & (p <= np.asarray(held_out.upper))
    number = members.sum(axis=1)
    return FamilyCheck(
        families=tuple(str(name) for name in families),
        num_models=number,
        covered=members @ covered.astype(int),
        bias=members @ (p - np.asarray(held_out.prediction)) / number,
        coverage=float(covered.mean()),
    )


def _interval(
    fitted: LinearFit,
    features: jax.Array,
    y: np.ndarray,
    at: jax.Array,
    share: float,
    sigma: float | None,
    noise: str,
    draws: int,
    seed: int,
) -> Interval:
    """The interval for Y at the target; called in double precision."""
    if noise == "gaussian":
        return linear_model.interval(fitted, at, share, None if sigma is None else jnp.array(sigma))
    if sigma is not None:
        raise UserError(f"--noise {noise} estimates the noise, so --sigma has no use there; leave one out")
    scales = int(resample.num_scales(features))
    if noise == "pairs" and scales <= features.shape[1]:
        raise UserError(
            f"a pairs bootstrap degenerates on runs of {scales} sizes: a draw without one of them has no "
            "line, and one with both knows nothing of what lies between. Use --noise residual, or add a size"
        )
    drawn = getattr(resample, noise)(jax.random.key(seed), features, jnp.asarray(y), draws)
    return resample.studentised_interval(fitted, drawn, at, share)
