import csv
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest
from here_and_now import HereAndNow

from experiments.pilot import check, corpus, curves, grid, model, sweep, train
from experiments.pilot.table import append

TABLE = Path(__file__).parent.parent / "jaxsl" / "data" / "pilot_runs.csv"
SMALLEST = model.num_params(4)


@pytest.fixture
def small_text(monkeypatch):
    """A text of 30 kB in place of the library, so that a run takes no longer than its compilation."""
    text = np.random.default_rng(0).integers(97, 101, 30_000).astype(np.uint8)
    small = corpus.Corpus(text[:20_000], text[20_000:], ("a.py",), ("b.py",), "0" * 16)
    monkeypatch.setattr(train, "standard_library", lambda: small)
    monkeypatch.setattr(train, "EVALUATION_WINDOWS", 64)
    return small


@pytest.mark.parametrize("channels", [4, 12, 20, 64, 128])
def test_size_counts_the_arrays_of_the_blocks_and_the_last_gain(channels):
    shape = model.shape_of(model.num_params(channels))
    made = eqx.filter_eval_shape(model.Transformer, shape, jax.random.key(0))
    assert shape.channels == channels and channels % shape.heads == 0
    assert sum(leaf.size for leaf in jax.tree.leaves((made.blocks, made.gain))) == model.num_params(channels)


def test_a_size_of_no_model_names_the_nearest():
    with pytest.raises(ValueError, match="nearest size is 24736"):
        model.shape_of(25_000)


def test_a_later_byte_changes_no_earlier_logits():
    made = model.Transformer(model.shape_of(model.num_params(32)), jax.random.key(0))
    made = eqx.tree_at(lambda m: m.head, made, jax.random.normal(jax.random.key(1), made.head.shape))
    text = np.random.default_rng(0).integers(0, 256, model.CONTEXT).astype(np.uint8)
    changed = text.copy()
    changed[40] += 1
    logits = eqx.filter_jit(made)
    before, after = logits(text), logits(changed)
    np.testing.assert_array_equal(before[:40], after[:40])
    assert np.all(np.abs(before[40:] - after[40:]).max(axis=1) > 1e-4)


@pytest.mark.slow
def test_no_file_is_both_trained_on_and_held_out():
    text = corpus.standard_library()
    assert not set(text.train_files) & set(text.held_out_files)
    assert all(map(corpus.is_held_out, text.held_out_files))
    assert not any(part in corpus.SKIPPED_FOLDERS for name in text.train_files for part in name.split("/"))
    assert text.train.size > 4_000_000 and text.held_out.size > 400_000


def test_training_windows_cover_the_text_once_before_any_is_read_again():
    starts = corpus.training_windows(np.zeros(641, np.uint8), 15, 64, seed=3)
    assert sorted(starts[:10]) == list(range(0, 640, 64))
    np.testing.assert_array_equal(starts[10:], starts[:5])


def test_evaluation_windows_stay_inside_the_text():
    text = np.arange(200, dtype=np.uint8)
    found = corpus.windows(text, corpus.evaluation_windows(text, 5, 64), 64)
    assert found.shape == (5, 65) and found[0, 0] == 0 and found[-1, -1] == 199


def test_learning_rate_rises_to_its_peak_and_falls_to_nearly_zero():
    rates = train.learning_rates(0.5, 100)
    assert rates.argmax() == 9 and rates.max() == np.float32(0.5)
    assert np.all(np.diff(rates[:10]) > 0) and np.all(np.diff(rates[10:]) < 0) and 0 < rates[-1] < 0.006


@pytest.mark.slow
def test_a_seed_decides_the_loss(small_text):
    losses = [train.train_run(SMALLEST, 4096, seed)["loss"] for seed in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]
    assert losses[0] < np.log(256)  # below the loss of a model that has learnt nothing


@pytest.mark.slow
def test_a_row_has_the_columns_of_the_table(small_text):
    assert tuple(train.train_run(SMALLEST, 1024, 0)) == grid.COLUMNS


