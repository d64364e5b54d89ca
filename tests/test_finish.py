"""The end of a run from its learning curve so far: the areas of a schedule, the law on them, the command."""

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from jaxsl import host
from jaxsl.host.cli.commands import app
from jaxsl.host.input.rates import areas

STEPS = np.arange(50, 5001, 50)
WARM = 200


def cosine(step, peak=1e-2, last=5000):
    fall = np.clip((step - WARM) / (last - WARM), 0, 1)
    return np.where(step < WARM, peak * step / WARM, peak * (0.1 + 0.45 * (1 + np.cos(np.pi * fall))))


def made(seen=3500, noise=0.002, seed=0):
    """A log of two runs over a cosine: one has ended, one is seen to a step; and how that one ends."""
    rng = np.random.default_rng(seed)
    forward, annealed = areas(STEPS, cosine(STEPS))
    loss = np.stack([2 + 3 * forward**-0.5 - 0.05 * annealed, 1.8 + 3 * forward**-0.6 - 0.03 * annealed])
    measured = loss + noise * rng.standard_normal(loss.shape)
    measured[1, seen < STEPS] = np.nan
    log = {
        "run_id": np.repeat(["first", "second"], len(STEPS)),
        "N": np.repeat([1e6, 2e6], len(STEPS)),
        "step": np.tile(STEPS, 2),
        "lr": np.tile(cosine(STEPS), 2),
        "loss": measured.ravel(),
    }
    return log, loss[1, -1]


def test_areas_are_the_double_sum_of_the_paper():
    rate = np.concatenate([np.full(40, 0.01), np.linspace(0.01, 0.002, 60)])
    forward, annealed = areas(np.arange(1, 101), rate, 0.97)
    falls = rate[:-1] - rate[1:]
    for s in (0, 39, 70, 99):
        momentum = [sum(falls[k - 1] * 0.97 ** (i - k) for k in range(1, i + 1)) for i in range(s + 1)]
        np.testing.assert_allclose(annealed[s], sum(momentum), atol=1e-12)
        np.testing.assert_allclose(forward[s], rate[: s + 1].sum(), rtol=1e-12)


def test_a_sparse_log_has_the_areas_of_every_step_and_warm_up_is_no_annealing():
    every = np.arange(1, 5001)
    forward, annealed = areas(every, cosine(every))
    sparse = areas(STEPS, cosine(STEPS))
    np.testing.assert_allclose(sparse[0] - sparse[0][0], forward[STEPS - 1] - forward[49], atol=3e-3)
    np.testing.assert_allclose(sparse[1], annealed[STEPS - 1], atol=2e-3 * annealed[-1])
    assert annealed[WARM - 1] == 0 and np.all(np.diff(annealed[WARM:]) > 0)


@pytest.mark.slow
def test_the_end_lies_in_the_interval_which_narrows_as_the_run_goes_on():
    widths = []
    for seen in (2500, 4000):
        log, truth = made(seen)
        ended, found = host.finish(log).runs
        assert (ended.run, ended.low, ended.weight) == ("first", ended.median, 1.0)
        assert found.low < truth < found.high and found.seen == seen and found.step == 5000
        assert 0 < found.weight < 1
        np.testing.assert_allclose(found.deviation, (found.high - found.low) / 3.28971, rtol=1e-5)
        widths.append(found.high - found.low)
    assert widths[1] < widths[0]


def write(folder, log, name="log.csv"):
    with (folder / name).open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(log)
        rows.writerows(
            ["" if cell != cell else cell for cell in row] for row in zip(*log.values(), strict=True)
        )
    return str(folder / name)


def run(*words):
    return CliRunner().invoke(app, ["finish", *map(str, words)])


@pytest.mark.slow
def test_the_ends_are_written_as_runs_with_a_weight(tmp_path):
    log, _ = made()
    path, out = write(tmp_path, log), tmp_path / "ends.csv"
    result = run(path, "-o", out, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["runs"]
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["run_id"] for row in rows] == ["first", "second"]
    assert [float(row["N"]) for row in rows] == [1e6, 2e6]
    np.testing.assert_allclose([float(row["loss"]) for row in rows], [one["median"] for one in found])
    np.testing.assert_allclose([float(row["weight"]) for row in rows], [one["weight"] for one in found])
    assert run(path, "-o", path, "--force").exit_code == 2
    shown = run(path, "--where", "run_id == 'first'").stdout
    assert "1 run, 0 of them to be finished" in shown and "known" in shown


def changed(name, row, value):
    log, _ = made()
    log[name] = log[name].astype(object)
    log[name][row] = value
    return log


@pytest.mark.parametrize(
    "log, words, message",
    [
        (made()[0], ("--rate", "rate"), "no column 'rate'"),
        (made()[0], ("--law", "chinchilla"), "no law of the learning curve"),
        (made()[0], ("--memory", 1), "--memory 1"),
        (made()[0], ("--group", "name"), "--group name: "),
        (made()[0], ("--group", "run_id", "--schedule", "cosine"), "the column of the rate says it"),
        (made()[0], ("--reduce", "last"), "needs its rows"),
        (changed("lr", 120, float("nan")), (), "line 122, column 'lr': is no learning rate"),
        (changed("step", 3, 100), (), "line 5, column 'step': step 100 of this run stands twice"),
        ({**made(100)[0], "run_id": ["a"] * 100 + ["b"] * 100}, ("--where", "run_id == 'b'"), "too few"),
    ],
)
def test_bad_input_is_one_message(log, words, message, tmp_path):
    result = run(write(tmp_path, log), *words)
    assert result.exit_code == 2 and message in result.stderr and len(result.stderr.splitlines()) == 1
