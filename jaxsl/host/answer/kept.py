"""A fit that is kept: what predicts, in a JSON file, and the laws it was made with.

>>> import tempfile
>>> from pathlib import Path
>>> from jaxsl.host.answer.fit import fit
>>> runs = {"N": [1e6, 2e6, 4e6, 8e6, 16e6], "loss": [3.9, 3.62, 3.41, 3.2, 3.02]}
>>> path = Path(tempfile.mkdtemp()) / "fit.json"
>>> fit(runs, "kaplan/n", target="N=1e9").save(path)
>>> load_fit(path).num_runs
5

Nothing in such a file is evaluated: its laws are found by their names, and refused where they are no longer
what they were.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jaxsl.error_scale import on_scale
from jaxsl.host.answer.believed import Believed
from jaxsl.host.answer.components import Components
from jaxsl.host.answer.fit_options import PLAIN, FitOptions
from jaxsl.host.answer.kept_posterior import read_posterior, written
from jaxsl.host.answer.provenance import Provenance, provenance
from jaxsl.host.answer.report import plain
from jaxsl.host.errors import UserError
from jaxsl.host.input.table import Table
from jaxsl.host.laws.common_inputs import common_inputs, whole
from jaxsl.host.laws.identity import MOST_TARGETS, difference, find_again, fingerprint
from jaxsl.host.programs.learning import Lesson
from jaxsl.host.writing import write_text
from jaxsl.law import Law
from jaxsl.precision import double_precision, to_numpy

FORMAT, VERSION = "jaxsl fit", 1


@dataclass(frozen=True)
class Kept:
    """A fit as it is kept.

    Attributes:
        names: by which the laws are found again.
        laws: over the same inputs and outputs.
        components: what predicts, every posterior in its law's own parameters.
        basins: of each law, heaviest first: weight, RMSE on the runs, and parameters by name.
        origin: data, settings and versions it was made with.
        num_runs: runs it was fitted to.
        ranges: least and largest of the inputs of those, ``(2, feature)``.
        target: what it was made for, ``(target, feature)``; None for the runs themselves.
        options: how the laws were fitted, which made them what they are.
        units: by the name of each law, that in which it takes outcomes.
    """

    names: tuple[str, ...]
    laws: tuple[Law, ...]
    components: Components
    basins: tuple[tuple[Mapping[str, Any], ...], ...]
    origin: Provenance
    num_runs: int
    ranges: np.ndarray
    target: np.ndarray | None
    options: FitOptions = PLAIN
    units: Mapping[str, float] = field(default_factory=dict)

    @property
    def law(self) -> Law:
        """The law; of several, a stand-in with their inputs and outputs."""
        return whole(self.laws)

    @property
    def near(self) -> list[list[float]]:
        """Around which configurations the laws are recognised."""
        return (self.ranges if self.target is None else self.target[:MOST_TARGETS]).tolist()

    def save(self, path: str | Path, force: bool = False) -> None:
        """Write it to ``path``, over another file only with ``force``.

        Raises:
            UserError: as ``jaxsl.host.writing.write_file``; for a law that is found by no name.
        """
        prints = [fingerprint(law, self.near) for law in self.laws]
        for law, changed in zip(self.laws, self.changes(prints), strict=True):
            if changed:
                raise UserError(
                    f"{path} would find another {law.name} ({changed}); give yours as path/to/file.py:NAME"
                )
        record = {
            "format": FORMAT,
            "version": VERSION,
            "laws": [
                {
                    "name": name,
                    "fingerprint": known,
                    "weight": float(share),
                    "dof": dof,
                    "basins": basins,
                    "components": written(posterior),
                }
                for name, known, share, dof, basins, posterior in zip(
                    self.names,
                    prints,
                    self.components.share,
                    self.components.dof,
                    self.basins,
                    self.components.posteriors,
                    strict=True,
                )
            ],
            "num_runs": self.num_runs,
            "fit": self.options.record(),
            "units": self.units,
            "ranges": self.ranges,
            "target": self.target,
            "origin": self.origin,
        }
        text = json.dumps(plain(record), allow_nan=False, ensure_ascii=False)
        write_text(path, text + "\n", force=force)

    def changes(self, prints: Sequence[Mapping[str, Any]]) -> list[str]:
        """What the laws of its names are no longer, in words, by how they were known; empty where nothing."""
        now = _fitted_as(self.names, self.options, self.units)
        return [
            difference(dict(before), fingerprint(law, self.near))
            for before, law in zip(prints, now, strict=True)
        ]


def keep(
    asked: Sequence[Law | str],
    table: Table,
    found: Believed,
    settings: Mapping[str, Any],
    targeted: bool,
    options: FitOptions = PLAIN,
    units: Mapping[str, float] | None = None,
) -> Kept:
    """What is kept of a belief.

    Args:
        asked: laws as they were asked for by name; others are found by the names they have.
        table: of the runs.
        found: the belief.
        settings: the options that decide it.
        targeted: whether it was made for a target.
        options, units: how the laws were fitted, as in ``Kept``.
    """
    again = {law.name: name for law, name in map(find_again, asked)}
    x = np.asarray(found.observations.x)[np.asarray(found.observations.mask)]
    aim = np.asarray(found.target.x)[np.asarray(found.target.weight) > 0]
    with double_precision():
        posteriors = tuple(to_numpy(found.own_posterior(index)) for index in range(len(found.laws)))
    return Kept(
        names=tuple(again.get(law.name, law.name) for law in found.laws),
        laws=found.laws,
        components=Components(posteriors, found.components.dof, found.share, found.scale),
        basins=tuple(map(_basins, found.laws, found.lessons)),
        origin=provenance(table, found.laws, settings),
        num_runs=len(x),
        ranges=np.stack([x.min(axis=0), x.max(axis=0)]),
        target=aim if targeted else None,
        options=options,
        units={law.name: (units or {}).get(law.name, 1.0) for law in found.laws},
    )


def load_fit(path: str | Path) -> Kept:
    """Read a fit that was kept by ``jaxsl fit --save`` or ``save``.

    Raises:
        UserError: when there is none or it is damaged; when one of its laws is not found, or is no longer
            what it was.
    """
    record = _record(path)
    try:
        kept = _kept(record)
        prints = [one["fingerprint"] for one in record["laws"]]
        changes = kept.changes(prints)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}: {error}); make it again by jaxsl fit --save"
        ) from None
    for law, changed in zip(kept.laws, changes, strict=True):
        if changed:
            raise UserError(
                f"law {law.name} is no longer what {path} was made with: {changed}. Put it back as it was, "
                "or fit again"
            )
    return kept


def _record(path: str | Path) -> dict[str, Any]:
    """The object in a file of this format."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}; check the path") from None
    except ValueError:
        record = None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise UserError(
            f"{path} is no fit that was kept; make one by jaxsl fit RUNS --law NAME --save {path}"
        )
    if record.get("version") != VERSION:
        raise UserError(
            f"{path} was written in version {record.get('version')} of the format and this jaxsl reads "
            f"{VERSION}; update jaxsl, or fit again"
        )
    return record


