"""Decisions as quantities: optima against closed forms, derivatives, the view for acquisitions."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import runs_of, target_of

from jaxsl.acquisition import MSPE
from jaxsl.decision import Optimum, Quantity, Reach, Space, aimed, curves, delta, draws
from jaxsl.decision.curve import DiscrepantCurves
from jaxsl.decision.faithful import log_weights, truncated
from jaxsl.decision.frontier import Regret
from jaxsl.decision.plane import plane
from jaxsl.discrepancy import DiscrepancyRule
from jaxsl.host.laws.lookup import find
from jaxsl.host.programs.law_values import box_draws
from jaxsl.law import Law, params
from jaxsl.pool import Pool
from jaxsl.posterior import LawPosterior
from jaxsl.precision import double_precision
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import warm_starts
from laws.chinchilla import CHINCHILLA

pytestmark = pytest.mark.usefixtures("float64")
EPOCH = np.array(CHINCHILLA.estimates["epoch"])


def space(high=100.0):
    both = np.ones(2)
    return Space(lambda x: 6 * x[0] * x[1], both.astype(bool), both, -50 * both, high * both)


def closed_form(theta, budget):
    _, A, alpha, B, beta = theta
    size = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (budget / 6) ** (beta / (alpha + beta))
    return size, budget / 6 / size


def believed(scale=0.03):
    root = np.diag(EPOCH * scale)[None]
    found = LawPosterior(CHINCHILLA, EPOCH[None], root, np.ones(1), np.full(1, 1e-5))
    return jax.tree.map(jnp.asarray, found)


def losses(*points):
    E, A, alpha, B, beta = EPOCH
    N, D = np.array(points).T
    return E + A * N**-alpha + B * D**-beta


def optimum(budget=1e24, **bounds):
    start = np.log([[[1e9, 1e10]]])
    return Optimum(space(**bounds), np.log([budget]), start, (0, 1))


def quantity(function):
    return Quantity(function, ("N", "D", "loss"), ("", "tokens", ""), (True, True, False))


@jax.jit
def by_delta(high):
    return delta(quantity(optimum(high=high)), curves(believed(), np.ones(2)))


@pytest.mark.slow
def test_the_delta_method_is_the_closed_form_and_its_derivative():
    found = by_delta(np.array(100.0))
    best = closed_form(EPOCH, 1e24)
    np.testing.assert_allclose(np.exp(np.asarray(found.mean)[0, :2, 0]), best, rtol=1e-9)
    # In the coordinates of the box, where all five parameters are logarithmic.

    @jax.jit
    @jax.jacfwd
    def slope(u):
        theta = jnp.asarray(EPOCH) * jnp.exp(0.03 * u)
        best = closed_form(theta, 1e24)
        return jnp.stack([jnp.log(best[0]), CHINCHILLA.predict(theta, jnp.stack(best)[None])[0, 0]])

    root, expected = np.asarray(found.root)[0, :, 0], np.asarray(slope(np.zeros(5)))
    np.testing.assert_allclose(root[0], expected[0], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(root[2], expected[1], rtol=1e-7)


@pytest.mark.slow
def test_draws_are_closed_forms_too():
    u = np.random.default_rng(0).standard_normal((8, 5))
    found = jax.jit(
        lambda u: draws(quantity(optimum()), curves(believed(), np.ones(2)), np.zeros(8, int), u)
    )(u)
    expected = [closed_form(EPOCH * np.exp(0.03 * row), 1e24)[0] for row in u]
    np.testing.assert_allclose(np.exp(np.asarray(found)[:, 0]), expected, rtol=1e-8)


def test_a_bound_holds_an_input_and_has_no_derivative():
    found = by_delta(np.log(1e12))
    np.testing.assert_allclose(np.exp(np.asarray(found.mean)[0, :2, 0]), (1e24 / 6 / 1e12, 1e12), rtol=1e-9)
    np.testing.assert_allclose(np.asarray(found.root)[0, :2, 0], 0, atol=1e-12)


@pytest.mark.slow
def test_reaching_the_least_loss_costs_the_budget_and_moves_with_it():
    best = closed_form(EPOCH, 1e22)
    start = np.log([[1e9, 1e10]])

    def cost(level):
        at = curves(believed(), np.ones(2)).curve(np.array(0), np.zeros(5))
        return Reach(space(), level, start, (0, 1))(at)

    with_slope = jax.jit(lambda level: jax.jvp(cost, (level,), (jnp.ones(()),)))
    found, slope = map(np.asarray, with_slope(losses(best)[0]))
    np.testing.assert_allclose(found, (1e22, *best), rtol=1e-6)
    near = losses(*(closed_form(EPOCH, budget) for budget in (1e22 * 0.999, 1e22 * 1.001)))
    np.testing.assert_allclose(slope[0], 1e22 * 0.002 / (near[1] - near[0]), rtol=1e-3)
    assert not np.isfinite(with_slope(EPOCH[0] * 0.9)[0]).any()


@pytest.mark.slow
def test_regret_is_the_loss_given_up():
    """Half the square of its coordinates' error is the loss above the least, for a small error."""

    @jax.jit
    def both():
        best = optimum()
        at = curves(believed(), np.ones(2)).curve(np.array(0), np.zeros(5))
        found = best.found(at, best.log_budget[0], best.start[0])
        values, vectors = jnp.linalg.eigh(found.curvature)
        root = (vectors * jnp.sqrt(jnp.maximum(values, 0) / 2)) @ vectors.T
        return found, root, Regret(best, root[None])(at)

    found, root, told = jax.tree.map(np.asarray, both())
    away = found.v + 0.05 * np.array([1, -1])
    given_up = losses(np.exp(away))[0] - found.loss
    np.testing.assert_allclose(np.sum((root @ away - told) ** 2), given_up, rtol=0.02)


