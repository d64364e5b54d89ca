"""Fits aimed at the target, by a power that forward chaining chooses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from synthetic import DECAY

from jaxsl.chaining import Validation, aimed, chosen_aim
from jaxsl.design import Design
from jaxsl.fit import fit
from jaxsl.law import Law
from jaxsl.pool import Pool, observe, uniform_target
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import random_starts

POWERS = (0.0, 2.0, 4.0)
KEY = jax.random.key(0)
SOLVER = LevenbergMarquardt(tolerance=1e-6)


def runs_of(broken, num=40):
    """Runs of ``1.5 + 40 N^-0.5``, of which those below N = 30 lie higher where the law is broken there."""
    x = np.logspace(1, 4, num)
    y = 1.5 + 40 * x**-0.5 + 0.003 * np.random.default_rng(0).standard_normal(num)
    y = y + broken * 3 * np.maximum(np.log10(30 / x), 0)
    return observe(jnp.asarray(x[:, None]), jnp.asarray(y[:, None]), 48)


TARGET = np.array([[1e6], [1e7]])


@eqx.filter_jit
def believe(runs, aim, laws=(DECAY,)):
    design = Design(laws, aim=aim, num_starts=16, num_warm=0, solver=SOLVER)
    state = design.start(Pool(runs.x, jnp.ones(runs.x.shape[0])), runs)
    return design.believe(state, uniform_target(jnp.asarray(TARGET)), KEY)


def predicted(belief, law=0):
    return np.asarray(DECAY.predict(belief.fits[law].theta[0], jnp.asarray(TARGET)))


@pytest.mark.slow
def test_a_law_that_is_wrong_far_from_the_target_is_aimed_and_predicts_better(float64):
    runs, truth = runs_of(broken=True), 1.5 + 40 * TARGET**-0.5
    plain, chosen = believe(runs, 0.0), believe(runs, POWERS)
    assert np.abs(predicted(chosen) - truth).max() < 0.1 * np.abs(predicted(plain) - truth).max()
    assert len(chosen.validations) == 1 and not plain.validations


@pytest.mark.slow
def test_several_laws_are_aimed_by_one_power(float64):
    """Or their losses, and so the evidence for each, would count different runs."""
    searched = Law("searched", DECAY.function, DECAY.inputs, DECAY.params)  # no parameter is eliminated
    runs, truth = runs_of(broken=True), 1.5 + 40 * TARGET**-0.5
    found = believe(runs, POWERS, (DECAY, searched))
    for law in range(2):
        np.testing.assert_allclose(predicted(found, law), truth, atol=0.03)
    np.testing.assert_allclose(found.fits[0].loss[0], found.fits[1].loss[0], rtol=1e-2)
    assert len(found.validations) == 2


def test_a_law_that_holds_everywhere_is_fitted_to_all_runs_alike(float64):
    runs = runs_of(broken=False)
    np.testing.assert_allclose(predicted(believe(runs, POWERS)), predicted(believe(runs, 0.0)), rtol=1e-6)


@pytest.mark.slow
def test_what_is_chosen_is_fitted_with_its_weights(float64):
    runs = runs_of(broken=True)
    target = uniform_target(jnp.asarray(TARGET))
    chosen = believe(runs, POWERS).fits[0]
    losses = []
    for power in POWERS:
        weight = aimed(DECAY, runs, target, power)
        found = fit(DECAY, runs, random_starts(KEY, DECAY, 16, runs.y.dtype), SOLVER, weight, prior=0.3)
        losses.append(float(found.loss[0]))
    assert min(abs(float(chosen.loss[0]) / loss - 1) for loss in losses[1:]) < 1e-3


@pytest.mark.parametrize("shift", [0.0, 0.3, 3.0])
def test_the_choice_is_scipys_paired_test(shift, float64):
    rng = np.random.default_rng(1)
    held = np.zeros((1, 12), bool)
    held[0, 3:] = True
    error = rng.normal(size=(2, 1, 12, 1)) * held[..., None]
    error[0] += shift * held[..., None]
    tried = [Validation(jnp.asarray(part), jnp.asarray(held), jnp.asarray(1.0)) for part in error]
    squares = error[:, 0, 3:, 0] ** 2
    sure = stats.ttest_rel(*squares, alternative="greater").pvalue < 0.1
    assert bool(chosen_aim(tried)) == sure


def test_one_held_out_run_and_none_decide_nothing(float64):
    for count in (0, 1):
        held = jnp.arange(3)[None] < count
        tried = [Validation(held[..., None] * error, held, jnp.asarray(1.0)) for error in (5.0, 0.1)]
        assert int(chosen_aim(tried)) == 0
