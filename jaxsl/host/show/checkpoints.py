"""What ``jaxsl checkpoints`` prints."""

from jaxsl.host.answer.checkpoints import CheckpointsReport
from jaxsl.host.show.answers import predictions, show_rest
from jaxsl.host.show.console import console, grid, number


def show_checkpoints(report: CheckpointsReport) -> None:
    """Print the rows of every run, the best for their price first."""
    out, fit = console(), report.fit
    assert fit.prediction is not None
    out.print(f"{fit.num_runs} runs, {', '.join(law.law for law in fit.laws)}", style="bold")
    out.print()
    out.print("target, before any further row")
    out.print(predictions(fit.prediction))
    inputs = list(fit.prediction.x)
    columns = [fit.trust.unit, *inputs, "price", "price so far", "variance falls by"]
    for run in report.runs:
        out.print()
        out.print(f"{report.group} {run.run or '-'}{', which goes on' if run.goes_on else ''}, best first")
        rows = [
            [
                str(one.row_number),
                *(number(value) for value in one.x.values()),
                *(number(value) for value in (one.price, one.spent)),
                f"{one.falls:.1%}",
            ]
            for one in run.checkpoints
        ]
        out.print(grid(columns, rows))
    show_rest(out, fit.trust, fit.left_out, fit.notes)
