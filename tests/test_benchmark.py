"""The benchmark's sweep: resumable, keyed by what matters; its episodes never see what was not bought."""

import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import DECAY, rows, tabulated

from experiments.benchmark import fingerprint as fingerprints
from experiments.benchmark import kept, workers
from experiments.benchmark.episode import run
from experiments.benchmark.fingerprint import fingerprint
from experiments.benchmark.kept import read
from experiments.benchmark.methods import METHODS
from experiments.benchmark.paper import printed
from experiments.benchmark.sweep import sweep
from experiments.benchmark.tables import summary
from experiments.benchmark.unit import Unit, program_of, units
from experiments.datasets import Group, Runs
from jaxsl.acquisition import MSPE, DOptimal, VOptimal
from jaxsl.law import Law, params
from jaxsl.one_of import shared
from jaxsl.pool import Pool, Target

CURVE = Law(
    "curve",
    lambda theta, x: theta[0] * jnp.exp(-theta[1] * jnp.log(x[0] + theta[2])),
    DECAY.inputs,
    params(A=(1, 1e4), alpha=(0.05, 2), shift=(0, 10)),
    linear=("A",),
)


def group(seed=0):
    rng = np.random.default_rng(seed)
    x = np.logspace(1, 4, 20)[:, None]
    y = 1.5 + 40 * x**-0.5 + 0.01 * rng.standard_normal(x.shape)
    dear = np.array([[1e5], [1e6]])
    return Group(Runs(x, y, x[:, 0]), Runs(dear, 1.5 + 40 * dear**-0.5, dear[:, 0]))


def test_laws_that_share_a_program_share_a_process():
    assert program_of(Unit("moe", "moe/sl_3", "mspe", 0)) == ("moe/sl_1", 2)
    assert program_of(Unit("farseer", "farseer/sl_1", "mspe", 0)) == ("farseer/sl_1", 0)
    assert program_of(Unit("domain", "domain/sl_6", "mspe", 0)) == ("domain/sl_6", 0), "it is long"
    assert program_of(Unit("moe", "moe/all", "mspe", 0)) == ("moe/all", 0), "all laws at once"


