"""Which intervals of papers are asked for, and what of it a law and its runs cannot give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from jaxsl.bootstrap import Draw, Groups, Pairs, Residuals
from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import Expression, parse
from jaxsl.host.input.table import Table
from jaxsl.host.programs.packing import array
from jaxsl.law import Law

EVERY = "all"
GROUP = "group:"
FEWEST_DRAWS = 50  # of which a percentile means anything


@dataclass(frozen=True)
class PaperIntervals:
    """Which intervals are asked for; none by default.

    Attributes:
        t: by Student's t from the linearised covariance.
        bootstrap: draws of a bootstrap; 0 for none.
        draw: how they are drawn: ``"residuals"``, ``"pairs"``, or ``"group:COLUMN"`` for whole groups.
        profile: parameters whose likelihood is profiled, or ``"all"``.
        derive: derived quantities, name -> expression over the parameters; by all methods that are asked for
            but the profile, or by Student's t.
    """

    t: bool = False
    bootstrap: int = 0
    draw: str = "residuals"
    profile: Sequence[str] = ()
    derive: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> bool:
        """Whether any is."""
        return bool(self.t or self.bootstrap or self.profile or self.derive)


def check_intervals(
    asked: PaperIntervals, laws: Sequence[Law], table: Table, row_numbers: np.ndarray
) -> None:
    """Refuse before a fit what none of its laws could answer after it.

    Raises:
        UserError: as ``paper_intervals``.
    """
    if not asked.wanted:
        return
    draw_of(asked, table, row_numbers, len(row_numbers))
    refusals = [_refusal(asked, law, len(row_numbers)) for law in laws]
    if all(refusals):
        raise UserError(refusals[0])


def _refusal(asked: PaperIntervals, law: Law, num_runs: int) -> str:
    """Why a law cannot give the intervals that are asked for; empty if it can."""
    try:
        quantities_of(law, asked)
        profiles_of(law, asked)
        check_freedom(law, num_runs)
    except UserError as error:
        return str(error)
    return ""


def check_freedom(law: Law, num_runs: int) -> None:
    """Refuse runs that leave no degree of freedom."""
    count = num_runs * law.num_outputs
    if count <= law.num_params:
        raise UserError(
            f"{count} outcomes leave no degree of freedom beside the {law.num_params} parameters of "
            f"{law.name}: intervals of least squares need one outcome more"
        )


def quantities_of(law: Law, asked: PaperIntervals) -> dict[str, Expression]:
    """Parameters and derived quantities by name, as expressions over the parameters."""
    names = [param.name for param in law.params]
    quantities = {name: parse(f"`{name}`", names) for name in names}
    for name, text in asked.derive.items():
        if name in quantities:
            raise UserError(f"--derive {name}={text}: {law.name} has a parameter {name}; take another name")
        quantities[name] = parse(text, names)
        unknown = [one for one in quantities[name].names if one not in names]
        if unknown:
            raise UserError(
                f"--derive {name}={text}: {law.name} has no parameter {unknown[0]!r}; "
                f"it has {', '.join(names)}"
            )
    return quantities


def profiles_of(law: Law, asked: PaperIntervals) -> list[int]:
    """Numbers of the parameters to profile."""
    names = [param.name for param in law.params]
    wanted = names if EVERY in asked.profile and EVERY not in names else list(asked.profile)
    for name in wanted:
        if name not in names:
            raise UserError(
                f"--profile {name}: {law.name} has no parameter {name!r}; it has {', '.join(names)}, "
                f"and {EVERY} stands for them"
            )
    return [names.index(name) for name in wanted]


def draw_of(asked: PaperIntervals, table: Table, row_numbers: np.ndarray, size: int) -> Draw:
    """How data sets are drawn; groups are padded to ``size`` rows."""
    if asked.bootstrap and asked.bootstrap < FEWEST_DRAWS:
        raise UserError(f"--bootstrap {asked.bootstrap}: give {FEWEST_DRAWS} draws at least, such as 1000")
    plain: dict[str, Draw] = {"residuals": Residuals(), "pairs": Pairs()}
    if asked.draw in plain:
        return plain[asked.draw]
    if not asked.draw.startswith(GROUP):
        raise UserError(f"--draw {asked.draw}: choose one of residuals, pairs and group:COLUMN")
    column = asked.draw.removeprefix(GROUP)
    if column not in table.columns:
        raise UserError(
            f"--draw {asked.draw}: {table.name} has no column {column!r}; {table.suggest(column)}"
        )
    rows = np.flatnonzero(np.isin(table.row_numbers, row_numbers))
    _, group = np.unique(np.array(table.text(column))[rows], return_inverse=True)
    if group.max() == 0:
        raise UserError(f"--draw {asked.draw}: all runs are one group; a bootstrap needs several")
    return Groups(array(np.pad(group, (0, size - len(group)))))
