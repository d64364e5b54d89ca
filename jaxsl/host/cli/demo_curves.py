"""``jaxsl demo --curves``: the same rows bought one by one, and as curves."""

from pathlib import Path
from typing import TYPE_CHECKING

from jaxsl.host.show.console import console, grid, number, print_json

if TYPE_CHECKING:
    from jaxsl.host.answer.points_or_curves import Games
    from jaxsl.law import Law


def play_curves(runs: Path, law: "Law", share: float, level: float, seed: int, json: bool) -> None:
    """Play both games and print how they end; arguments as of ``jaxsl demo``."""
    from jaxsl.host.answer.points_or_curves import play

    def told(words: str) -> None:
        if not json:
            console().print(words, style="dim")

    found = play(str(runs), law, share, level, seed, told)
    print_json(found) if json else _show(found)


def _show(found: "Games") -> None:
    out = console()
    out.print()
    out.print(
        f"{found.num_rows} rows of {found.num_runs} runs, outcomes hidden; the {found.num_targets} dearest "
        f"rows are to be predicted for {number(found.money, 3)}, {found.money / found.pool_cost:.0%} of what "
        "all others cost one by one."
    )
    out.print()
    rows = [
        [
            "curves" if game.curves else "points, one by one",
            f"{game.spent / found.money:.0%}",
            str(game.known),
            number(game.rmse, 3),
            number(game.width, 3),
            f"{game.inside:.0%}",
        ]
        for game in (found.points, found.curves)
    ]
    level = f"{found.points.prediction.level:g} %"
    out.print(grid(["bought as", "spent", "outcomes", "RMSE", f"{level} width", "inside"], rows))
