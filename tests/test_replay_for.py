"""Replays for a decision: what a choice gives up is checked with SciPy, what ways needed by hand."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from typer.testing import CliRunner

from jaxsl.host.answer.history import BUDGETS, Seen, Walk
from jaxsl.host.cli import app
from jaxsl.host.decision.aim import read_aim
from jaxsl.host.decision.decided import losses
from jaxsl.host.decision.decided_history import DECIDING, DecidedHistory
from jaxsl.host.decision.known import published
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.decision.replay_for import UNDECIDED, Judged, path_of, replay_for, scores_of
from jaxsl.host.errors import UserError
from laws.chinchilla import CHINCHILLA

COST, AIM = "6*N*D", "optimal:C=1e22"
EPOCH = np.array(CHINCHILLA.estimates["epoch"])


def table():
    """Sixteen runs that are done."""
    n, d = (part.ravel() for part in np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 6e10, 4)))
    loss = 1.82 + 482 * n**-0.348 + 2085 * d**-0.366 + np.random.default_rng(0).normal(0, 0.003, 16)
    return {"N": n, "D": d, "loss": loss}


def true_loss(n, d):
    e, a, alpha, b, beta = EPOCH
    return e + a / n**alpha + b / d**beta


@pytest.mark.slow
def test_what_sizes_give_up_is_the_loss_above_the_least_of_their_cost(float64):
    x = np.array([[1e9, 1e11], [4e9, 1e10], [2e8, 2e12]])
    told, above = losses(published("chinchilla@epoch", COST, {}, {}), x)
    for (n, d), loss, more in zip(x, told, above, strict=True):
        least = minimize_scalar(lambda v, nd=n * d: true_loss(np.exp(v), nd / np.exp(v)), (15, 25))
        assert loss == pytest.approx(true_loss(n, d), rel=1e-9)
        assert more == pytest.approx(true_loss(n, d) - least.fun, abs=1e-9)
    theta = jnp.asarray(EPOCH)
    np.testing.assert_allclose(told, np.asarray(CHINCHILLA.predict(theta, jnp.asarray(x)))[:, 0], rtol=1e-9)


def walk(way, spent):
    return Walk(way, [Seen(one, place, np.ones((3, 2))) for place, one in enumerate(spent)], True)


def judged(regrets):
    return [UNDECIDED if np.isnan(one) else Judged(2 * one, one, 1.0, 0.5) for one in regrets]


def test_what_was_needed_is_where_the_decision_came_to_stay():
    steps = walk("active", [1.0, 3.0, 7.0, 15.0])
    assert path_of(steps, judged([0.1, 0.3, 0.1, 0.0]), 0.2, read_aim(AIM)).needed == 7.0
    assert path_of(steps, judged([0.1, 0.3, 0.1, 0.0]), 0.2, read_aim("reach:loss=2")).needed == 7.0
    assert path_of(steps, judged([0.1, 0.1, 0.12, 0.0]), 0.2, read_aim("reach:loss=2")).needed == 15.0
    never = path_of(steps, judged([0.1, np.nan, 0.1, 0.0]), 0.2, read_aim(AIM))
    assert (never.needed, never.needed_runs) == (7.0, 2), "no decision is no good one"


def test_scores_are_means_over_draws_that_decided_and_say_how_many_did():
    told = {("active", 0.1): judged([0.1, 0.3]), ("random", 0.1): judged([0.5, np.nan])}
    active, random = scores_of(told)
    assert (active.decided, random.decided) == (1.0, 0.5)
    assert active.regret == pytest.approx(0.2) and active.regret_error == pytest.approx(0.1)
    assert active.error == pytest.approx(np.sqrt((0.2**2 + 0.6**2) / 2)) and np.isnan(active.gain)
    assert random.regret == 0.5 and random.gain == pytest.approx(0.4) and np.isnan(random.regret_error)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aim": "multiplier:C=1e22"}, "a replay is of one recipe"),
        ({"aim": "reach:C=1e22"}, "reach:loss=2.2, the loss whose least cost"),
        ({"within": -1.0}, "--within -1"),
        ({"hold": {"N": 1e9, "D": 1e9}}, "the cost is fixed"),
        ({"source": {name: column[:5] for name, column in table().items()}}, "nothing to choose among"),
    ],
)
def test_what_cannot_be_replayed_is_said(change, message):
    settings = {"source": table(), "aim": AIM, "cost": COST} | change
    with pytest.raises(UserError, match=message):
        replay_for(settings.pop("source"), CHINCHILLA, **settings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--aim", AIM, "--target", "N=1e9,D=2e10"], "takes the place of --target"),
        (["--aim", AIM, "--of", "curve"], "--of curve: is about predictions"),
        (["--aim", AIM, "--error", "log"], "--aim fits laws as they are"),
        (["--target", "N=1e9,D=2e10", "--hold", "N=1e9"], "add --aim, or leave them out"),
    ],
)
def test_options_that_do_not_go_together_are_refused(tmp_path, given, message):
    runs = tmp_path / "runs.csv"
    rows = np.stack([*table().values()], axis=1)
    np.savetxt(runs, rows, delimiter=",", header="N,D,loss", comments="")
    done = CliRunner().invoke(app, ["replay", str(runs), "--law", "chinchilla", "--cost", COST, *given])
    assert done.exit_code == 2 and message in " ".join(done.output.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("aim", "laws", "ways"),
    [
        (AIM, [CHINCHILLA], DECIDING),
        ("reach:loss=2.2", ["chinchilla", "kaplan/nd"], ("active", "random")),
    ],
)
def test_every_way_begins_with_the_same_runs_and_ends_with_the_decision_of_all(aim, laws, ways, monkeypatch):
    monkeypatch.setattr("jaxsl.host.decision.replay_for.DECIDING", ways)
    seen = []
    believe = DecidedHistory.believe
    monkeypatch.setattr(
        DecidedHistory, "believe", lambda self, rows: (seen.append(list(rows)), believe(self, rows))[1]
    )
    report = replay_for(table(), laws, aim=aim, cost=COST, draws=1)
    assert [path.method for path in report.paths] == list(ways)
    for path in report.paths:
        assert path.num_runs[0] == report.paths[0].num_runs[0] and path.num_runs[-1] == 16
        assert path.spent[-1] == pytest.approx(report.cost)
        assert path.error[-1] < 0.01 and path.regret[-1] < 1e-3, "but for the order of the runs the same"
        away = path.error if aim.startswith("reach") else path.regret
        step = int(np.searchsorted(path.spent, path.needed))
        assert np.all(away[step:] <= report.tolerance)
    assert [(one.method, one.budget) for one in report.scores] == [
        (way, budget) for way in ways for budget in BUDGETS
    ]
    assert len(set(map(tuple, seen))) == len(seen), "what ways share is believed once"
    # The first purchase is the one that `next` names, and outcomes that were not bought change nothing.
    first, second = seen[0], seen[1]
    other = table()
    other["loss"][np.setdiff1d(np.arange(16), first)] = np.nan
    named = next_for(other, laws, aim=aim, cost=COST, count=1).runs[0]
    assert named.row_number == second[-1]
