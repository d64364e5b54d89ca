"""What the default solver searches: outputs of separable laws one by one, sizes down to zero."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import PAIR, runs_of

from jaxsl.fit import fit
from jaxsl.law import Law, params
from jaxsl.residual import Huber, problem
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.solver.search import FLOOR, search_box
from jaxsl.solver.solution import CONVERGED
from jaxsl.starts import random_starts
from jaxsl.transform import box
from laws.data_mixing import DATA_MIXING
from laws.tasks import DOMAIN

pytestmark = pytest.mark.usefixtures("float64")


def wave(theta, x):
    """y = A sin(b x): many optima in b"""
    A, b = theta
    return A * jnp.sin(b * x[0])


def waves(theta, x):
    """(A_1 sin(b_1 x), A_2 sin(b_2 x))"""
    return jnp.stack([wave(theta[:2], x), wave(theta[2:], x)])


WAVE = Law("wave", wave, ("x",), params(A=(0, 2), b=(0.5, 9)))
BOTH = dict(A_1=(0, 2), b_1=(0.5, 9), A_2=(0, 2), b_2=(0.5, 9))
WAVES = Law("waves", waves, ("x",), params(**BOTH), outputs=("u", "v"), separable=True)
GROWTH = Law(
    "growth",
    lambda theta, x: theta[0] + theta[1] * jnp.exp(theta[2] * jnp.log(x[0])),
    ("N",),
    params(E=(-1, 1), C=(0, 1e4), d=(-1, 1)),
    linear=("E",),
)


def two_waves():
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 5, (20, 1))
    y = np.sin(x * np.array([2.0, 5.0])) * np.array([1.0, 0.4]) + 0.05 * rng.normal(size=(20, 2))
    return x, y


@eqx.filter_jit
def fitted(law, observations, starts, robust, solver):
    return fit(law, observations, starts, solver, robust=robust)


def run(law, observations, starts, robust=None, solver=None):
    return jax.tree.map(np.asarray, fitted(law, observations, starts, robust, solver))


problem_of = eqx.filter_jit(problem)


@eqx.filter_jit
def losses(law, observations, theta, robust=None):
    return jax.vmap(problem(law, observations, robust=robust).loss)(theta)


@eqx.filter_jit
def sixteen(law):
    return random_starts(jax.random.key(0), law, 16)


def starts_of(law):
    return np.array(sixteen(law))


def growths(N, theta):
    E, C, d = theta
    return E + C * N**d


@pytest.mark.slow
@pytest.mark.parametrize("robust", [None, Huber(0.05)], ids=["squares", "huber"])
def test_a_separable_law_has_the_optima_of_its_outputs_put_together_by_rank(robust):
    x, y = two_waves()
    starts = starts_of(WAVES)
    found = run(WAVES, runs_of(x, y), starts, robust)
    alone = [run(WAVE, runs_of(x, y[:, [d]]), starts[:, 2 * d : 2 * d + 2], robust) for d in range(2)]
    np.testing.assert_allclose(found.loss, (alone[0].loss + alone[1].loss) / 2, rtol=1e-6)
    np.testing.assert_allclose(found.theta[0], np.concatenate([a.theta[0] for a in alone]), rtol=1e-5)
    recomputed = losses(WAVES, runs_of(x, y), found.theta, robust)
    np.testing.assert_allclose(found.loss, recomputed, rtol=1e-12)


def test_an_output_whose_start_is_not_finite_leaves_the_other_alone():
    x, y = two_waves()
    starts = starts_of(WAVES)
    whole = run(WAVES, runs_of(x, y), starts)
    starts[:15, 3] = np.nan
    found = run(WAVES, runs_of(x, y), starts)
    assert np.isfinite(found.loss[0]) and np.isinf(found.loss[1:]).all()
    assert found.loss[0] >= whole.loss[0]
    np.testing.assert_allclose(found.theta[0, :2], whole.theta[0, :2], rtol=1e-6)


@pytest.mark.parametrize(
    "law", [*(law for law in DOMAIN.laws if law.separable), DATA_MIXING], ids=lambda law: law.name
)
def test_laws_that_say_so_are_separable(law):
    rng = np.random.default_rng(0)
    theta = law.lower + (law.upper - law.lower) * rng.random((8, law.num_params))
    x = rng.dirichlet(np.ones(5), 6)
    slopes = np.asarray(jax.jit(jax.vmap(law.jacobian, (0, None)))(theta, x))
    block = np.arange(law.num_params) // (law.num_params // law.num_outputs)
    assert (slopes[:, :, np.arange(law.num_outputs)[:, None] != block] == 0).all()


def test_a_separable_law_needs_as_many_parameters_for_every_output():
    with pytest.raises(ValueError, match="equally many parameters for each of 2 outputs; there are 3"):
        Law("odd", PAIR.function, ("x",), PAIR.params, outputs=("u", "v"), separable=True)


def test_a_size_many_decades_below_its_bound_is_found_along_its_bent_valley():
    N = np.geomspace(1e6, 1e11, 24)[:, None]
    truth = np.array([0.3, 3e-9, 0.8])
    y = growths(N, truth)
    found = run(GROWTH, runs_of(N, y), starts_of(GROWTH))
    assert np.sum(found.loss < 1e-12 * np.var(y)) >= 8
    np.testing.assert_allclose(found.theta[0], truth, rtol=1e-6)
    assert not found.lower[0].any() and not found.upper[0].any()


def test_a_size_without_effect_ends_at_zero_and_is_reported_there():
    N = np.geomspace(1e2, 1e6, 24)[:, None]
    y = 0.3 - 1e-3 * np.log(N) / np.log(1e6)  # falls, while C N^d with d >= 0 would rise
    law = Law("rise", GROWTH.function, ("N",), params(E=(-1, 1), C=(0, 1e4), d=(0.1, 1)), linear=("E",))
    found = run(law, runs_of(N, y), starts_of(law))
    assert found.status[0] == CONVERGED and found.lower[0, 1]
    np.testing.assert_allclose(found.theta[0, 1], 0, atol=1e-12)
    np.testing.assert_allclose(found.loss[0], np.var(y), rtol=1e-9)


def test_a_size_that_starts_at_zero_can_leave_it():
    N = np.geomspace(1e2, 1e6, 24)[:, None]
    truth = np.array([0.3, 0.2, 0.1])
    y = growths(N, truth)
    found = run(GROWTH, runs_of(N, y), np.tile([0.0, 0.0, 0.5], (16, 1)))
    np.testing.assert_allclose(found.theta[0], truth, rtol=1e-6)


def test_fewer_starts_are_worked_on_at_once_where_the_runs_are_many():
    few, many = (problem_of(WAVES, runs_of(np.ones((num, 1)), np.ones((num, 2)))) for num in (10, 1000))
    solver = LevenbergMarquardt()
    assert solver.num_lanes(few, 1000) == 8 and solver.num_lanes(few, 3) == 3
    num, each = solver.num_lanes(many, 1000), 1000 * 2 * (2 + 4) * 8
    assert num * each <= solver.bytes < (num + 1) * each
    wide = LevenbergMarquardt(lanes=None, bytes=2**32)
    assert wide.num_lanes(few, 1000) == 1000 and LevenbergMarquardt(bytes=1).num_lanes(few, 1000) == 1


def test_the_number_of_lanes_changes_no_optimum():
    x, y = two_waves()
    starts = starts_of(WAVES)
    few = run(WAVES, runs_of(x, y), starts, solver=LevenbergMarquardt(lanes=3))
    np.testing.assert_allclose(few.loss, run(WAVES, runs_of(x, y), starts).loss, rtol=1e-9)


def test_working_on_a_few_rows_at_a_time_changes_no_optimum():
    x, y = two_waves()
    starts = starts_of(WAVES)
    whole = run(WAVES, runs_of(x, y), starts)
    padded = runs_of(x, y, 2 * len(x) + 100)
    apart = run(WAVES, padded, starts, solver=LevenbergMarquardt(rows=7))
    np.testing.assert_allclose(apart.loss, whole.loss, rtol=1e-9)


def test_the_search_box_is_that_of_the_law_but_for_sizes():
    runs = problem_of(GROWTH, runs_of(np.ones((3, 1)), np.ones((3, 1))))
    search, plain = search_box(runs, jnp.array([[0.5, 20.0, 0.5]])), box(GROWTH)
    np.testing.assert_array_equal(np.asarray(search.lower[0])[[0, 2]], np.asarray(plain.lower)[[0, 2]])
    assert search.log.tolist() == [[False, True, False]]
    np.testing.assert_allclose(search.theta(search.lower)[0], [-1, 0, -1], atol=1e-12)
    np.testing.assert_allclose(search.theta(search.upper)[0], [1, 1e4, 1], rtol=1e-12)
    middle = (search.lower + search.upper) / 2
    np.testing.assert_allclose(search.theta(middle)[0, 1], 1e4 * FLOOR**0.5)
    np.testing.assert_allclose(search.scaled(search.theta(middle)), middle, rtol=1e-12, atol=1e-12)
    at_zero = search_box(runs, jnp.array([[0.5, 0.0, 0.5]]))
    np.testing.assert_array_equal(at_zero.upper[0], plain.upper)
