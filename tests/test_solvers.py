"""Every solver behind the one interface finds what the default finds."""

import functools
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from synthetic import DECAY, runs_of

from jaxsl.fit import fit
from jaxsl.residual import Huber
from jaxsl.solver.lbfgsb import LBFGSB
from jaxsl.solver.quasi_newton import QuasiNewton
from jaxsl.solver.scipy import ScipyLBFGSB, ScipyLeastSquares
from jaxsl.solver.solution import INVALID
from jaxsl.starts import random_starts

COMPILED = [LBFGSB(), QuasiNewton()]
SOLVERS = [*COMPILED, ScipyLBFGSB(), ScipyLeastSquares()]
NAMES = [type(solver).__name__ for solver in SOLVERS]
# jaxopt's program alone takes ten seconds to compile.
EACH = [pytest.param(solver, marks=pytest.mark.slow if solver is COMPILED[0] else ()) for solver in SOLVERS]

pytestmark = pytest.mark.usefixtures("float64")


predict = jax.jit(DECAY.predict)
starts_of = jax.jit(lambda key: random_starts(key, DECAY, 8))
by_default = jax.jit(lambda observations, starts: fit(DECAY, observations, starts))


def runs(theta=(1.7, 400.0, 0.4), noise=0.01):
    rng = np.random.default_rng(0)
    x = np.geomspace(1e3, 1e7, 12)[:, None]
    y = np.asarray(predict(np.asarray(theta), x)) + noise * rng.standard_normal((12, 1))
    return jax.tree.map(jnp.asarray, runs_of(x, y))


@functools.cache
def fitter(solver):
    def run(observations, starts):
        return fit(DECAY, observations, starts, solver)

    return jax.jit(run) if solver in COMPILED else run


@pytest.mark.slow
@pytest.mark.parametrize("solver", EACH, ids=NAMES)
def test_finds_the_optimum_of_the_default_solver(solver):
    observations, starts = runs(), starts_of(jax.random.key(0))
    best = by_default(observations, starts)
    found = fitter(solver)(observations, starts)
    found, best = (jax.tree.map(np.asarray, one) for one in (found, best))
    assert found.loss[0] == pytest.approx(best.loss[0], rel=1e-6)
    np.testing.assert_allclose(found.theta[0], best.theta[0], rtol=1e-3)
    assert np.all(np.diff(found.loss) >= 0)


@pytest.mark.parametrize("solver", EACH, ids=NAMES)
def test_stays_in_the_box_and_ends_at_the_active_bound(solver):
    # In truth E is 0.02, below its box: at E = 0.1 the rest is a regression on one curve, solved by SciPy.
    observations, starts = runs(theta=(0.02, 400.0, 0.4)), starts_of(jax.random.key(1))
    x, y = np.asarray(observations.x)[:, 0], np.asarray(observations.y)[:, 0]
    (A, alpha), _ = scipy.optimize.curve_fit(lambda N, A, alpha: 0.1 + A * N**-alpha, x, y, (400, 0.4))
    found = fitter(solver)(observations, starts)
    assert np.all(np.asarray(found.theta) >= DECAY.lower) and np.all(np.asarray(found.theta) <= DECAY.upper)
    np.testing.assert_allclose(np.asarray(found.theta)[0], [0.1, A, alpha], rtol=1e-4)


@pytest.mark.parametrize("solver", EACH, ids=NAMES)
def test_a_start_that_is_not_finite_ends_alone(solver):
    starts = starts_of(jax.random.key(0))
    found = fitter(solver)(runs(), starts.at[0, 0].set(jnp.nan))
    assert np.isinf(found.loss[-1]) and int(found.status[-1]) == INVALID
    assert np.all(np.isfinite(found.loss[:-1])) and not np.any(np.asarray(found.status[:-1]) == INVALID)


@pytest.mark.slow
def test_a_robust_loss_goes_through_a_quasi_newton_solver():
    observations, starts = runs(), starts_of(jax.random.key(0))
    spoilt = replace(observations, y=observations.y.at[3].add(3.0))

    @jax.jit
    def losses(runs, starts):
        given = DECAY, runs, starts
        every = fit(*given, robust=Huber(0.02)), fit(*given, QuasiNewton(), robust=Huber(0.02))
        return [found.loss[0] for found in every]

    best, found = losses(spoilt, starts)
    assert float(found) == pytest.approx(float(best), rel=1e-6)


@pytest.mark.slow
def test_jaxopt_is_imported_by_its_own_file_alone_and_without_a_warning():
    script = (
        "import sys, jaxsl.fit; assert 'jaxopt' not in sys.modules;"
        "import jaxsl.solver.lbfgsb; assert 'jaxopt' in sys.modules"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
