"""``next`` on a pool that is too large to be scored at once answers as on one that is not."""

import numpy as np
import pytest
from test_study_recipes import table

from jaxsl.host.answer import leaders
from jaxsl.host.answer import next_runs as module
from jaxsl.host.answer.fit import answered, fit_report
from jaxsl.host.answer.fit_options import PLAIN
from jaxsl.host.answer.which_laws import ensemble, run_table
from jaxsl.host.decision import next_for as decision
from jaxsl.host.decision import next_recipe
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.input.remarks import repeated
from jaxsl.host.study import Study, aimed, compared
from laws.chinchilla import CHINCHILLA
from laws.kaplan import SIZE_DATA

NUM_DONE, NUM_POOL = 8, 90


@pytest.fixture(scope="module")
def source():
    rng = np.random.default_rng(0)
    size, data = 10 ** rng.uniform(6, 8, NUM_DONE + NUM_POOL), 10 ** rng.uniform(8, 10, NUM_DONE + NUM_POOL)
    size[:NUM_DONE] = 10 ** rng.uniform(6, 6.7, NUM_DONE)
    loss = (8.8e13 / size) ** 0.076 + rng.normal(0, 0.01, size.size)
    return {"N": size, "D": data, "loss": np.where(np.arange(size.size) < NUM_DONE, loss, np.nan)}


@pytest.fixture(scope="module")
def answer(source):
    table = run_table(source, [], None, None)
    chosen = ensemble(
        table, [SIZE_DATA], mapping=None, outcome=None, target="N=1e9,D=1e11", cost="6*N*D", options=PLAIN
    )
    return answered(chosen)


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"budget": 1e17},
        {"max_cost": 3e16},
        {"count": NUM_POOL},
        {"count": NUM_POOL, "most": 10},
    ],
    ids=str,
)
def test_next_in_blocks_is_next_at_once(answer, limits, monkeypatch):
    report = fit_report(answer)
    once = module.ranked(answer, report, **limits)
    monkeypatch.setattr(module, "MANY", 16)
    monkeypatch.setattr(leaders, "BLOCK", 32)
    blocks = module.ranked(answer, report, **limits)
    assert len(blocks.runs) >= 5
    assert [run.row_number for run in blocks.runs] == [run.row_number for run in once.runs]
    for one, other in zip(blocks.runs, once.runs, strict=True):
        np.testing.assert_allclose([one.score, one.within], [other.score, other.within], rtol=1e-9)
    assert (blocks.num_candidates, blocks.num_affordable) == (once.num_candidates, once.num_affordable)
    assert (blocks.limit, blocks.pool_cost) == pytest.approx((once.limit, once.pool_cost))


@pytest.mark.slow
def test_next_for_a_decision_in_blocks_is_next_at_once(source, monkeypatch):
    asked = {"aim": "optimal:C=1e18", "cost": "6*N*D", "count": 4}
    once = next_for(source, CHINCHILLA, **asked)
    monkeypatch.setattr(decision, "MANY", 16)
    monkeypatch.setattr(leaders, "BLOCK", 32)
    blocks = next_for(source, CHINCHILLA, **asked)
    assert [run.row_number for run in blocks.runs] == [run.row_number for run in once.runs]
    np.testing.assert_allclose(
        [(run.score, run.fall) for run in blocks.runs],
        [(run.score, run.fall) for run in once.runs],
        rtol=1e-6,
    )
    assert blocks.regret == pytest.approx(once.regret, rel=1e-6)
    assert (blocks.num_candidates, blocks.pool_cost) == (once.num_candidates, once.pool_cost)


def test_repeated_runs_and_targets_among_them():
    runs = np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0], [1.0, 4.0], [1.0, 2.0]])
    notes = repeated(runs, np.array([[3.0, 4.0], [2.0, 2.0], [3.0, 4.0]]))
    assert notes[0].startswith("2 of 5 runs repeat") and notes[1].startswith("2 of 3 targets")
    assert repeated(runs[:2], None) == []


@pytest.mark.slow
def test_a_study_for_a_decision_asks_for_the_same_run_among_the_best_of_many(source, tmp_path, monkeypatch):
    def asked(name):
        made = {"cost": "6*N*D", "aim": "optimal:C=1e18"}
        asked = Study.create(tmp_path / name, SIZE_DATA, candidates=source, **made).ask(4)
        return [run for run in asked if np.isfinite(run.fall)]  # those that are not the first runs

    once = asked("once.jsonl")
    monkeypatch.setattr(aimed, "MANY", 16)
    monkeypatch.setattr(aimed, "SHORT", 8)
    monkeypatch.setattr(leaders, "BLOCK", 32)
    blocks = asked("blocks.jsonl")
    assert once and blocks[0].x == once[0].x
    assert blocks[0].fall == pytest.approx(once[0].fall, rel=1e-6)


@pytest.mark.slow
def test_a_study_for_multipliers_asks_for_the_same_runs_among_the_best_of_many(tmp_path, monkeypatch):
    done, sizes = table(), np.geomspace(2e8, 3e9, 8)
    n, d = (part.ravel() for part in np.meshgrid(sizes, 40 * sizes))
    for recipe in ("new", "old"):
        more = {"recipe": [recipe] * len(n), "N": n, "D": d, "loss": np.full(len(n), np.nan)}
        done = {name: np.concatenate([values, more[name]]) for name, values in done.items()}
    asked = {"aim": "multiplier:C=1e21", "cost": "6*N*D", "by": "recipe", "against": "new"}

    def answers(name):
        ranked = next_for(done, CHINCHILLA, count=4, **asked)
        study = Study.create(tmp_path / name, "chinchilla", candidates=done, **asked)
        # Only those that are not the first runs.
        return ranked, [run for run in study.ask(10) if np.isfinite(run.fall)]

    once, runs = answers("once.jsonl")
    monkeypatch.setattr(next_recipe, "MANY", 16)
    monkeypatch.setattr(compared, "SHORT", 16)
    monkeypatch.setattr(leaders, "BLOCK", 32)
    blocks, same = answers("blocks.jsonl")
    for found, wanted in zip(blocks.runs, once.runs, strict=True):
        assert (found.recipe, found.row_number) == (wanted.recipe, wanted.row_number)
        assert found.fall == pytest.approx(wanted.fall, rel=1e-6)
    assert (blocks.num_candidates, blocks.num_affordable) == (once.num_candidates, once.num_affordable)
    assert same[0].x == runs[0].x and same[0].fall == pytest.approx(runs[0].fall, rel=1e-6)