@pytest.mark.slow
def test_an_episode_is_the_same_with_a_program_of_its_own_and_with_a_shared_one():
    alone, one = DECAY, shared(DECAY, (CURVE, DECAY))
    outcomes = [run(law, group(), METHODS["mspe"], (0.05, 0.3), 0, num_runs=24) for law in (alone, one)]
    assert len(outcomes[1].theta[1]) == DECAY.num_params
    for mine, its in zip(*(outcome.prediction for outcome in outcomes), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["random", "cheapest", "cost-random", "all-data", "cheaper-half", "dearer-half"]
)
def test_every_method_that_needs_no_belief_keeps_its_budget(name):
    here = group()
    outcome = run(DECAY, here, METHODS[name], (0.05, 0.3), 0, num_runs=32, num_targets=4)
    assert len(set(outcome.bought)) == len(outcome.bought)
    assert max(outcome.bought) < 20
    share = here.train.cost / here.train.cost.sum()
    if not METHODS[name].at_once:
        assert outcome.spent <= 0.3
    if name == "cheapest":
        assert outcome.bought == tuple(range(len(outcome.bought)))
    if name.endswith("half"):
        assert sorted(outcome.bought) == list(range(10) if name == "cheaper-half" else range(10, 20))
    assert outcome.spent == pytest.approx(share[list(outcome.bought)].sum())
    assert all(prediction is None or prediction.shape == (2, 1) for prediction in outcome.prediction)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(
    "name, rule",
    [("mspe", MSPE()), ("within", MSPE(between=False)), ("v-opt", VOptimal()), ("d-opt", DOptimal())],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_one_program_of_all_methods_scores_as_each_acquisition_does(name, rule, outputs, float64):
    rng = np.random.default_rng(outputs)
    weight = np.array([0.3, 0.6, 0.1, 0.0])
    shape = (4, 9, outputs)
    posterior = tabulated(weight, [0.1] * 4, rng.normal(size=shape), rng.normal(size=(*shape, 3)))
    pool, target = Pool(rows(3, 9), np.ones(6)), Target(rows(0, 3), np.full(3, 1 / 3))
    posterior, pool, target = jax.tree.map(jnp.asarray, (posterior, pool, target))
    every = METHODS[name].design(DECAY, 1.0).acquisition
    score, expected = jax.jit(lambda *given: (every(*given), rule(*given)))(posterior, pool, target)
    assert np.ptp(score) > 0.1
    np.testing.assert_allclose(score, expected, rtol=1e-9)


@pytest.mark.slow
def test_mspe_never_looks_at_an_outcome_it_has_not_bought_and_padding_changes_nothing():
    here = group()
    first = run(DECAY, here, METHODS["mspe"], (0.05, 0.3), 0, num_runs=24)
    unseen = np.setdiff1d(np.arange(20), first.bought)
    changed = here.train.y.copy()
    changed[unseen] += 100.0
    again = run(DECAY, Group(here.train._replace(y=changed), here.test), METHODS["mspe"], (0.05, 0.3), 0, 24)
    assert first.bought == again.bought
    np.testing.assert_array_equal(first.prediction[-1], again.prediction[-1])
    np.testing.assert_allclose(first.prediction[-1], here.test.y, atol=0.1)


def test_a_sweep_killed_while_writing_loses_one_line_at_most(tmp_path, monkeypatch):
    table = tmp_path / "results.jsonl"
    lines = [json.dumps({"fingerprint": str(i), "r2": [0.0]}) for i in range(3)]
    table.write_text("\n".join(lines) + '\n{"fingerprint": "3", "r2"')
    assert sorted(read(table)) == ["0", "1", "2"]
    assert table.read_text() == "\n".join(lines) + "\n"
    assert read(tmp_path / "none.jsonl") == {}


@pytest.mark.slow
def test_jobs_of_a_scheduler_give_what_processes_give(tmp_path, runs_data, monkeypatch):
    monkeypatch.setattr(kept, "KEPT", tmp_path / "none.gz")
    unit = Unit("parallel", "parallel/sl_9", "cheapest", 0)
    jobs = sweep([unit], tmp_path / "jobs.jsonl", data=runs_data, cluster="local:timeout_min=5")
    processes = sweep([unit], tmp_path / "processes.jsonl", workers=1, data=runs_data)
    for result in (*jobs, *processes):
        del result["cpu_seconds"]
    assert jobs == processes
    assert "error" not in jobs[0]
    assert read(tmp_path / "jobs.jsonl").keys() == read(tmp_path / "processes.jsonl").keys()


def die_twice_on_the_second(unit, data):
    """Stands for an episode: seed 1 always kills its process, seed 2 the first time."""
    once = data / "died"
    if unit.seed == 1 or (unit.seed == 2 and not once.exists()):
        once.touch()
        os._exit(9)
    return {"seed": unit.seed}


@pytest.mark.slow
def test_a_unit_that_kills_its_process_fails_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_measure", die_twice_on_the_second)
    wanted = {str(seed): Unit("parallel", "parallel/sl_1", "mspe", seed) for seed in range(4)}
    found = dict(workers.spread(wanted, tmp_path, 2))
    assert {key for key, result in found.items() if "error" in result} == {"1"}
    assert found["1"]["r2"] == [-1.0] * 3
    assert [found[key]["seed"] for key in ("0", "2", "3")] == [0, 2, 3]


def device_of_a_worker(unit, data):
    """Stands for an episode: on which device it works."""
    (device,) = jnp.ones(1).devices()
    return {"device": device.id}


@pytest.mark.slow
def test_workers_take_the_devices_in_turn(tmp_path, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    monkeypatch.setattr(workers, "_measure", device_of_a_worker)
    wanted = {law: Unit("parallel", f"parallel/{law}", "mspe", 0) for law in ("sl_1", "sl_2", "sl_3", "sl_9")}
    found = dict(workers.spread(wanted, tmp_path, 2))
    assert sorted({result["device"] for result in found.values()}) == [0, 1]


def test_the_code_of_a_result_is_what_its_episode_imports():
    names = fingerprints._sources({"experiments.benchmark.episode"})
    assert {"jaxsl.design", "jaxsl.solver.search", "experiments.benchmark.oracle"} <= set(names)
    assert not [name for name in names if "host" in name or name.startswith("experiments.ess")]


def test_results_are_keyed_by_data_law_and_protocol(monkeypatch):
    unit = Unit("parallel", "parallel/sl_1", "mspe", 0)
    key = fingerprint(unit, "data")
    assert key == fingerprint(Unit("parallel", "parallel/sl_1", "mspe", 0), "data")
    assert key != fingerprint(unit, "other data")
    assert key != fingerprint(Unit("parallel", "parallel/sl_1", "mspe", 1), "data")
    monkeypatch.setattr(fingerprints, "code", lambda task, several: "other code")
    assert key != fingerprint(unit, "data")
    monkeypatch.undo()
    monkeypatch.setattr(fingerprints, "PROTOCOL", "another")
    assert key != fingerprint(unit, "data")


def test_all_laws_come_before_the_second_seed():
    all_units = units([], [], ["mspe"], 2)
    assert len(all_units) == 130
    assert {unit.law for unit in all_units[:65]} == {unit.law for unit in all_units}
    assert units([], ["moe/all"], ["mspe"], 1) == [Unit("moe", "moe/all", "mspe", 0)]
    assert Unit("moe", "moe/all", "mspe", 0).several and not all_units[0].several
    assert [unit.law for unit in units(["farseer"], [], ["mspe", "random"], 1)] == ["farseer/sl_1"] * 2


def test_the_summary_is_the_mean_over_laws_and_seeds_beside_the_printed_figure():
    results = [
        {"task": "farseer", "law": "farseer/sl_1", "method": method, "seed": seed, "r2": [r2, r2, r2 + 0.1]}
        for method, shift in (("mspe", 0.0), ("random", -0.2))
        for seed, r2 in enumerate([0.5 + shift, 0.7 + shift])
    ]
    results[0]["r2_of_median"] = [0.9, 0.9, 0.9]
    rows = {(row["method"], row["budget"]): row for row in summary(results)}
    assert rows["mspe", 3]["R²"] == pytest.approx(0.7)
    assert rows["mspe", 3]["sd"] == pytest.approx(0.1)
    assert rows["mspe", 3]["median"] == pytest.approx((0.9 + 0.8) / 2) and rows["random", 3]["median"] == ""
    assert rows["mspe", 3]["paper"] == "0.93 ± 0.00"
    assert rows["mspe", 3]["difference"] == "-0.23 ± 0.14"  # two episodes, and a spread of 0.00 in print
    assert rows["mspe", 1]["difference"] == "+0.00 ± 0.16"  # 2 sqrt(0.1^2 / 2 + 0.11^2 / 10)
    assert rows["random", 1]["against mspe"] == "-0.200 ± 0.000"
    inside = {(row["method"], row["budget"]): row for row in summary([r | {"inside": True} for r in results])}
    assert inside["mspe", 3]["R²"] == rows["mspe", 3]["R²"] and inside["mspe", 3]["paper"] == ""
    assert inside["random", 1]["against mspe"] == "-0.200 ± 0.000"
    assert printed(2, "all-data", "lr_bsz") == (0.04, 0.67)
    assert printed(2, "dearer-half", "lr_bsz") is None
