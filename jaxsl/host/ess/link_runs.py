"""The models that a link is learned from, and what is to be said about it."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl import link as links
from jaxsl.host.errors import UserError
from jaxsl.host.ess.line_runs import finite_column
from jaxsl.host.ess.link import FITTED, Items, Link, fit_link, known_link, score_link
from jaxsl.host.ess.report import FamilyCheck
from jaxsl.host.input.table import Table, read
from jaxsl.precision import double_precision


@dataclass(frozen=True)
class LinkRuns:
    """Models of other families, for a link that is to be fitted.

    Attributes:
        source: their table; None for a link that is known.
        y, performance, family: its columns; a family is only needed for the check.
    """

    source: Any
    y: str
    performance: str | None
    family: str | None


def ready_link(
    link: str,
    models: LinkRuns,
    delta: float,
    draws: int,
    seed: int,
    width: float | None = None,
    item_sd: float | None = None,
) -> tuple[Link, FamilyCheck | None]:
    """The link that ``--link`` names, fitted where it has no numbers; and whether it holds across families.

    Raises:
        UserError: when it cannot be fitted, or options have no use.
    """
    ready = known_link(link)
    if ready is not None:
        idle = (
            ("--link-runs", models.source),
            ("--performance", models.performance),
            ("--family", models.family),
        )
        for option, value in idle:
            if value is not None:
                raise UserError(
                    f"{option} {value}: --link {link} is not fitted, so it has no use there; leave it out, "
                    f"or choose one of {', '.join(FITTED)}"
                )
        return score_link(ready, width, item_sd), None
    y, p, names = _models(link, models)
    ready = score_link(fit_link(link, y, p, "--link-runs", draws, seed), width, item_sd)
    return ready, None if names is None else _families(link, y, p, names, delta, seed)


def require_shares(table: Table, column: str, option: str, values: np.ndarray) -> None:
    """Refuse performances outside [0, 1]."""
    bad = np.flatnonzero(~((values >= 0) & (values <= 1)))
    if bad.size:
        raise UserError(
            f"{table.place(int(bad[0]))}: {option} {column} is {values[bad[0]]:g}, but a performance is a "
            f'share between 0 and 1; write percentages as {option} "{column}/100"'
            + (", give --link for another quantity, --item-sd for a loss" if option == "--y" else "")
        )


def remarks(link: Link, found: Items, check: FamilyCheck | None, delta: float) -> list[str]:
    """What is worth saying about a prediction."""
    notes = []
    if link.wants_shares and not 0 <= found.point <= 1:
        notes.append(
            f"the predicted performance {found.point:.4g} is no share: raw performance follows no line so "
            "far; predict a critical quantity and give a link"
        )
    if found.upper <= found.lower:
        notes.append(
            "the link is flat there to rounding, so the interval has no length and no size a meaning"
        )
    if check is not None and check.scattered_coverage < 1 - 2 * delta:
        notes.append(
            "the link is not universal: learned from the other families, scatter included, it covers "
            f"{check.scattered_coverage:.0%} of the models instead of {1 - delta:.0%}"
        )
    if check is not None and check.coverage < 1 - 2 * delta:
        notes.append(
            "the interval above is too short for one model: held out, such intervals cover "
            f"{check.coverage:.0%} of them, since they leave out the scatter of models around the link"
        )
    return notes


def _models(link: str, models: LinkRuns) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Scores, performances and families of the models that the link is learned from."""
    if models.source is None or models.performance is None:
        raise UserError(
            f"--link {link} is fitted to models of other families: give --link-runs FILE with their scores "
            "and --performance COLUMN; or give a known link, or --link identity"
        )
    table = read(models.source)
    scores = finite_column(table, models.y, "--y")
    performances = finite_column(table, models.performance, "--performance")
    require_shares(table, models.performance, "--performance", performances)
    if models.family is None:
        return scores, performances, None
    table.require(models.family, "--family")
    return scores, performances, np.array(table.text(models.family))


def _families(
    link: str, y: np.ndarray, p: np.ndarray, names: np.ndarray, delta: float, seed: int
) -> FamilyCheck | None:
    """Leave one family out; None when the others would be too few."""
    families = np.unique(names)
    members = names == families[:, None]
    if families.size < 2 or (y.size - members.sum(axis=1)).min() < FITTED[link].fewest:
        return None
    with double_precision():
        key = jax.random.key(seed)

        def check(key, y, p, members):
            return links.leave_one_family_out(FITTED[link], key, y, p, members, delta=delta)

        held_out = jax.jit(check)(key, jnp.asarray(y), jnp.asarray(p), jnp.asarray(members))
    covered = (np.asarray(held_out.lower) <= p) & (p <= np.asarray(held_out.upper))
    inside = (np.asarray(held_out.scattered_lower) <= p) & (p <= np.asarray(held_out.scattered_upper))
    number = members.sum(axis=1)
    return FamilyCheck(
        families=tuple(str(name) for name in families),
        num_models=number,
        covered=members @ covered.astype(int),
        bias=members @ (p - np.asarray(held_out.prediction)) / number,
        coverage=float(covered.mean()),
        scattered=members @ inside.astype(int),
        scattered_coverage=float(inside.mean()),
    )