def test_bytes_that_are_no_whole_number_of_steps_are_refused():
    with pytest.raises(ValueError, match="multiple of 256"):
        train.planned(SMALLEST, 1000, 0)


def fake_row(point: grid.Point) -> dict:
    return {**dict.fromkeys(grid.COLUMNS, 1.5), **point._asdict()}


def test_recover_cuts_off_a_half_written_line(tmp_path):
    table, points = tmp_path / "runs.csv", [grid.Point(3516, 2**17, seed) for seed in range(3)]
    assert grid.finished(table) == set()
    for point in points:
        append(table, grid.COLUMNS, fake_row(point))
    whole = table.read_bytes()
    assert grid.finished(table) == set(points) and table.read_bytes() == whole
    table.write_bytes(whole[:-1])  # even a line that lacks its end alone may lack digits
    assert grid.finished(table) == set(points[:2])
    append(table, grid.COLUMNS, fake_row(points[2]))
    assert table.read_bytes() == whole
    table.write_bytes(whole[:20])  # in the header
    assert grid.finished(table) == set() and table.read_bytes() == b""


def test_recover_refuses_another_table(tmp_path):
    table = tmp_path / "runs.csv"
    table.write_text("N,D\n1,2\n")
    with pytest.raises(ValueError, match="not a table of pilot runs"):
        grid.finished(table)


def points_of(table: Path) -> list[grid.Point]:
    with table.open(newline="") as file:
        return [grid.Point(*(int(row[name]) for name in grid.Point._fields)) for row in csv.DictReader(file)]


def test_a_sweep_started_again_trains_what_is_missing(tmp_path, monkeypatch):
    trained: list[grid.Point] = []

    def fake_run(N, D, seed):
        trained.append(grid.Point(N, D, seed))
        return fake_row(trained[-1])

    monkeypatch.setattr(sweep, "ProcessPoolExecutor", HereAndNow)
    monkeypatch.setattr(grid, "train_run", fake_run)
    table, points = tmp_path / "new" / "runs.csv", grid.grid()[:5]
    assert grid.sweep(points, table) == 5 and trained == points
    lost = points_of(table)[-1]
    table.write_bytes(table.read_bytes()[:-4])
    trained.clear()
    assert grid.sweep(points, table) == 1 and trained == [lost]
    assert set(points_of(table)) == set(points)
    assert grid.sweep(points, table) == 0


def test_the_grid_has_replicates_and_few_dear_runs():
    points = grid.grid()
    flops = np.array([6 * point.N * point.D for point in points])
    assert len(points) == len(set(points)) and len({(point.N, point.D) for point in points}) >= 60
    assert np.sum(flops >= grid.DEAR_FLOPS[0]) == 7
    assert flops[flops < grid.DEAR_FLOPS[0]].max() * 2.5 < flops[flops >= grid.DEAR_FLOPS[0]].min()


def test_the_committed_table_is_the_grid():
    points = points_of(TABLE)
    run = check.columns(TABLE)
    assert len(points) >= 60 and len(set(points)) == len(points) and set(points) == set(grid.grid())
    assert all(np.isfinite(values).all() for values in run.values())
    assert np.all((run["loss"] > 0.5) & (run["loss"] < np.log(256)))
    np.testing.assert_array_equal(run["flops"], 6 * run["N"] * run["D"])
    repeats = len(points) - len({point[:2] for point in points})
    assert check.seed_noise(run["N"], run["D"], run["loss"])[1] == repeats >= 10


def test_the_committed_table_follows_a_law_to_three_hundredths_of_a_nat():
    run = check.columns(TABLE)
    theta = check.fit(run["N"], run["D"], run["loss"])
    residual = run["loss"] - check.chinchilla(theta, run["N"], run["D"])
    assert np.sqrt(np.mean(residual**2)) < 0.03
    assert theta[2] > 0.05 and theta[4] > 0.05


