"""From a table to the answers of several laws: what the command line, notebooks and scripts share.

>>> from laws.kaplan import DATA, SIZE_DATA
>>> runs = {"N": [1e6, 2e6, 4e6, 1e6, 2e6, 4e6, 8e6, 8e6], "D": [1e8, 1e8, 1e8, 4e8, 4e8, 4e8, 4e8, 1e9]}
>>> runs["loss"] = [4.01, 3.72, 3.5, 3.64, 3.37, 3.14, None, None]
>>> found = fit_laws(runs, [DATA, SIZE_DATA], target="N=1e9,D=2e10")
>>> [law.law for law in found.laws], found.prediction.median.shape
(['kaplan/nd', 'kaplan/d'], (1, 1))
>>> [law.law for law in rank_laws(runs, [DATA, SIZE_DATA], target="N=1e9,D=2e10").laws]
['kaplan/nd', 'kaplan/d']
>>> answer = next_runs_by_laws(runs, [DATA, SIZE_DATA], target="N=1e9,D=2e10", cost="6*N*D")
>>> sorted(run.row_number for run in answer.runs)
[6, 7]
"""

from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.design import Design
from jaxsl.host.ensemble_describe import Believed, fit_report, law_reports, notes
from jaxsl.host.ensemble_laws import Ensemble, ensemble
from jaxsl.host.ensemble_programs import (
    Learned,
    heaviest,
    learn,
    mix,
    num_identified,
    rank_rows,
)
from jaxsl.host.ensemble_report import (
    EnsembleNextReport,
    EnsembleNextRun,
    EnsembleReport,
    LeftOut,
    RankedLaw,
    RankReport,
)
from jaxsl.host.errors import UserError
from jaxsl.host.packing import everywhere, pack_observations, pack_target, pad
from jaxsl.host.problem import Runs
from jaxsl.host.report import beyond_rounding
from jaxsl.host.session import allowed, require_cost
from jaxsl.host.table import read
from jaxsl.law import Law
from jaxsl.one_of import shared
from jaxsl.pool import buffer_size
from jaxsl.precision import double_precision, to_numpy

Laws = str | Law | Iterable[str | Law]


def fit_laws(
    source: Any,
    laws: Laws,
    *,
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    target: Any = None,
    seed: int = 0,
) -> EnsembleReport:
    """Fit several laws to a table of runs, weigh them toward the target and predict there with all of them.

    Args:
        source, mapping, outcome, target: as in ``jaxsl.host.problem.runs``. Without a target the laws are
            weighed for the runs themselves.
        laws: laws or their names; ``"all"`` for every law of the catalogue that fits the table.
        seed: of the fits' starting points.

    Raises:
        UserError: for anything that cannot be used as it stands; when no law can be fitted.
    """
    chosen = ensemble(source, laws, mapping=mapping, outcome=outcome, target=target)
    return fit_report(believe_laws(chosen, seed))


def rank_laws(
    source: Any,
    laws: Laws = "all",
    *,
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    target: Any = None,
    seed: int = 0,
) -> RankReport:
    """Which laws fit, extrapolate and are identified on these runs; arguments as in ``fit_laws``.

    Raises:
        UserError: as in ``fit_laws``.
    """
    found = believe_laws(ensemble(source, laws, mapping=mapping, outcome=outcome, target=target), seed)
    with double_precision():
        identified = [
            int(num_identified(law, found.observations, one.basins))
            for law, one in zip(found.fitted, found.learned, strict=True)
        ]
    rows = [
        RankedLaw(**vars(law), num_identified=num)
        for law, num in zip(law_reports(found), identified, strict=True)
    ]
    return RankReport(
        num_runs=len(found.ensemble.seen.x),
        laws=tuple(sorted(rows, key=lambda row: row.forward_rmse)),
        left_out=found.ensemble.left_out,
        notes=notes(found.ensemble),
    )