@pytest.mark.slow
def test_an_acquisition_scores_a_quantity_as_by_hand():
    """The fall of a quantity's variance by one run is the squared covariance over the outcome's variance."""

    @jax.jit
    def scored(belief, x):
        found = delta(quantity(optimum()), curves(belief, jnp.ones(2)))
        table, target, rows = aimed(belief, found, x)
        score = MSPE()(table, Pool(rows, jnp.ones(2)), target)
        return score, belief.at(x).root[0, :, 0], found.root[0, :, 0]

    score, root, about = map(np.asarray, scored(believed(), np.array([[1e8, 1e10], [1e10, 1e9]])))
    expected = np.mean((about @ root.T) ** 2 / (np.sum(root**2, axis=1) + 1e-5), axis=0)
    np.testing.assert_allclose(score, expected, rtol=1e-9)


def learn(law, runs, target, num_starts):
    nothing = np.ones((1, law.num_params)), np.zeros(1, bool)

    @jax.jit
    def posterior(runs):
        starts = warm_starts(jax.random.key(0), law, num_starts, *nothing)
        rule = DiscrepancyRule()
        return rule(law, runs, starts, target, LevenbergMarquardt(), 0.6, None).posterior

    return posterior(runs)


@pytest.fixture(scope="module")
def learned():
    """A law and its discrepancy, learned from runs of another law."""
    law = Law(
        "power",
        lambda theta, x: theta[0] * jnp.exp(-theta[1] * jnp.log(x[0])) + theta[2] / x[1],
        ("N", "D"),
        params(a=(0.1, 100), b=(0.05, 2), c=(0.1, 100)),
    )
    size, data = (part.ravel() for part in np.meshgrid([10.0, 30.0, 100.0, 300.0], [3.0, 10.0, 30.0]))
    y = 4 * size**-0.4 + 2 / data + 0.02 * np.sin(3 * np.log10(size)) + 0.001 * np.cos(7 * data)
    with double_precision():
        runs = runs_of(np.stack([size, data], 1), y[:, None])
        return runs, learn(law, runs, target_of([[1000.0, 100.0]]), 8)


@pytest.mark.slow
def test_curves_have_the_posterior_s_means_and_roots_where_the_law_is_linearised(learned):
    runs, posterior = learned
    posterior = replace(posterior, shift=0 * posterior.shift)
    possible, x = curves(posterior, runs.x[0]), runs.x
    assert isinstance(possible, DiscrepantCurves)

    def both(index):
        def curve(u):
            return possible.curve(index, u)(x)

        nothing = np.zeros(possible.num_factors)
        return curve(nothing), jax.jacfwd(curve)(nothing)

    here = jax.jit(lambda posterior: posterior.at(x))(posterior)
    used = np.flatnonzero(np.asarray(posterior.weight) > 0)
    value, slope = jax.jit(jax.vmap(both))(used)
    np.testing.assert_allclose(value, np.asarray(here.mean)[used], rtol=1e-9)
    np.testing.assert_allclose(slope, np.asarray(here.root)[used], rtol=1e-7, atol=1e-12)


