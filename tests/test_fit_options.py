"""Constraints, boxes, priors, scales, units, robust losses, weights: against SciPy and hand-worked cases."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import curve_fit, least_squares
from synthetic import DECAY
from typer.testing import CliRunner

from jaxsl.constrain import Relation, boxed, constrained, fixed, with_priors
from jaxsl.discrepancy.kinds import Kinds
from jaxsl.discrepancy.known import Known
from jaxsl.error_scale import ACCURACY, LOG, on_scale
from jaxsl.fit import fit as fit_law
from jaxsl.host import Study, fit, load_fit, predict
from jaxsl.host.answer.fit_options import FitOptions
from jaxsl.host.answer.relation import read_relation
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.study.advisor import Advisor
from jaxsl.law import Law, params, power
from jaxsl.noise import negligible_variance, outcome_variance
from jaxsl.pool import observe, uniform_target
from jaxsl.residual import Asymmetric, Huber, reweighted
from jaxsl.starts import random_starts
from jaxsl.transform import box
from jaxsl.unit import in_unit, unit
from laws.chinchilla import CHINCHILLA
from laws.kaplan import DATA

SIZE = np.logspace(1, 4, 8)[:, None]
NOISE = np.array([0.8, -1.1, 0.4, 0.9, -0.7, -0.2, 1.0, -0.9])[:, None]
LOSS = 1.0 + 8.0 * SIZE**-0.4 + 0.02 * NOISE
RUNS = {"N": [1e8, 2e8, 4e8], "D": [2e9, 4e9, 8e9], "loss": [3.4, 3.1, 2.8]}


def curve(n, E, A, alpha):
    return E + A * n**-alpha


def small(theta, x):
    """L = E + A N^-alpha"""
    E, A, alpha = theta
    return E + A * power(x[0], -alpha)


SMALL = Law("small", small, ("N",), params(E=(0.01, 10), A=(0.1, 1e3), alpha=(0.05, 2)), linear=("E", "A"))


def best(law, y, weight=None, **settings):
    """The least-squares optimum on the runs."""

    @jax.jit
    def fitted(x, y, weight):
        starts = random_starts(jax.random.key(0), law, 8, float)
        return fit_law(law, observe(x, y, weight=weight), starts, **settings).theta[0]

    return np.asarray(fitted(SIZE, y, weight))


@pytest.mark.usefixtures("float64")
def test_fixed_and_tied_laws_have_the_optimum_of_the_smaller_problem():
    law = constrained(SMALL, (fixed("E", 0.9), Relation((("A", 1.0), ("alpha", -20.0)), 0.5)))
    assert [param.name for param in law.params] == ["alpha"] and law.linear == ()

    def residual(theta):
        return curve(SIZE[:, 0], 0.9, 20 * theta[0] + 0.5, theta[0]) - LOSS[:, 0]

    expected = least_squares(residual, [0.3], xtol=1e-12).x
    np.testing.assert_allclose(best(law, LOSS), expected, rtol=1e-6)
    np.testing.assert_allclose(
        law.original.theta(expected), [0.9, 20 * expected[0] + 0.5, expected[0]], rtol=1e-12
    )


def test_relations_in_any_order_leave_the_same_law():
    relations = fixed("beta", 0.3), Relation((("alpha", 1.0), ("beta", -2.0)))
    for order in (relations, relations[::-1]):
        law = constrained(CHINCHILLA, order)
        assert [param.name for param in law.params] == ["E", "A", "B"] and law.linear == ("E", "A", "B")
        np.testing.assert_allclose(law.original.theta([1.0, 2.0, 3.0]), [1.0, 2.0, 0.6, 3.0, 0.3])


def test_a_tied_parameter_keeps_to_both_boxes_and_contradictions_are_refused():
    law = constrained(
        boxed(CHINCHILLA, (("alpha", 0.1, 0.5),)), (Relation((("alpha", 1.0), ("beta", -2.0))),)
    )
    beta = law.params[-1]
    assert (beta.name, beta.lower, beta.upper) == ("beta", 0.05, 0.25)
    with pytest.raises(ValueError, match=r"E = 2 contradicts E = 1"):
        constrained(CHINCHILLA, (fixed("E", 1.0), fixed("E", 2.0)))
    with pytest.raises(ValueError, match="within all boxes"):
        constrained(CHINCHILLA, (Relation((("alpha", 1.0), ("beta", -1.0)), 5.0),))
    same = constrained(CHINCHILLA, (fixed("E", 1.0), fixed("E", 1.0)))
    assert same.num_params == 4


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_a_prior_is_gaussian_in_the_parameter():
    law = with_priors(SMALL, (("E", 1.5, 0.1),), 0.6)
    bounds = box(law)
    theta = jnp.array([1.7, 8.0, 0.4])
    away = (bounds.scaled(theta) - bounds.centre)[0]
    assert float(0.6 * away**2) == pytest.approx((1.7 - 1.5) ** 2 / 0.1**2)
    assert best(law, LOSS)[0] == pytest.approx(best(SMALL, LOSS)[0], rel=1e-5)  # without its prior's pull
    with pytest.raises(ValueError, match="outside its box"):
        with_priors(SMALL, (("E", -5.0, 0.1),), 0.6)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("scale", "of"), [(LOG, np.log), (ACCURACY, lambda y: np.log(y / (1 - y)))])
def test_a_law_on_a_scale_has_the_optimum_of_transformed_residuals(scale, of):
    y = LOSS / 10

    def residual(theta):
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(of(curve(SIZE[:, 0], *theta)) - of(y[:, 0]), nan=1e3)

    law = boxed(SMALL, (("E", 0.01, 0.5), ("A", 0.01, 10.0)))
    expected = least_squares(residual, [0.1, 0.8, 0.4], xtol=1e-12, ftol=1e-14).x
    np.testing.assert_allclose(best(on_scale(law, scale), of(y)), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_floor_and_amplitude_are_in_the_unit_of_the_outcome(factor):
    law = in_unit(SMALL, unit(SMALL, SIZE, factor * LOSS))
    expected = best(SMALL, LOSS, prior=0.6) * [factor, factor, 1]
    np.testing.assert_allclose(best(law, factor * LOSS, prior=0.6), expected, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_laws_without_a_floor_and_boxes_of_their_own_unit_keep_it():
    x = np.array([[1e9], [1e10]])
    assert unit(DATA, x, np.array([[3000.0], [2500.0]])) == 1000.0  # a loss in thousandths
    law = in_unit(DATA, 1000.0)
    theta, point = jnp.array([1e13, 0.1]), jnp.array([1e9])
    assert float(law.point(theta, point)[0]) == pytest.approx(1000 * float(DATA.point(theta, point)[0]))
    narrow = boxed(SMALL, (("E", 0.5, 0.8),))
    assert unit(narrow, SIZE, np.full((8, 1), 0.9)) == 1.0
    assert unit(SMALL, SIZE, np.full((8, 1), 0.05)) == 1.0


@pytest.mark.usefixtures("float64")
def test_weights_are_those_of_scipy_and_of_repeated_runs():
    weight = np.array([1.0, 2, 3, 1, 4, 1, 2, 1])
    expected, _ = curve_fit(curve, SIZE[:, 0], LOSS[:, 0], [1, 8, 0.4], sigma=weight**-0.5)
    np.testing.assert_allclose(best(SMALL, LOSS, weight=weight), expected, rtol=1e-4)


@jax.jit
def known(x, y, weight):
    """Variances and loss of runs, and what is solved for at some parameters."""
    runs, theta = observe(x, y, 16, weight), jnp.array([1.0, 8.0, 0.4])
    known = Known(Kinds(), SMALL, runs, uniform_target(jnp.array([[1e5]])), 0.6, None)
    numbers = outcome_variance(runs), negligible_variance(runs), known.runs.loss(theta)
    return numbers, known.solved(known.linearised(theta))


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_a_run_of_weight_k_is_k_runs_in_evidence_covariance_and_noise():
    times = np.array([1, 2, 3, 1, 4, 1, 2, 1])
    once, (a, _, evidence) = known(SIZE, LOSS, times.astype(float))
    repeated, (b, _, other) = known(np.repeat(SIZE, times, 0), np.repeat(LOSS, times, 0), None)
    assert np.array(once) == pytest.approx(np.array(repeated))
    trusting = ~np.asarray(Kinds().forms[2])
    np.testing.assert_allclose(evidence[trusting], other[trusting], rtol=1e-6)
    for name in ("noise", "shift", "root"):
        np.testing.assert_allclose(
            getattr(a, name)[trusting], getattr(b, name)[trusting], rtol=1e-5, atol=1e-8, err_msg=name
        )


@pytest.mark.slow
@pytest.mark.usefixtures("float64")
def test_least_squares_with_the_weights_of_a_robust_loss_has_its_optimum():
    y = LOSS.copy()
    y[3] += 0.5
    delta = 0.02

    def residual(theta):
        return curve(SIZE[:, 0], *theta) - y[:, 0]

    expected = least_squares(residual, [1, 8, 0.4], loss="huber", f_scale=delta, xtol=1e-12, ftol=1e-14).x
    np.testing.assert_allclose(best(SMALL, y, robust=Huber(delta)), expected, rtol=1e-4)
    weight = reweighted(Huber(delta), jnp.asarray(residual(expected)))
    np.testing.assert_allclose(best(SMALL, y, weight=weight), expected, rtol=1e-4)
    assert reweighted(Asymmetric(0.1), jnp.array([-2.0, 3.0])).tolist() == pytest.approx([0.1, 1.0])


@pytest.mark.parametrize(
    ("text", "pairs", "value"),
    [
        ("alpha=beta", {"alpha": 1, "beta": -1}, 0),
        ("alpha + beta = 1", {"alpha": 1, "beta": 1}, 1),
        ("alpha = 2*(beta - 0.1)", {"alpha": 1, "beta": -2}, -0.2),
    ],
)
def test_relations_are_read(text, pairs, value):
    found = read_relation(text)
    assert dict(found.coefficients) == pytest.approx(pairs) and found.value == pytest.approx(value)


BAD = [
    ({"fix": {"gamma": 1}}, "--fix gamma: chinchilla has no parameter gamma; the parameters are E, A, alpha"),
    ({"tie": "alpha = beta*E"}, "is not linear in alpha, beta, E"),
    ({"tie": "alpha"}, "write an equation"),
    ({"tie": "alpha = zeta"}, "has no parameter zeta"),
    ({"box": {"alpha": (1, 0.1)}}, "--box alpha=1:0.1: give LOWER:UPPER"),
    ({"prior": {"E": (1.7, 0)}}, "has the deviation 0"),
    ({"prior": {"E": (1.7, 0.1)}, "fix": {"E": 1}}, "E is fixed or tied and has a prior"),
    ({"fix": {"E": 1}, "tie": "E = 2"}, "contradicts"),
    ({"error": "relative"}, "--error relative: choose one of absolute, log, accuracy"),
    ({"robust": "tukey"}, "--robust tukey: write huber:DELTA"),
    ({"above": -1}, "--above -1"),
    ({"error": "accuracy"}, "row 0: the outcome 3.4 has no place with --error accuracy"),
    ({"weight": "count"}, "has no column 'count'"),
    ({"weight": "loss - 3.1"}, "is no weight; give a positive number"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_options_are_refused_in_one_message(options, message):
    with pytest.raises(UserError, match=message):
        fit(RUNS, CHINCHILLA, **options)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fix", "E"], "--fix E: write NAME=VALUE, such as --fix E=1.69"),
        (["--box", "alpha=0.1"], "--box alpha=0.1: write NAME=LOW:HIGH"),
        (["--prior", "E=1.7"], "--prior E=1.7: write NAME=MEAN+-SD"),
        (["--fix", "E=1", "--fix", "E=2"], "E is 1 already; give it once"),
        (["--tie", "alpha=gamma"], "no parameter gamma"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "next", "replay"])
def test_bad_words_end_with_status_2(command, words, message, tmp_path):
    path = tmp_path / "runs.csv"
    rows = zip(*RUNS.values(), strict=True)
    path.write_text("N,D,loss\n" + "\n".join(",".join(map(str, row)) for row in rows) + "\n4e8,1e9,\n")
    more = [] if command == "fit" else ["--target", "N=1e9,D=1e10", "--cost", "6*N*D"]
    result = CliRunner().invoke(app, [command, str(path), "--law", "chinchilla", *more, *words])
    assert result.exit_code == 2 and message in result.stderr


def test_several_laws_take_what_concerns_them():
    options = FitOptions(fix={"E": 1.7}, box={"alpha_D": (0.05, 0.2)})
    chinchilla, data = options.laws([CHINCHILLA, DATA])
    assert chinchilla.num_params == 4 and data.params[1].upper == 0.2
    assert options.laws([CHINCHILLA, DATA])[0] is chinchilla  # so that a program is compiled once
    with pytest.raises(UserError, match="none of the laws has a parameter gamma"):
        FitOptions(fix={"gamma": 1}).laws([CHINCHILLA, DATA])


def test_shares_of_0_and_1_are_moved_inside_and_said():
    options = FitOptions(error="accuracy")
    y = np.array([[0.0], [0.2], [0.9], [1.0]])
    expected = np.log([0.05 / 0.95, 0.2 / 0.8, 0.9 / 0.1, 0.95 / 0.05])
    np.testing.assert_allclose(options.outcomes(y)[:, 0], expected)
    assert "2 shares of 0 or 1" in options.notes({}, y, None)[-1]


def test_a_study_keeps_its_options(tmp_path):
    path = tmp_path / "pilot.jsonl"
    made = Study.create(
        path, "chinchilla", target="N=7e10,D=1.4e12", candidates=RUNS | {"loss": [None] * 3}, cost="6*N*D",
        budget=1e21, fix={"E": 1.69}, tie="alpha = beta", error="log",
    )  # fmt: skip
    options = Study(path).options
    assert json.loads(path.read_text().splitlines()[0])["fit"] == options.record()
    assert options == FitOptions(fix={"E": 1.69}, tie=("alpha = beta",), error="log")
    assert Advisor(made.laws, options).laws[0].num_params == 3
    (run,) = made.ask(1)
    with pytest.raises(UserError, match="has no place with --error log"):
        made.tell(run.id, -1.0)


@pytest.mark.slow
def test_a_fit_says_all_parameters_and_what_was_given():
    runs = {"N": SIZE[:, 0], "loss": LOSS[:, 0]}
    found = fit(runs, SMALL, target="N=1e5", fix={"E": 1.0}, error="log", of="curve")
    E, A, alpha = found.laws[0].basins[0].parameters
    assert (E.value, E.low, E.high, E.given) == (1.0, 1.0, 1.0, "E = 1")
    assert A.low < 8 < A.high and alpha.low < 0.4 < alpha.high and not A.given
    prediction = found.prediction
    assert 0 < prediction.low[0, 0] < curve(1e5, 1.0, 8.0, 0.4) < prediction.high[0, 0]
    assert any("logarithm" in note for note in found.notes)


@pytest.mark.slow
def test_losses_in_thousandths_give_the_same_fit_in_their_unit():
    runs = {"N": SIZE[:, 0], "loss": LOSS[:, 0]}
    once, thousand = (
        fit(runs, DECAY, target="N=1e5"),
        fit(runs | {"loss": 1000 * LOSS[:, 0]}, DECAY, target="N=1e5"),
    )
    for name in ("median", "low", "high", "within"):
        a, b = (getattr(report.prediction, name) for report in (once, thousand))
        np.testing.assert_allclose(b, 1000 * a, rtol=1e-5)
    for one, other, factor in zip(
        *(report.laws[0].basins[0].parameters for report in (once, thousand)), (1e3, 1e3, 1), strict=True
    ):
        np.testing.assert_allclose(
            [other.value, other.low, other.high], factor * np.array([one.value, one.low, one.high]), rtol=1e-4
        )


@pytest.mark.slow
def test_a_fit_with_options_is_kept_with_them(tmp_path):
    runs = {"D": SIZE[:, 0] * 1e6, "loss": 1000 * (3e8 / SIZE[:, 0] / 1e6) ** 0.1 * (1 + 0.01 * NOISE[:, 0])}
    found = fit(runs, "kaplan/d", target="D=1e11", error="log", prior={"alpha_D": (0.1, 0.02)})
    found.save(tmp_path / "fit.json")
    again = predict(tmp_path / "fit.json", at="D=1e11").prediction
    for name in ("median", "low", "high", "within"):
        np.testing.assert_allclose(getattr(again, name), getattr(found.prediction, name), rtol=1e-9)
    assert again.low[0, 0] > 0 and load_fit(tmp_path / "fit.json").units == {"kaplan/d": 100.0}
