"""Predict anywhere without fitting: from a fit that was kept, or from published parameters.

>>> found = predict(law="chinchilla@epoch", at="N=7e10,D=1.4e12")
>>> round(float(found.prediction.median[0, 0]), 4)
1.9739
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jaxsl.host.answer.fit_report import FitReport
from jaxsl.host.answer.kept import Kept, load_fit
from jaxsl.host.answer.prediction import Prediction, prediction_at
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import decades_beyond
from jaxsl.host.errors import UserError
from jaxsl.host.input.intervals import LEVEL, check_level
from jaxsl.host.input.points import Points, points
from jaxsl.host.laws.common_inputs import common_inputs, whole
from jaxsl.host.laws.estimate import estimated, find_estimates
from jaxsl.host.writing import write_table

MADE_FOR_RUNS = (
    "the fit was made for the runs themselves: `jaxsl fit --target` says more of points far from them"
)


@dataclass(frozen=True)
class PredictReport(Report):
    """What is predicted, without a fit.

    Attributes:
        source: the kept fit, or the published parameters.
        laws: names of the laws, heaviest first, or as asked for.
        outputs: what they predict.
        prediction: at the points. Published parameters come without intervals, and several of them without a
            weight: what is not known is not a number, and ``by_law`` has what each says.
        notes: how far to trust it.
    """

    source: str
    laws: tuple[str, ...]
    outputs: tuple[str, ...]
    prediction: Prediction
    notes: tuple[str, ...]
    points: Points = field(repr=False, compare=False)

    def save(self, path: str | Path, inputs: Iterable[Any] = (), force: bool = False) -> None:
        """Write the table of points with ``OUTPUT_median``, ``_low`` and ``_high`` beside it.

        As Parquet where the name ends so, else as CSV; ``inputs`` and ``force`` as in
        ``jaxsl.host.writing.write_table``.

        Raises:
            UserError: as there; when the table has such a column already.
        """
        table = self.points.table.data
        for name, values in self._columns().items():
            if name in table.column_names:
                raise UserError(f"{self.points.table.name} has a column {name!r} already; rename it")
            table = table.append_column(name, pa.array(values))
        write_table(path, table, inputs, force)

    def _columns(self) -> dict[str, np.ndarray]:
        """What is known of every output, ``(row,)`` each."""
        found = self.prediction
        columns: dict[str, np.ndarray] = {}
        for index, output in enumerate(self.outputs):
            columns |= {
                f"{output}_{what}": getattr(found, what)[:, index] for what in ("median", "low", "high")
            }
            if len(self.laws) > 1:
                columns |= {f"{output}_{law}": values[:, index] for law, values in found.by_law.items()}
        return {name: values for name, values in columns.items() if np.isfinite(values).any()}


def predict(
    fit: FitReport | Kept | str | Path | None = None,
    *,
    at: Any,
    law: str | Iterable[str] | None = None,
    map: Mapping[str, str] | None = None,
    level: float | None = None,
    of: str | None = None,
) -> PredictReport:
    """Predict at points, by a fit or by published parameters.

    Args:
        fit: what ``jaxsl.host.fit`` found, or a file in which it was kept.
        at: a point ``"N=7e10,D=1.4e12"``, several, or a table.
        law: in place of a fit, published parameters such as ``"chinchilla@epoch"``, or several.
        map: law input -> column of the table, or expression over columns.
        level: of the intervals, in per cent; by default that of the fit.
        of: whether they are of an ``"outcome"`` or of the ``"curve"``; by default as the fit.

    Raises:
        UserError: for anything that cannot be used as it stands.
    """
    if (fit is None) == (law is None):
        raise UserError("predict by one thing: a fit that was kept, or --law NAME@ESTIMATE")
    if law is not None:
        return _published([law] if isinstance(law, str) else list(law), at, map, level, of)
    kept = fit.kept if isinstance(fit, FitReport) else fit
    if not isinstance(kept, Kept):
        if kept is None:
            raise UserError("only what jaxsl.host.fit found can predict further")
        kept = load_fit(kept)
    return _by_fit(kept, str(fit) if isinstance(fit, str | Path) else "this fit", at, map, level, of)


def _by_fit(
    kept: Kept, source: str, at: Any, mapping: Mapping[str, str] | None, level: float | None, of: str | None
) -> PredictReport:
    settings = kept.origin.settings
    level, of = settings["level"] if level is None else level, of or settings["of"]
    check_level(level, of)
    asked = points(at, kept.law, settings["map"] if mapping is None else mapping)
    unknown = np.full((len(asked.x), kept.law.num_outputs), np.nan)
    return PredictReport(
        source=source,
        laws=tuple(kept.laws[index].name for index in kept.components.heaviest_first),
        outputs=kept.law.outputs,
        prediction=prediction_at(
            kept.components, kept.laws, asked.x, asked.table.row_numbers, unknown, level, of
        ),
        notes=_notes(kept, asked.x),
        points=asked,
    )


def _notes(kept: Kept, x: np.ndarray) -> tuple[str, ...]:
    """What the reader should know of points that the fit was not made for."""
    beyond = decades_beyond(kept.law.inputs, kept.ranges, x)
    far = [f"{value:.2g} in {name}" for name, value in beyond.items() if value >= 0.005]
    notes = [f"points lie beyond the runs by so many decades: {', '.join(far)}"] if far else []
    if kept.target is None:
        notes.append(MADE_FOR_RUNS)
    else:
        aim = {row.tobytes() for row in kept.target}
        others = sum(row.tobytes() not in aim for row in x)
        if others:
            notes.append(f"{others} of {len(x)} points are not among the targets that the fit was made for")
    return tuple(notes)


def _published(
    names: list[str], at: Any, mapping: Mapping[str, str] | None, level: float | None, of: str | None
) -> PredictReport:
    if level is not None or of is not None:
        raise UserError("published parameters come without intervals; leave out --level and --of")
    found = find_estimates(names)
    laws = common_inputs([one.law for one in found])
    every = whole(laws)
    asked = points(at, every, mapping)
    by_law = {one.name: estimated(law, one.theta, asked.x) for one, law in zip(found, laws, strict=True)}
    nothing = np.full((len(asked.x), every.num_outputs), np.nan)
    return PredictReport(
        source="published parameters",
        laws=tuple(by_law),
        outputs=every.outputs,
        prediction=Prediction(
            x={name: asked.x[:, i] for i, name in enumerate(every.inputs)},
            row_numbers=asked.table.row_numbers,
            median=nothing if len(by_law) > 1 else by_law[names[0]],
            low=nothing,
            high=nothing,
            level=LEVEL,
            of="curve",
            outcome=np.stack([nothing, nothing]),
            curve=np.stack([nothing, nothing]),
            within=nothing,
            between=nothing,
            by_law=by_law,
            observed=nothing,
        ),
        notes=tuple(dict.fromkeys(f"{one.name}: {one.source}" for one in found if one.source)),
        points=asked,
    )
