"""The experiment on curves: its worlds and what its tables say of results."""

import numpy as np
import pytest

from experiments.curves.episode import ROWS, RUNS, as_curves, as_points
from experiments.curves.tables import NAMES, SPENDS, summary
from experiments.curves.worlds import NOISE, simulated, world


def test_a_row_alone_costs_its_whole_run_and_rows_of_a_run_share_their_error():
    given = simulated(0.8, 1.0, 0)
    n, main = given.x[3, 2, 0], given.x[3, 2, 1] * 8 / 9
    np.testing.assert_allclose(
        given.single[3, 2] / given.single[0, 0], 9 / 8 * n * main / (9 / 8 * 2e6 * 1e7)
    )
    assert given.single.sum() == pytest.approx(1)
    pairs = [simulated(0.8, 1.0, seed).y for seed in range(60)]
    apart = np.concatenate([y[::2] - y[1::2] for y in pairs])  # two runs of a size have one truth
    assert np.corrcoef(apart[:, 0], apart[:, 1])[0, 1] == pytest.approx(0.8 * np.exp(-np.log10(2)), abs=0.08)
    assert apart.std() / NOISE == pytest.approx(np.sqrt(2), rel=0.05)


def test_both_offers_hold_the_same_rows_at_their_prices():
    given = world("shared", 0)
    points, curves = as_points(given), as_curves(given)
    assert points.pool.x.shape == (RUNS * ROWS, 2) and len(points.first) == len(curves.x) == 12
    told, cost = np.asarray(curves.pool.rows.mask), np.asarray(curves.pool.rows.cost)
    np.testing.assert_allclose(np.sum(told * cost, axis=1), curves.pool.cost, rtol=1e-6)
    whole = given.main[5].sum() + given.price[5].sum()
    assert float(curves.pool.cost[5 * ROWS + 6]) == pytest.approx(whole, rel=1e-6)


def test_the_factor_saved_is_that_of_the_spends_with_the_same_error():
    spent = np.geomspace(1e-4, 0.1, 21).tolist()

    def result(seed, factor):
        curve = world("shared", seed).curve
        width = np.array([-1.0, 0.0, 1.0])[:, None]
        rounds = [curve + width + 0.001 / np.sqrt(factor * spend) for spend in spent]
        return {"spent": spent, "interval": np.array(rounds).tolist(), "share": [0.0] * len(spent)}

    found = {name: [result(seed, 4.0 if name == "curves" else 1.0) for seed in range(2)] for name in NAMES}
    rows = {(row["method"], row["spend"]): row for row in summary("shared", found)}
    assert all(rows["points", 0.1 * share]["saved"] == 1 for share in SPENDS)
    assert rows["curves", 0.05]["saved"] == pytest.approx(4, rel=0.5)
    assert rows["curves", 0.05]["rmse"] == pytest.approx(rows["points", 0.05]["rmse"] / 2, rel=1e-6)
    assert all(row["coverage"] == 1 for row in rows.values())
