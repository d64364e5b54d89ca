"""What a prediction from small models is worth, and whether to test the target or to train more of them."""

from typing import Any, Unpack

import equinox as eqx
import numpy as np
from jax import Array

from jaxsl import linear_model, misspecification, resample
from jaxsl.host.compiled import compiled
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import (
    WIDE,
    line_notes,
    line_runs,
    require_noise,
    size_cost,
    target_columns,
    target_size,
)
from jaxsl.host.ess.link import Promise, check_interval
from jaxsl.host.ess.link_runs import LinkRuns, ready_link, remarks, require_shares
from jaxsl.host.ess.predict_test_or_train import MEASURES, choose
from jaxsl.host.ess.report import Diagnosis, EssReport
from jaxsl.host.input.reading import Reading, read_runs
from jaxsl.host.input.table import Table
from jaxsl.host.programs.packing import array, key_of
from jaxsl.linear_model import Interval, LinearFit
from jaxsl.precision import double_precision, to_numpy

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
    width: float | None = None,
    item_sd: float | None = None,
    inside: bool = False,
    draws: int = 1000,
    seed: int = 0,
    **how: Unpack[Reading],
) -> EssReport:
    """Predict the performance of a target from small models and say what the prediction is worth.

    Args:
        runs: results of small models: anything ``jaxsl.host.input.table.read`` takes.
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
        by: equivalent sample size that decides: ``exact``, ``hoeffding``, ``beta`` or ``gaussian``.
        width, item_sd: for scores that are no share of right answers, such as a loss: the width of the range
            of an item's score, and its standard deviation between items.
        inside: allow a target that is no larger than the largest run.
        draws, seed: of the bootstraps.
        how: ``where``, ``reduce`` and ``from_name``, as in ``jaxsl.host.input.reading.Reading``.

    Raises:
        UserError: for anything that cannot be used as it stands.

    Example:
        >>> runs = {"x": [0.0, 1.0, 2.0, 3.0], "y": [0.21, 0.29, 0.41, 0.49]}
        >>> found = assess(runs, target="4")
        >>> round(found.y, 3), round(found.performance.hoeffding)
        (0.59, 337)
    """
    _check(noise, delta, sides, items, item_cost, by, cost, sigma, draws)
    found = line_runs(read_runs(runs, {}, [y], **how), x, y)
    columns = target_columns(target)
    _require_use(found.table, columns, x, cost)
    size = target_size(found, columns)
    if size <= found.x.max() and not inside:
        raise UserError(
            f"the target's size {size:g} lies inside the runs, which reach {found.x.max():g}: that is no "
            "extrapolation. Leave out the runs as large as the target, or pass --inside to interpolate"
        )
    models = LinkRuns(link_runs, y, performance, family)
    ready, check = ready_link(link, models, delta, draws, seed, width, item_sd)
    if ready.wants_shares:
        require_shares(found.table, y, "--y", found.y)
    with double_precision():
        share, known = array(ready.share(delta)), None if sigma is None else array(sigma)
        line = to_numpy(_line(found.x, found.y, array(size), share, known, array(delta)))
        fitted, said, leverage = line.fitted, line.said, float(line.leverage)
        intercept, slope = map(float, fitted.coefficient)
        require_noise(float(fitted.sigma) if sigma is None else sigma, found.y, found.table.name)
        interval = line.interval
        if noise != "gaussian":
            interval = _bootstrapped(line, found.y, share, sigma, noise, draws, seed)
        mean, low, high = (float(end[0]) for end in (interval.mean, interval.lower, interval.upper))
        verdict, p_value = misspecification.VERDICT[int(said.verdict)], float(said.p_value)
    worth = ready.items(mean, low, high, delta, sides)
    notes, choice, cost_runs, cost_target = line_notes(found, x, y), None, np.nan, np.nan
    if cost is not None:
        by_size, cost_target = size_cost(found, cost, size, columns)
        cost_runs = float(np.sum(by_size.function(found.x)))
        notes += [by_size.note] if by_size.note else []
        if items is not None:
            used = float(fitted.sigma) if sigma is None else sigma
            promise = Promise(ready, intercept, slope, used, sigma is not None, delta, sides)
            choice = choose(
                promise, found.x, size, worth, by_size.function, cost_target, items, item_cost, trained, by
            )
    notes += remarks(ready, worth, check, delta)
    if found.x.min() > 0 and found.x.max() > WIDE * found.x.min():
        notes.append(
            f"the sizes span a factor of {found.x.max() / found.x.min():.3g}: is the line in log({x})?"
        )
    return EssReport(
        num_runs=found.x.size,
        dof=int(fitted.dof),
        intercept=intercept,
        slope=slope,
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
        quantile="bootstrap" if noise != "gaussian" else "t" if sigma is None else "z",
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
    check_interval(delta, sides, sigma)
    if items is not None and items < 1:
        raise UserError(f"--items {items}: a direct test needs at least one item")
    if items is not None and cost is None:
        raise UserError("--items compares costs; say what a run costs: --cost, such as --cost 0.3*exp(x)")
    if not (np.isfinite(item_cost) and item_cost >= 0):
        raise UserError(f"--item-cost {item_cost:g}: a cost is not negative")
    if draws < 100:
        raise UserError(f"--draws {draws}: a 95 % bootstrap interval needs at least 100 draws, better 1000")


def _require_use(table: Table, columns: dict[str, float], x: str, cost: str | None) -> None:
    """Refuse values of the target that nothing asks for: most often a misspelt name."""
    used = {name for formula in (x, cost) if formula for name in (formula, *table.names(formula))}
    idle = [name for name in columns if name and name not in used]
    if idle:
        raise UserError(
            f"--target {idle[0]}={columns[idle[0]]:g}: neither --x {x} nor --cost uses {idle[0]}; leave it "
            "out, or correct its name"
        )


class _Line(eqx.Module):
    """A line through runs.

    Attributes:
        features: of the runs, ``(run, 2)``; at: of the target, ``(1, 2)``.
        fitted, interval: of the line, and of its mean at the target, by theory.
        leverage: of the target, a scalar.
        said: whether it is a line.
    """

    features: Array
    at: Array
    fitted: LinearFit
    interval: Interval
    leverage: Array
    said: misspecification.Diagnosis


@compiled
def _line(x: Array, y: Array, size: Array, share: float, sigma: Array | None, delta: float) -> _Line:
    """The line through runs ``x, y (run,)`` at a size; intervals at ``1 - share``, tests at ``delta``."""
    features, at = linear_model.line_terms(x[:, None]), linear_model.line_terms(size[None, None])
    fitted = linear_model.fit(features, y)
    return _Line(
        features,
        at,
        fitted,
        linear_model.interval(fitted, at, share, sigma),
        linear_model.leverage(features, at)[0],
        misspecification.diagnose(features, y, x, delta),
    )


def _bootstrapped(
    line: _Line, y: np.ndarray, share: float, sigma: float | None, noise: str, draws: int, seed: int
) -> Interval:
    """The interval for Y at the target from drawn runs; called in double precision."""
    if sigma is not None:
        raise UserError(f"--noise {noise} estimates the noise, so --sigma has no use there; leave one out")
    scales = int(resample.num_scales(line.features))
    if noise == "pairs" and scales <= line.features.shape[1]:
        raise UserError(
            f"a pairs bootstrap degenerates on runs of {scales} sizes: a draw without one of them has no "
            "line, and one with both knows nothing of what lies between. Use --noise residual, or add a size"
        )
    return _studentised(noise, line, y, share, key_of(seed), draws)


@compiled
def _studentised(noise: str, line: _Line, y: Array, share: float, key: Array, draws: int) -> Interval:
    drawn = getattr(resample, noise)(key, line.features, y, draws)
    return resample.studentised_interval(line.fitted, drawn, line.at, share)
