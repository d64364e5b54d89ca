"""What ``jaxsl tune`` prints."""

from jaxsl.host.show.console import console, grid, interval, number, show_notes
from jaxsl.host.show.grid import Grid
from jaxsl.host.tuning.report import ALONE, MINIMUM, OptimumLaw, TuneReport

SHOWN = 30  # cells, at most


def show_tune(report: TuneReport) -> None:
    """Print the cells, the laws of their optima, and what these say elsewhere."""
    out, cells = console(), report.cells
    told = sum(cell.usable for cell in cells)
    out.print(f"{len(cells)} cells of {', '.join(report.by)}, {told} with an optimum", style="bold")
    if any(cell.status != ALONE for cell in cells):
        out.print()
        out.print(_cells(report))
        if len(cells) > SHOWN:
            out.print(f"and {len(cells) - SHOWN} more cells; --json prints all")
    if report.laws:
        out.print()
        for law in report.laws:
            out.print(_formula(law))
        out.print(_exponents(report))
    if report.best:
        out.print()
        out.print(_elsewhere(report))
    for cell in cells:
        if cell.ties:
            rows = ", ".join(map(str, (cell.best_row, *cell.ties)))
            out.print(f"{report.unit}s {rows} tie for the least {report.outcome} of their cell")
    show_notes(out, report.notes)


def _cells(report: TuneReport) -> Grid:
    rows = []
    for cell in report.cells[:SHOWN]:
        row = [*(number(value) for value in cell.by.values()), str(cell.rows)]
        for name in report.over:
            known = cell.low[name] == cell.low[name]
            row += [number(cell.value[name]), interval(cell.low[name], cell.high[name]) if known else "-"]
        why = (
            ""
            if cell.status == MINIMUM
            else f"{cell.status}: {cell.why}; {report.unit} {cell.best_row} is best"
        )
        rows.append([*row, why])
    columns = [*report.by, "rows"]
    for name in report.over:
        columns += [f"best {name}", f"{report.level:g} % interval"]
    return grid([*columns, ""], rows, left=(len(columns),))


def _formula(law: OptimumLaw) -> str:
    powers = " ".join(f"{one.name}^{one.value:.4g}" for one in law.exponents)
    return (
        f"best {law.variable} = {number(law.factor)} {powers}, on {law.cells} cells; R² {number(law.r2)}, "
        f"left over a factor of {number(2.718281828459045**law.sigma, 3)}"
    )


def _exponents(report: TuneReport) -> Grid:
    rows = [
        [law.variable, one.name, number(one.value), interval(one.low, one.high)]
        for law in report.laws
        for one in law.exponents
    ]
    return grid(["best", "power of", "exponent", f"{report.level:g} % interval"], rows, left=(0, 1))


def _elsewhere(report: TuneReport) -> Grid:
    rows = [
        [
            *(number(value) for value in one.by.values()),
            one.variable,
            number(one.median),
            interval(one.low, one.high),
            interval(one.curve_low, one.curve_high),
        ]
        for one in report.best
    ]
    share = f"{report.level:g} % interval"
    return grid([*report.by, "best", "median", share, f"{share} of the law"], rows, left=(len(report.by),))
