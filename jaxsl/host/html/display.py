"""How notebooks show fits, choices and pools: small HTML tables, escaped like everything here."""

from dataclasses import fields
from functools import cache
from typing import Any

import jinja2
import numpy as np

MOST_ROWS = 20  # of a pool; the first of them
MOST_RUNS = 10  # of a choice; the best of them


@cache
def environment() -> jinja2.Environment:
    """The templates of this folder; they escape everything they are given."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("jaxsl.host.html", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = lambda value, digits=4: f"{value:.{digits}g}"
    made.tests["finite"] = lambda value: bool(np.isfinite(value))
    made.tests["any_finite"] = lambda values: bool(np.isfinite(values).any())
    return made


def report_html(report: Any) -> str:
    """A fit or a choice as tables; any other report as a list of its numbers."""
    name = type(report).__name__
    template = name if name in ("FitReport", "NextReport") else "Other"
    return (
        environment()
        .get_template("display.html")
        .render(kind=template, it=report, rows=_scalars(report), shown=MOST_RUNS)
    )


def runs_html(runs: Any) -> str:
    """Runs and candidates, the first ``MOST_ROWS`` of them."""
    return (
        environment()
        .get_template("display.html")
        .render(kind="Runs", it=runs, rows=range(min(len(runs.x), MOST_ROWS)))
    )


def _scalars(report: Any) -> list[tuple[str, str]]:
    """Names and values of the fields that are numbers, text or short arrays."""
    values = [(field.name, getattr(report, field.name)) for field in fields(report)]
    return [
        (name, _text(value))
        for name, value in values
        if isinstance(value, str | int | float) or (isinstance(value, np.ndarray) and value.size <= MOST_ROWS)
    ]


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return ", ".join(_text(item) for item in np.ravel(value).tolist())
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else "–"
    return str(value)