def test_the_fit_recovers_the_law_that_made_the_losses():
    N, D = (values.ravel() for values in np.meshgrid(np.geomspace(3e3, 4e5, 6), np.geomspace(1e5, 8e6, 6)))
    truth = np.array([0.9, np.log(40.0), 0.45, np.log(300.0), 0.5])
    np.testing.assert_allclose(check.fit(N, D, check.chinchilla(truth, N, D)), truth, rtol=1e-4)


def test_the_noise_of_seeds_is_the_pooled_deviation():
    N, D, loss = np.ones(5), np.array([1.0, 1, 2, 2, 3]), np.array([1.0, 3.0, 0.0, 2.0, 9.0])
    assert check.seed_noise(N, D, loss) == (pytest.approx(np.sqrt(2)), 2)


@pytest.mark.slow
def test_a_checkpoint_is_that_of_the_main_run_alone_and_its_decay_leaves_the_main_run_as_it_was(small_text):
    both = curves.train_curve(SMALLEST, 0, (2048, 4096))
    second = curves.train_curve(SMALLEST, 0, (4096,))
    for name in ("D", "loss", "D_constant", "loss_constant", "flops"):
        assert both[1][name] == second[0][name]
    assert tuple(both[0]) == curves.COLUMNS


@pytest.mark.slow
def test_a_decay_is_an_eighth_at_a_rate_that_falls_to_nearly_zero(small_text, monkeypatch):
    seen = []
    descend = train.descend

    def watched(model, state, rates, starts):
        seen.append((np.array(rates), np.array(starts)))
        return descend(model, state, rates, starts)

    monkeypatch.setattr(curves, "descend", watched)
    (row,) = curves.train_curve(SMALLEST, 0, (2**16,))
    (main, read), (decay, read_next) = seen
    assert len(main) == 256 and len(decay) == 32
    np.testing.assert_allclose(main[:99], row["lr"] * np.arange(1, 100) / 100, rtol=1e-6)
    np.testing.assert_allclose(main[99:], row["lr"], rtol=1e-6)
    assert np.all(np.diff(decay) < 0) and decay[0] < row["lr"] and 0 < decay[-1] < row["lr"] / 32
    assert not set(read.ravel()[-40:]) & set(read_next.ravel()[:40])
    assert row["flops"] == row["flops_constant"] + row["flops_decay"] == 6 * SMALLEST * (2**16 + 2**13)


def test_a_sweep_started_again_adds_the_checkpoints_that_are_missing(tmp_path, monkeypatch):
    def fake(N, seed, checkpoints):
        name = curves.Curve(N, seed, checkpoints).name
        return [dict.fromkeys(curves.COLUMNS, 1) | {"run": name, "D": D} for D in checkpoints]

    monkeypatch.setattr(sweep, "ProcessPoolExecutor", HereAndNow)
    monkeypatch.setattr(curves, "train_curve", fake)
    table, wanted = tmp_path / "curves.csv", curves.curves()[:3]
    assert curves.sweep(wanted, table) == 3
    whole = table.read_bytes()
    table.write_bytes(whole[:-4])
    assert curves.sweep(wanted, table) == 1 and table.read_bytes() == whole
    assert curves.sweep(wanted, table) == 0


def test_the_committed_curves_are_of_those_that_the_lab_trains():
    with (TABLE.parent / "pilot_curves.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    planned = {(curve.name, D) for curve in curves.curves() for D in curve.checkpoints}
    named = [(row["run"], int(row["D_constant"])) for row in rows]
    assert tuple(rows[0]) == curves.COLUMNS and len(set(named)) == len(named) and set(named) == planned
    for row in rows:
        assert int(row["D"]) * 8 == int(row["D_constant"]) * 9
        assert int(row["flops"]) == 6 * int(row["N"]) * int(row["D"])
        assert int(row["flops"]) == int(row["flops_constant"]) + int(row["flops_decay"])
        assert 0.5 < float(row["loss"]) < float(row["loss_constant"]) < np.log(256)  # a decay lowers the loss
