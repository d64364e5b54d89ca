"""What ``jaxsl fit --by`` prints: groups of runs side by side."""

import numpy as np

from jaxsl.host.answer.by import ByReport, Sharing
from jaxsl.host.answer.fit_report import FitReport
from jaxsl.host.show.answers import predictions, show_rest
from jaxsl.host.show.console import console, grid, interval, number

UNLIKELY = 0.05  # probability below which groups are said to differ


def show_by(report: ByReport) -> None:
    """Print the fits of groups."""
    out, together = console(), report.together
    out.print(
        f"{together.num_runs} runs in {len(report.groups)} groups by {report.by}, {together.name}",
        style="bold",
    )
    best = together.laws[0].law
    every = {**report.groups, "all together": together}
    names = [parameter.name for parameter in together.laws[0].basins[0].parameters]
    rows = [[name, str(fit.num_runs), *_parameters(fit, best, len(names))] for name, fit in every.items()]
    out.print()
    out.print(f"{best}: parameters and RMSE")
    out.print(grid([report.by, "runs", *names, "RMSE"], rows))
    for sharing in report.sharing:
        out.print(_said(sharing))
    for name, fit in every.items():
        if fit.prediction is not None:
            out.print()
            out.print(f"target, {name}")
            out.print(predictions(fit.prediction))
    out.print()
    show_rest(out, together.trust, together.left_out, together.notes)


def _parameters(fit: FitReport, law: str, num: int) -> list[str]:
    """Values with intervals and the RMSE of one law in a fit, ``num`` of them."""
    found = next((one for one in fit.laws if one.law == law), None)
    if found is None:
        return ["-"] * (num + 1)
    values = [
        f"{number(parameter.value)} {interval(parameter.low, parameter.high)}"
        for parameter in found.basins[0].parameters
    ]
    return [*values, number(found.residuals.rmse)]


def _said(sharing: Sharing) -> str:
    """The F test in words."""
    if not np.isfinite(sharing.p):
        return f"{sharing.law}: the runs are too few to tell whether the groups share its parameters"
    differ = "they differ" if sharing.p < UNLIKELY else "they may"
    a, b = sharing.dof
    return (
        f"do all groups share the parameters of {sharing.law}? F({a}, {b}) = {number(sharing.f, 3)}, "
        f"p = {number(sharing.p, 2)}: {differ}"
    )
