"""Every benchmark law over its whole box at every row of its data: values and derivatives are finite."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_data import benchmark_data

from experiments.datasets import load
from jaxsl.precision import double_precision
from laws.tasks import TASKS

NUM_DRAWS = 50  # parameter vectors from each of the four samplers
NUM_CLIMBS = 4  # rounds of moving every parameter to the bound that makes one prediction larger
BENCHMARK = [(task, law) for task in TASKS for law in task.laws]
SLOW = "lr_bsz"  # 2,800 rows and twenty parameters a law: as long as all other tasks together

# The laws whose box leaves float32, which ends at 3.4e38, and the size of what does not fit.
NEEDS_FLOAT64 = {
    "data_con/sl_4": "B D_e^-beta is 1e39 where effective data are on their floor",
    "lr_bsz/sl_1": "the exponential is not clipped: 5e44",
    "lr_bsz/sl_2": "D/N^k to the power 5: 2e90",
    "lr_bsz/sl_3": "curvatures N^3 D^3 bsz^3: 9e78",
    "lr_bsz/sl_4": "the exponential is not clipped: 2e45",
    "lr_bsz/sl_5": "curvatures N^2 D^2 bsz^2: 6e53",
    "parallel/sl_5": "(A/1e-12)^3 where the denominator is on its floor: 1e63",
    "vocab/sl_1": "V^5 N^5 D^5: 1e131",
}


@functools.cache
def rows(task):
    groups = load(task, benchmark_data()).values()
    return np.unique(np.concatenate([runs.x for group in groups for runs in group]), axis=0)


def draws(law, rng):
    """Uniform, log-uniform where that exists, corners, and a mixture with zeros and bounds."""
    shape = (NUM_DRAWS, law.num_params)
    lower, upper = law.lower, law.upper
    uniform = lower + (upper - lower) * rng.random(shape)
    ratio = np.where(law.log, upper / np.where(law.log, lower, 1.0), 1.0)
    logarithmic = np.where(law.log, lower * ratio ** rng.random(shape), uniform)
    corners = np.where(rng.random(shape) < 0.5, lower, upper)
    edges = np.choose(rng.integers(0, 3, shape), [np.clip(0, lower, upper), lower, upper])
    mixed = np.where(rng.random(shape) < 0.7, edges, uniform)
    return np.concatenate([uniform, logarithmic, corners, mixed])


def finite_over_the_box(law, x):
    """Whether all values and derivatives are finite, at the draws and at corners climbed to from them."""
    rng = np.random.default_rng(0)

    @jax.jit
    def evaluate(theta, row, output):
        def one(at):
            theta, row, output = at
            jacobian = law.jacobian(theta, x)
            finite = jnp.isfinite(law.predict(theta, x)).all() & jnp.isfinite(jacobian).all()
            return finite, jacobian[row, output]

        return jax.lax.map(one, (theta, row, output))

    theta = draws(law, rng)
    for _ in range(1 + NUM_CLIMBS):
        theta = np.clip(theta, law.lower, law.upper).astype(x.dtype)
        row, output = (rng.integers(0, num, len(theta)) for num in (len(x), law.num_outputs))
        finite, slope = map(np.asarray, evaluate(theta, row, output))
        if not finite.all():
            return False
        theta = np.where(slope > 0, law.upper, np.where(slope < 0, law.lower, theta))
    return True


@pytest.mark.parametrize(
    ("task", "law"),
    [pytest.param(*one, marks=[pytest.mark.slow] * (one[0].name == SLOW)) for one in BENCHMARK],
    ids=lambda value: value.name,
)
def test_values_and_derivatives_are_finite_over_the_box(task, law):
    with double_precision():
        assert finite_over_the_box(law, rows(task))


@pytest.mark.slow
@pytest.mark.parametrize(("task", "law"), BENCHMARK, ids=lambda value: value.name)
def test_float32_suffices_except_for_the_laws_listed(task, law):
    assert finite_over_the_box(law, rows(task).astype(np.float32)) == (law.name not in NEEDS_FLOAT64)


def is_affine(law, predict, index, x):
    """Whether second differences along random directions in the parameters ``index`` vanish."""
    rng = np.random.default_rng(0)
    theta = draws(law, rng)
    step = np.zeros_like(theta)
    step[:, index] = (law.upper - law.lower)[index] * rng.uniform(-1, 1, (len(theta), len(index)))
    below, middle, above = (np.asarray(predict(theta + sign * step, x)) for sign in (-1, 0, 1))
    size = np.abs(below) + np.abs(middle) + np.abs(above)
    return bool(np.all(np.abs(below + above - 2 * middle) <= 1e-9 * size))


@pytest.mark.parametrize(("task", "law"), BENCHMARK, ids=lambda value: value.name)
def test_the_declared_linear_parameters_are_jointly_affine_and_no_other_joins_them(task, law):
    x = rows(task)[:: max(1, len(rows(task)) // 20)]
    predict = jax.jit(jax.vmap(law.predict, (0, None)))
    linear = list(law.linear_index)
    with double_precision():
        assert is_affine(law, predict, linear, x)
        for other in set(range(law.num_params)) - set(linear):
            assert not is_affine(law, predict, [*linear, other], x), law.params[other].name
