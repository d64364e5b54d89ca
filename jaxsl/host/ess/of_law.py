"""What the prediction of any fitted scaling law is worth, in test items on the target."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri, stdtrit

from jaxsl.basins import BasinRule
from jaxsl.design import Design
from jaxsl.host.answer.describe import fit_report
from jaxsl.host.answer.one_law import fitted
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import require_noise
from jaxsl.host.ess.link import check_interval
from jaxsl.host.ess.link_runs import LinkRuns, ready_link, remarks, require_shares
from jaxsl.host.ess.report import LawEssReport, LawWorth
from jaxsl.host.input.problem import runs as read_problem
from jaxsl.host.input.table import read
from jaxsl.law import Law
from jaxsl.noise import InverseGamma
from jaxsl.posterior import moments, quantile
from jaxsl.precision import double_precision

RESIDUAL = InverseGamma(a0=1.0, fraction=0.0, spend=True)  # SSR / (n - P)


def assess_law(
    runs: Any,
    law: Law,
    *,
    target: Any,
    mapping: Mapping[str, str] | None = None,
    outcome: str | None = None,
    link: str = "identity",
    link_runs: Any = None,
    performance: str | None = None,
    family: str | None = None,
    delta: float = 0.05,
    sides: int = 1,
    width: float | None = None,
    item_sd: float | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> LawEssReport:
    """Fit a law, predict its outcome at targets, and say what each prediction is worth.

    The interval is that of the fit's posterior for the noise-free outcome, all basins included. Its noise is
    the residuals' own, ``SSR / (n - P)``, with Student's t; the prior that guards the choice of the next run
    would hide what many good runs are worth. A law that predicts a loss can go through a link to a
    performance; without one, ``item_sd`` says how a direct test of the loss would do.

    Args:
        runs, target, mapping, outcome: as in ``jaxsl.host.input.problem.runs``.
        law: of one output.
        link, link_runs, performance, family, delta, sides, width, item_sd, draws: as in
            ``jaxsl.host.ess.of_line.assess``; the link's models have the outcome's column too.
        seed: of the fit's starts and of the bootstrap.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    check_interval(delta, sides, None)
    if law.num_outputs != 1:
        raise UserError(f"{law.name} has {law.num_outputs} outputs; ESS needs a law that predicts one")
    table, column = read(runs), outcome or (mapping or {}).get(law.outputs[0], law.outputs[0])
    problem = read_problem(table, law, mapping=mapping, outcome=outcome, target=target)
    if problem.targets is None:
        raise UserError("there is no target; say what to predict with --target")
    ready, check = ready_link(
        link, LinkRuns(link_runs, column, performance, family), delta, draws, seed, width, item_sd
    )
    if ready.wants_shares:
        require_shares(table, column, "--y", np.nan_to_num(table.evaluate(column), nan=0.5))
    seen, now = fitted(problem, seed, Design((law,), basin_rule=BasinRule(prior=RESIDUAL)))
    report = fit_report(problem, seen, now)
    dof = len(seen.x) - law.num_params
    if dof < 1:
        raise UserError(
            f"{problem.table} has {len(seen.x)} runs with an outcome, and {law.name} {law.num_params} "
            "parameters: nothing is left to estimate the noise from; run more, or take a simpler law"
        )
    require_noise(report.noise, seen.y, problem.table)
    share = ready.share(delta)
    wider = float(stdtrit(dof, 1 - share / 2) / ndtri(1 - share / 2))
    with double_precision():
        at = jnp.asarray(problem.targets.x)
        posterior = jax.tree.map(jnp.asarray, now.belief.posterior)
        ends = np.asarray(quantile(posterior, at, (share / 2, 1 - share / 2), noisy=False))[..., 0]
        mean = np.asarray(moments(posterior, at).mean)[:, 0]
    ends = mean + wider * (ends - mean)
    worth = tuple(
        LawWorth(
            row_number=int(problem.targets.row_numbers[i]),
            x=dict(zip(law.inputs, problem.targets.x[i].tolist(), strict=True)),
            y=float(mean[i]),
            y_low=float(ends[0, i]),
            y_high=float(ends[1, i]),
            performance=ready.items(float(mean[i]), float(ends[0, i]), float(ends[1, i]), delta, sides),
        )
        for i in range(len(mean))
    )
    notes = [note for one in worth for note in remarks(ready, one.performance, None, delta)]
    notes += remarks(ready, worth[0].performance, check, delta) if check is not None else []
    return LawEssReport(
        law=law.name,
        num_runs=len(seen.x),
        dof=dof,
        noise=report.noise,
        worth=worth,
        link=ready.name,
        link_models=ready.num_models,
        delta=delta,
        sides=sides,
        families=check,
        notes=tuple(dict.fromkeys([*report.notes, *notes])),
    )