@pytest.mark.slow
def test_a_plane_keeps_the_field_s_value_and_slope(learned):
    _, posterior = learned
    x = np.array([200.0, 20.0])
    rows = np.stack([x, [200 * 10**0.25, 20.0], [200 * 10**-0.25, 20.0]])

    @jax.jit
    def features(field, x, rows):
        return field.features(rows), plane(field, x).features(rows)

    whole, flat = map(np.asarray, features(posterior.field, x, rows))
    np.testing.assert_allclose(flat[:, 1] - flat[:, 2], whole[:, 1] - whole[:, 2], atol=1e-10)
    np.testing.assert_allclose(flat[:, 0], whole[:, 0], atol=1e-10)


@pytest.mark.slow
def test_draws_of_a_linear_law_all_count_the_same():
    law = Law("line", lambda theta, x: theta[0] + theta[1] * x[0], ("x",), params(a=(-9, 9), b=(-9, 9)))
    x = np.arange(6.0)[:, None]
    runs = runs_of(x, 1.01 * x)
    possible = curves(learn(law, runs, target_of([[9.0]]), 4), np.ones(1))
    u = np.random.default_rng(0).standard_normal((5, possible.num_factors))

    @jax.jit
    def weighed(u):
        found = log_weights(possible, runs, np.zeros(6), np.zeros(5, int), u, np.ones(5))
        return found, *truncated(found)

    found, share, worth = weighed(u)
    np.testing.assert_allclose(found, 0, atol=1e-8)
    np.testing.assert_allclose(share, 0.2, rtol=1e-6)
    assert float(worth) == pytest.approx(5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "law, theta, held, budget",
    [
        ("chinchilla", "hoffmann", {}, 1e22),
        ("kaplan/nd", "kaplan", {}, 1e20),
        ("kaplan/ns", "kaplan", {}, 1e16),
        ("distillation/supervised", "busbridge", {}, 1e21),
        ("data_constrained", "muennighoff", {"U": 1e10}, 1e22),
        ("fine_grained_moe", "64_experts", {"G": 8.0}, 1e21),
        ("moe_sparsity", "abnar", {"S": 0.5}, 1e21),
        ("parscale", "stack", {}, 1e11),
        ("data_con/sl_4", None, {"U": 1e9}, 1e21),
        ("data_con/sl_9", None, {"U": 1e9}, 1e21),
        ("parallel/sl_2", None, {}, 1e10),
    ],
)
def test_newton_finds_what_a_fine_grid_finds_for_other_laws(law, theta, held, budget):
    law = find(law)
    vector = np.array(law.estimates[theta]) if theta else box_draws(law, 1)[0]
    at = [law.inputs.index(name) for name in law.inputs if name not in held]
    other = np.array([held.get(name, 1.0) for name in law.inputs])
    free = np.array([name not in held for name in law.inputs])
    middle = np.log(budget / 6) / 2
    low, high = (np.full(len(other), middle + end) for end in (-9.0, 9.0))
    where = Space(lambda x: 6 * x[at[0]] * x[at[1]], free, other, low, high)
    start = middle + np.array([[0.0, 0.0], [4.0, -4.0], [-4.0, 4.0]]) @ np.eye(len(other))[at]
    best = Optimum(where, np.log([budget]), start[None], tuple(at))
    rows = np.tile(other, (200001, 1))
    rows[:, at[0]] = np.exp(middle + np.linspace(-9, 9, len(rows)))
    rows[:, at[1]] = budget / 6 / rows[:, at[0]]

    @jax.jit
    def both(vector, rows):
        return best(lambda x: law.predict(vector, x)), law.predict(vector, rows)[:, 0]

    told, loss = map(np.asarray, both(vector, rows))
    np.testing.assert_allclose(told[2], loss.min(), rtol=1e-7)
    assert told[0] == pytest.approx(rows[loss.argmin(), at[0]], rel=2e-3)