def next_runs_by_laws(
    source: Any,
    laws: Laws,
    *,
    target: Any,
    mapping: Mapping[str, str] | None = None,
    cost: str | None = None,
    outcome: str | None = None,
    budget: float | None = None,
    count: int = 5,
    seed: int = 0,
) -> EnsembleNextReport:
    """Rank the candidates of a table by what they would teach several laws about the target.

    Disagreement between laws counts as variance between basins, so a run that tells laws apart is worth it.

    Args:
        source, target, mapping, cost, outcome, count, seed: as in ``jaxsl.host.next_runs``.
        budget: what may be spent, on the next run and on those after it, which are planned to decide how much
            cost counts (``jaxsl.lookahead``); no limit and no plan when None.
        laws: as in ``fit_laws``.

    Raises:
        UserError: for anything that cannot be used as it stands, no candidate, or none within the budget.
    """
    table = read(source)
    chosen = ensemble(
        table, laws, mapping=mapping, outcome=outcome, target=target, cost=require_cost(table, cost)
    )
    problem = chosen.problem
    if problem.targets is None:
        raise UserError("there is no target; say what to predict with --target")
    pool = problem.runs.take(~problem.runs.observed)
    money = allowed(problem, pool, budget)
    found = believe_laws(chosen, seed, pool)
    design = Design(found.ensemble.laws)
    with double_precision():
        aim, size = pack_target(problem.targets.x), buffer_size(len(pool.x))
        ranking = to_numpy(
            rank_rows(
                design,
                heaviest(found.learned, found.mixed.share, design.num_scored, design.least_scored),
                jnp.asarray(pad(pool.cost, size)),
                jnp.arange(size) < len(pool.x),
                aim.weight,
                jnp.asarray(money),
                jnp.asarray(jnp.inf if budget is None else money),
                jax.random.key(seed),
                buffer_size(min(count, len(pool.x)), 8),
            )
        )
    affordable = int(np.sum(pool.cost <= money))
    num_targets = len(problem.targets.x)
    return EnsembleNextReport(
        fit=fit_report(found),
        runs=tuple(
            EnsembleNextRun(
                row_number=int(pool.row_numbers[row]),
                x={name: float(pool.x[row, i]) for i, name in enumerate(problem.law.inputs)},
                labels={name: str(values[row]) for name, values in pool.labels.items()},
                cost=float(pool.cost[row]),
                score=float(ranking.value[place]),
                within=float(ranking.within[place]),
                between=float(beyond_rounding(ranking.between[place], ranking.within[place])),
            )
            for place, row in enumerate(ranking.index[: min(count, affordable)])
        ),
        within=float(ranking.moments.within[:num_targets].mean()),
        between=float(ranking.moments.between[:num_targets].mean()),
        budget=budget,
        cost_exponent=float(ranking.exponent),
        num_candidates=len(pool.x),
        num_affordable=affordable,
        pool_cost=float(pool.cost.sum()),
    )


def believe_laws(chosen: Ensemble, seed: int = 0, pool: Runs | None = None) -> Believed:
    """Fit every law, leave out those that are nowhere finite, and weigh the others.

    Args:
        chosen: the laws and their problem.
        seed: of the fits' starting points.
        pool: candidates at which the laws are to predict too.

    Raises:
        UserError: when no law is finite at the runs and the targets.
    """
    targets, seen = chosen.problem.targets, chosen.seen
    with double_precision():
        observations, key = pack_observations(seen.x, seen.y), jax.random.key(seed)
        aim = everywhere(observations) if targets is None else pack_target(targets.x)
        rows = [aim.x] + ([jnp.asarray(pad(pool.x, buffer_size(len(pool.x))))] if pool else [])
        asked = jnp.concatenate(rows)
        fitted = [shared(law, chosen.laws) for law in chosen.laws]
        learned = [to_numpy(learn(law, observations, aim, asked, key)) for law in fitted]
        why = [_unusable(one, aim.x.shape[0]) for one in learned]
        left_out = tuple(
            LeftOut(law.name, reason) for law, reason in zip(chosen.laws, why, strict=True) if reason
        )
        if len(left_out) == len(chosen.laws):
            reasons = "; ".join(f"{one.law}: {one.reason}" for one in left_out[:3])
            raise UserError(
                f"no law can be used on {chosen.problem.table}: {reasons}; check the units of the inputs "
                "(--map N=1e6*COLUMN rescales one) or take other laws"
            )
        usable = [index for index, reason in enumerate(why) if not reason]
        laws = tuple(chosen.laws[index] for index in usable)
        kept = tuple(learned[index] for index in usable)
        at_target = jnp.arange(aim.x.shape[0])[:, None]
        mixed = to_numpy(mix(Design(laws).weighing, laws, kept, observations, at_target))
    told = Ensemble(laws, chosen.problem, seen, (*chosen.left_out, *left_out))
    return Believed(told, tuple(fitted[index] for index in usable), kept, mixed, observations)


def _unusable(learned: Learned, num_target: int) -> str:
    """Why the fit of a law cannot be used, in words; empty if it can."""
    if not np.isfinite(learned.fit.loss[0]):
        return f"has no finite loss on the runs from any of {len(learned.fit.loss)} starts"
    used = np.asarray(learned.basins.weight) > 0
    here = np.asarray(learned.here.mean)[used, :num_target]
    return "" if np.isfinite(here).all() else "predicts nothing finite at the target"
