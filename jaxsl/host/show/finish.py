"""What ``jaxsl finish`` prints."""

from jaxsl.host.answer.finish import FinishReport
from jaxsl.host.show.console import console, grid, interval, number, show_notes

SHOWN = 30  # runs, at most


def show_finish(report: FinishReport, output: str | None = None) -> None:
    """Print what every run ends at, and where all of it is."""
    out, runs = console(), report.runs
    to_come = sum(run.seen < run.step for run in runs)
    many = "s" if len(runs) > 1 else ""
    out.print(f"{len(runs)} run{many}, {to_come} of them to be finished, {report.law}", style="bold")
    out.print()
    rows = [
        [
            run.run,
            number(run.seen, 7),
            number(run.step, 7),
            f"{run.fallen:.0%}",
            number(run.median),
            interval(run.low, run.high) if run.seen < run.step else "known",
            number(run.weight, 2),
        ]
        for run in runs[:SHOWN]
    ]
    columns = ["run", "seen to", "ends at", "rate fallen", report.outcome, f"{report.level:g} % interval"]
    out.print(grid([*columns, "weight"], rows))
    if len(runs) > SHOWN:
        out.print(f"and {len(runs) - SHOWN} more runs{'' if output else '; -o FILE writes all'}")
    if output is not None:
        out.print(f"written to {output}")
    show_notes(out, [*(f"left out: {why}" for why in report.left_out), *report.notes])
