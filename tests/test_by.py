"""One fit a group: side by side, and the F test of shared parameters against SciPy's least squares."""

import numpy as np
import pytest
from scipy.optimize import curve_fit
from scipy.stats import f as f_distribution
from synthetic import DECAY
from typer.testing import CliRunner

from jaxsl.host import fit_by
from jaxsl.host.answer.by import Sharing, _sharing
from jaxsl.host.answer.fit_options import FitOptions
from jaxsl.host.answer.which_laws import ensemble
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.show.by import show_by

SIZE = np.logspace(1, 4, 7)
NOISE = np.array([0.8, -1.1, 0.4, 0.9, -0.7, -0.2, 1.0])


def table(gap):
    """Two groups whose floors differ by ``gap``."""
    web, code = (1 + floor + 8 * SIZE**-0.4 + 0.02 * sign * NOISE for floor, sign in ((0, 1), (gap, -1)))
    return {"N": [*SIZE, *SIZE], "loss": [*web, *code], "data": ["web"] * 7 + ["code"] * 7}


def scipys(x, y, weight=None):
    """Least sum of squares."""

    def curve(n, E, A, alpha):
        return E + A * n**-alpha

    weight = np.ones_like(y) if weight is None else weight
    theta, _ = curve_fit(curve, x, y, [1, 8, 0.4], sigma=weight**-0.5)
    return np.sum(weight * (curve(x, *theta) - y) ** 2)


@pytest.mark.parametrize("gap", [0.0, 0.3])
def test_the_f_test_is_that_of_scipys_fits(gap):
    runs = table(gap)
    chosen = ensemble(runs, DECAY)
    found = _sharing(chosen.laws[0], chosen, np.array(runs["data"]), 0)
    y = np.array(runs["loss"])
    whole, parts = scipys(np.tile(SIZE, 2), y), scipys(SIZE, y[:7]) + scipys(SIZE, y[7:])
    expected = (whole - parts) / 3 / (parts / 8)
    assert found.dof == (3, 8) and found.f == pytest.approx(expected, rel=1e-5)
    assert found.p == pytest.approx(f_distribution.sf(expected, 3, 8), rel=1e-4)
    assert (found.p < 0.05) == (gap > 0)


def test_the_f_test_knows_weights_scales_and_fixed_parameters():
    runs = table(0.3) | {"times": [1.0, 2.0] * 7}
    options = FitOptions(weight="times", error="log", fix={"E": 1.0})
    chosen = ensemble(runs, DECAY, options=options)
    found = _sharing(chosen.laws[0], chosen, np.array(runs["data"]), 0)
    assert found.dof == (2, 21 - 4) and found.p < 1e-3
    few = ensemble({name: values[4:10] for name, values in runs.items()}, DECAY)
    assert np.isnan(_sharing(few.laws[0], few, np.array(runs["data"][4:10]), 0).p)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("set", None, "--by set: .* has no such column"),
        ("set", ["a"] * 14, "all rows of .* have 'a' there"),
        ("set", ["a"] * 13 + [""], "column 'set': is empty; every row needs its group"),
    ],
)
def test_what_is_no_grouping_is_refused(column, values, message):
    runs = table(0.0) if values is None else table(0.0) | {column: values}
    with pytest.raises(UserError, match=message):
        fit_by(runs, DECAY, column)


@pytest.mark.slow
def test_groups_are_fitted_side_by_side_and_printed(capsys):
    found = fit_by(table(0.3), DECAY, "data", target="N=1e5")
    web, code = (found.groups[name].laws[0].basins[0].parameters[0] for name in ("web", "code"))
    assert web.low < 1.0 < web.high < code.low < 1.3 < code.high
    assert found.together.num_runs == 14 and found.groups["web"].num_runs == 7
    assert isinstance(found.sharing[0], Sharing) and found.sharing[0].p < 0.01
    show_by(found)
    printed = capsys.readouterr().out
    assert "14 runs in 2 groups by data, decay" in printed and "they differ" in printed


@pytest.mark.slow
def test_the_command_takes_by(tmp_path):
    path = tmp_path / "runs.csv"
    runs = table(0.3)
    path.write_text(
        "N,loss,data\n" + "".join(f"{n},{y},{g}\n" for n, y, g in zip(*runs.values(), strict=True))
    )
    result = CliRunner().invoke(app, ["fit", str(path), "--law", "kaplan/n", "--by", "data", "--json"])
    assert result.exit_code == 0 and '"sharing"' in result.stdout
