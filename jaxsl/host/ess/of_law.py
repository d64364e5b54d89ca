"""What the prediction of any fitted scaling law is worth, in test items on the target."""

from collections.abc import Mapping
from typing import Any, Unpack

import numpy as np

from jaxsl.host.answer.fit import answered, fit_report
from jaxsl.host.answer.which_laws import Laws, ensemble, resolved, run_table
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import require_noise
from jaxsl.host.ess.link import check_interval
from jaxsl.host.ess.link_runs import LinkRuns, ready_link, remarks, require_shares
from jaxsl.host.ess.report import LawEssReport, LawWorth
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.reading import Reading


def assess_law(
    runs: Any,
    law: Laws,
    *,
    target: Any,
    map: Mapping[str, str] | None = None,
    outcome: str | None = None,
    link: str = "identity",
    link_runs: Any = None,
    performance: str | None = None,
    family: str | None = None,
    level: float = LEVEL,
    of: str = "curve",
    sides: int = 1,
    width: float | None = None,
    item_sd: float | None = None,
    draws: int = 1000,
    seed: int = 0,
    **how: Unpack[Reading],
) -> LawEssReport:
    """Fit a law, or several, predict the outcome at targets, and say what each prediction is worth.

    The intervals are those of ``jaxsl.host.fit``. A law that predicts a loss can go through a link to a
    performance; without one, ``item_sd`` says how a direct test of the loss would do.

    Args:
        runs, law, target, map, outcome, how: as in ``jaxsl.host.fit``; laws of one output.
        link, link_runs, performance, family, sides, width, item_sd, draws: as in
            ``jaxsl.host.ess.of_line.assess``; the link's models have the outcome's column too.
        level: of the intervals, in per cent; with a link that was fitted half of what is missing to 100 goes
            to the outcome and half to the link.
        of: the interval that is meant, of the ``"curve"`` that a test on many items would show, or of an
            ``"outcome"``.
        seed: of the fit's starts and of the bootstrap.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_level(level, of)
    delta = 1 - level / 100
    check_interval(delta, sides, None)
    laws = resolved(law)
    table = run_table(runs, laws, map, outcome, **how)
    chosen = ensemble(table, laws, mapping=map, outcome=outcome, target=target)
    problem, seen, name = chosen.problem, chosen.seen, chosen.problem.law.name
    if problem.law.num_outputs != 1:
        raise UserError(f"{name} has {problem.law.num_outputs} outputs; ESS needs a law that predicts one")
    if problem.targets is None:
        raise UserError("there is no target; say what to predict with --target")
    column = outcome or (map or {}).get(problem.law.outputs[0], problem.law.outputs[0])
    ready, check = ready_link(
        link, LinkRuns(link_runs, column, performance, family), delta, draws, seed, width, item_sd
    )
    if ready.wants_shares:
        require_shares(table, column, "--y", np.nan_to_num(table.evaluate(column), nan=0.5))
    share = ready.share(delta)
    report = fit_report(answered(chosen, 100 * (1 - share), of, seed))
    best, predicted = report.laws[0], report.prediction
    assert predicted is not None
    dof = len(seen.x) - best.num_params
    if dof < 1:
        raise UserError(
            f"{problem.table} has {len(seen.x)} runs with an outcome, and {best.law} {best.num_params} "
            "parameters: nothing is left to estimate the noise from; run more, or take a simpler law"
        )
    require_noise(best.residuals.rmse, seen.y, problem.table)
    worth = tuple(
        LawWorth(
            row_number=int(predicted.row_numbers[i]),
            x={name: float(values[i]) for name, values in predicted.x.items()},
            y=float(predicted.median[i, 0]),
            y_low=float(predicted.low[i, 0]),
            y_high=float(predicted.high[i, 0]),
            performance=ready.items(
                float(predicted.median[i, 0]),
                float(predicted.low[i, 0]),
                float(predicted.high[i, 0]),
                delta,
                sides,
            ),
        )
        for i in range(len(predicted.median))
    )
    notes = [note for one in worth for note in remarks(ready, one.performance, None, delta)]
    notes += remarks(ready, worth[0].performance, check, delta) if check is not None else []
    return LawEssReport(
        law=report.name,
        num_runs=len(seen.x),
        dof=dof,
        noise=best.noise,
        prediction=predicted,
        worth=worth,
        link=ready.name,
        link_models=ready.num_models,
        delta=delta,
        sides=sides,
        families=check,
        trust=report.trust,
        notes=tuple(dict.fromkeys([*report.notes, *notes])),
    )
