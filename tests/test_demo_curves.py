"""``jaxsl demo --curves``: a game on runs with checkpoints."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host.answer.points_or_curves import _Board, play
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.input.table import read
from laws.chinchilla import CHINCHILLA


def table():
    """Five sizes with five checkpoints each, and the lab's columns."""
    n, main = (
        part.ravel()
        for part in np.meshgrid(np.geomspace(1e6, 2e7, 5), 1e7 * 2.0 ** np.arange(5), indexing="ij")
    )
    loss = 1.8 + 400 * n**-0.35 + 2000 * (main * 9 / 8) ** -0.4
    loss += np.repeat(0.004 * np.random.default_rng(0).standard_normal(5), 5)
    rows = {"run": np.repeat(list("abcde"), 5), "N": n, "D": main * 9 / 8, "loss": loss}
    return rows | {
        "flops": 6 * n * main * 9 / 8,
        "flops_constant": 6 * n * main,
        "flops_decay": 6 * n * main / 8,
    }


def board(curves):
    return _Board(read(table()), CHINCHILLA, {}, curves, 90.0, 0)


def test_a_point_costs_its_whole_run_and_a_row_of_a_curve_what_is_left_of_the_way():
    unit = 6e13  # of the main run of the smallest size to its first checkpoint
    points, curves = board(False), board(True)
    assert points._buy(2) == pytest.approx(4 * 9 / 8 * unit) and points.known.sum() == 1
    assert curves._buy(2) == pytest.approx((4 + 7 / 8) * unit) and curves.known[:3].all()
    assert curves._buy(4) == pytest.approx((16 - 4 + 24 / 8) * unit) and curves.known.sum() == 5


def test_the_first_curves_are_one_of_each_of_the_smallest_sizes():
    assert board(True)._first() == [2, 7, 12, 17]
    assert len(board(False)._first()) == 12


@pytest.mark.slow
def test_both_games_keep_to_the_money_and_say_how_they_end():
    games = play(table(), CHINCHILLA, 0.5, 90.0, 0)
    assert games.num_rows == 21 and games.num_targets == 4
    for game in (games.points, games.curves):
        assert (
            game.purchases
            and game.spent <= games.money * (1 + 1e-9)
            and game.spent == game.purchases[-1].spent
        )
        assert np.isfinite([game.rmse, game.width, game.inside]).all()
    assert games.curves.known > len(games.curves.purchases)
    assert json.dumps(games.as_dict())


def test_a_table_without_the_lab_s_columns_is_refused():
    with pytest.raises(UserError, match="no column 'flops_constant'"):
        play(
            {name: values for name, values in table().items() if name != "flops_constant"},
            CHINCHILLA,
            0.5,
            90,
            0,
        )
    result = CliRunner().invoke(app, ["demo", "--curves", "--runs", "nowhere.csv"])
    assert result.exit_code == 2 or isinstance(result.exception, UserError)