def _kept(record: Mapping[str, Any]) -> Kept:
    names = tuple(str(one["name"]) for one in record["laws"])
    options, units = FitOptions(**record.get("fit", {})), record.get("units", {})
    laws = _fitted_as(names, options, units)
    return Kept(
        names=names,
        laws=laws,
        components=Components(
            tuple(
                read_posterior(law, one["components"]) for law, one in zip(laws, record["laws"], strict=True)
            ),
            tuple(float(one["dof"]) for one in record["laws"]),
            np.array([one["weight"] for one in record["laws"]], float),
            options.scale,
        ),
        basins=tuple(tuple(one["basins"]) for one in record["laws"]),
        origin=Provenance(**record["origin"]),
        num_runs=int(record["num_runs"]),
        ranges=np.array(record["ranges"], float),
        target=None if record["target"] is None else np.array(record["target"], float),
        options=options,
        units=units,
    )


def _fitted_as(names: Sequence[str], options: FitOptions, units: Mapping[str, float]) -> tuple[Law, ...]:
    """The laws of these names as they are fitted."""
    laws = options.laws(common_inputs([find_again(name)[0] for name in names]), units)
    return tuple(on_scale(law, options.scale) for law in laws)


def _basins(law: Law, lesson: Lesson) -> tuple[dict[str, Any], ...]:
    basins = lesson.learned.basins
    return tuple(
        {
            "weight": float(basins.weight[index]),
            "rmse": float(np.sqrt(basins.loss[index])),
            "parameters": {
                param.name: float(value) for param, value in zip(law.params, basins.theta[index], strict=True)
            },
        }
        for index in np.flatnonzero(basins.weight > 0)
    )
