"""Best sizes in multiples, against all multiples there are."""

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.decision.optimal import optimal
from jaxsl.host.errors import UserError
from laws.chinchilla import CHINCHILLA

pytestmark = pytest.mark.slow
E, A, ALPHA, B, BETA = CHINCHILLA.estimates["epoch"]
C = 1e21


def loss(size, tokens):
    return E + A * size**-ALPHA + B * tokens**-BETA


def best(multiple, budget=C, **options):
    return optimal(
        None, "chinchilla@epoch", cost="6*N*D", budget=budget, multiple=multiple, **options
    ).decisions


@pytest.fixture(scope="module")
def least():
    """The least loss, without rounding."""
    return best({})[0]["loss"].median


def test_one_input_is_the_best_of_its_multiples_and_the_other_is_solved_for_again(least):
    found = best({"N": 1e9})[0].rounded
    sizes = 1e9 * np.arange(1, 10)
    wanted = loss(sizes, C / 6 / sizes)
    assert found.x["N"] == sizes[np.argmin(wanted)] == 3e9
    assert found.x["D"] == pytest.approx(C / 6 / 3e9, rel=1e-9)
    assert found.cost == pytest.approx(C, rel=1e-9)
    assert found.given_up == pytest.approx(wanted.min() - least, abs=1e-9)


@pytest.mark.parametrize("steps", [{"N": 1e9, "D": 1e10}, {"D": 1e10, "N": 1e9}, {"N": 3e8, "D": 3e9}])
def test_two_inputs_keep_within_the_budget(steps, least):
    found = best(steps)[0].rounded
    sizes, tokens = np.meshgrid(steps["N"] * np.arange(1, 40), steps["D"] * np.arange(1, 60))
    wanted = np.where(6 * sizes * tokens <= C * (1 + 1e-9), loss(sizes, tokens), np.inf)
    at = np.unravel_index(np.argmin(wanted), wanted.shape)
    assert found.cost <= C and (found.x["N"], found.x["D"]) == (sizes[at], tokens[at])
    assert found.given_up == pytest.approx(wanted.min() - least, abs=1e-9)


def test_whole_numbers_give_up_nothing_and_every_budget_is_rounded():
    for decision in best({"N": 1}, budget=[1e21, 1e22]):
        assert decision.rounded.x["N"] == pytest.approx(decision["N"].median, abs=1)
        assert decision.rounded.given_up < 1e-12
        assert decision.rounded.cost == pytest.approx(decision.budget, rel=1e-9)


def test_what_cannot_be_rounded_is_said():
    with pytest.raises(UserError, match="--multiple M: is nothing that may be chosen; that is N, D"):
        best({"M": 2.0})
    with pytest.raises(UserError, match="--multiple N=0: give a positive number"):
        best({"N": 0.0})
    with pytest.raises(UserError, match="take smaller multiples"):
        best({"N": 1e10}, range={"N": (1e9, 5e9)})


def test_the_command_says_what_rounding_costs():
    asked = ("optimal", "--law", "chinchilla@epoch", "--budget", "1e21", "--multiple")
    shown = CliRunner().invoke(app, [*asked, "N=1e9"])
    assert shown.exit_code == 0 and "N = 3,000,000,000, D = 55,555,555,556 for 1e+21" in shown.stdout
    refused = CliRunner().invoke(app, [*asked, "N"])
    assert refused.exit_code == 2 and "write NAME=VALUE, such as --multiple N=1e6" in refused.stderr
