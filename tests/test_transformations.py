"""Every public function of the core under jit, vmap, eval_shape and grad, and in float32, from one table."""

import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import DECAY, PAIR, tabulated

from jaxsl._linalg import inverse_root, solve_lower, solve_spd, symmetric_root
from jaxsl.acquisition import MSPE, DOptimal, Uniform, VOptimal, leading
from jaxsl.acquisition.bound import most_fall
from jaxsl.basins import BIC, BasinRule, Laplace, Optima
from jaxsl.chaining import ForwardChain, farthest_first
from jaxsl.choice import Chooser, checked
from jaxsl.cluster import complete_linkage
from jaxsl.design import Design, cheapest
from jaxsl.fit import Fit, fit
from jaxsl.moments import moments, quantile
from jaxsl.noise import InverseGamma, negligible_variance, outcome_variance
from jaxsl.pool import Observations, Pool, Target, empty, is_outcome, observe, on_course, uniform_target
from jaxsl.posterior import (
    Heaviest,
    LawPosterior,
    Mixture,
    Tabulated,
    Widened,
    at_some,
    finite,
    known,
    of_used,
    predict,
    renormalised,
    split,
    survey,
    tabulate,
)
from jaxsl.precision import double_precision
from jaxsl.quadrature import GaussHermite, GaussLegendre, QuasiMonteCarlo
from jaxsl.residual import Asymmetric, Both, Huber, linearise, problem, reweighted
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.starts import random_starts, warm_starts
from jaxsl.transform import box

pytestmark = pytest.mark.usefixtures("float64")
MODULES = (
    *(
        "_linalg",
        "acquisition.baselines",
        "acquisition.bound",
        "acquisition.leading",
        "acquisition.mspe",
        "basins",
        "chaining",
        "choice",
        "cluster",
        "design",
        "fit",
    ),
    *("moments", "noise", "pool", "posterior", "quadrature", "residual", "starts", "transform"),
)

RNG = np.random.default_rng(0)
KEY = np.zeros(2, np.uint32)  # stacked like any other array; wrapped inside
X = np.logspace(1, 4, 5)[:, None]
THETA = np.array([1.0, 30.0, 0.5])
RUNS = Observations(X, 1 + 30 * X**-0.5, np.array([True, True, True, True, False]))
TARGET = Target(np.array([[1e5], [1e6], [1e7]]), np.full(3, 1 / 3))
POOL = Pool(X, X[:, 0])
LOSSES = np.array([0.1, 0.2])
SPD = np.array([[4.0, 1, 0], [1, 3, 0.5], [0, 0.5, 2]])
MEAN, ROOT, WEIGHT = RNG.normal(size=(2, 1)), RNG.uniform(1, 2, (2, 1, 1)), np.array([0.3, 0.7])
OPTIMA = (LOSSES, LOSSES / 9, SPD[None], THETA[None], np.array(0.1), np.array(5))
BELIEF = LawPosterior(DECAY, np.stack([THETA, 1.1 * THETA]), RNG.normal(size=(2, 3, 3)), WEIGHT, np.ones(2))
FIT = Fit(
    np.stack([THETA, 1.01 * THETA, 0.9 * THETA]), *[np.array([0.01, 0.011, 0.012])] * 2,
    np.zeros(3, int), np.ones(3, int), np.zeros((3, 3), bool), np.zeros((3, 3), bool),
)  # fmt: skip
SOLVER, RULE = LevenbergMarquardt(max_steps=5, lanes=2), BasinRule(max_basins=2)
DESIGN = Design.paper(DECAY, RULE, num_starts=4, num_warm=2, solver=SOLVER)
CHAIN = ForwardChain((0.5,), 2, SOLVER)
DISTANCE = np.abs(RNG.normal(size=(4, 4)))
DISTANCE = DISTANCE + DISTANCE.T - 2 * np.diag(np.diag(DISTANCE))


def key_of(data):
    return jax.random.wrap_key_data(data)


def ask(runs, pool, target, key):
    return DESIGN.ask(DESIGN.start(pool, runs), pool, target, 1e5, key_of(key))


def tell(runs, pool, index, y):
    return DESIGN.tell(DESIGN.start(pool, runs), pool, index, y)


def expectation(rule):
    """Of a function with no symmetry, so that the derivatives are not zero."""

    def expect(mean, root, weight):
        y, probability = rule(mean, root, weight)
        return probability @ jnp.sum(jnp.sin(y) + y**2, axis=1)

    return expect


# name: (function of arrays, arguments, whether its derivative by the first argument has a meaning)
TABLE = {
    "inverse_root": (lambda a: inverse_root((a + a.T) / 2), (SPD,), True),
    "solve_lower": (solve_lower, (np.tril(SPD), np.ones(3)), True),
    "solve_spd": (solve_spd, (SPD, np.ones(3)), True),
    "symmetric_root": (symmetric_root, (SPD,), False),
    "box": (lambda theta: box(DECAY, theta.dtype).scaled(theta), (THETA,), True),
    "Box.theta": (lambda z: box(DECAY, z.dtype).theta(z), (np.array([0.1, 0.2, 0.3]),), True),
    "Box.slope": (lambda theta: box(DECAY, theta.dtype).slope(theta), (THETA,), True),
    "Box.clip": (lambda z: box(DECAY, z.dtype).clip(z), (THETA,), True),
    "Law.predict": (lambda theta, x: PAIR.predict(theta, x), (THETA, X), True),
    "Law.jacobian": (lambda theta, x: DECAY.jacobian(theta, x), (THETA, X), True),
    "observe": (lambda x, y: observe(x, y, 7), (X, X), True),
    "on_course": (lambda x, y: on_course(observe(x, y, 7)), (X, X), True),
    "empty": (lambda x: empty(x, 1, 4), (X[0],), True),
    "is_outcome": (is_outcome, (X,), False),
    "uniform_target": (uniform_target, (X,), True),
    "Observations": (lambda runs, x, y: runs.add(x, y), (RUNS, X[0], X[0]), False),
    "problem": (lambda theta, runs: problem(DECAY, runs).loss(theta), (THETA, RUNS), True),
    "linearise": (
        lambda theta, runs: linearise(problem(DECAY, runs), theta[None], (0, 2)),
        (THETA, RUNS),
        True,
    ),
    "Huber": (lambda r: Huber()(r), (np.array([0.0, 2.0]),), True),
    "Asymmetric": (lambda r: Asymmetric()(r), (np.array([-1.0, 2.0]),), True),
    "Both": (lambda r: Both(Asymmetric(), Huber())(r), (np.array([-1.0, 2.0]),), True),
    "reweighted": (lambda r: reweighted(Huber(), r), (np.array([-1.0, 2.0]),), True),
    "random_starts": (
        lambda key, like: random_starts(key_of(key), DECAY, 3, like.dtype),
        (KEY, THETA),
        False,
    ),
    "warm_starts": (
        lambda key, earlier, valid: warm_starts(key_of(key), DECAY, 4, earlier, valid),
        (KEY, THETA[None], np.array([True])),
        False,
    ),
    "fit": (
        lambda runs, starts: fit(DECAY, runs, starts, SOLVER),
        (RUNS, np.stack([THETA, 2 * THETA])),
        False,
    ),
    "outcome_variance": (outcome_variance, (RUNS,), False),
    "negligible_variance": (negligible_variance, (RUNS,), False),
    "InverseGamma": (
        lambda squares, runs: InverseGamma().variance(runs, squares, 3),
        (np.array(0.3), RUNS),
        True,
    ),
    "complete_linkage": (complete_linkage, (DISTANCE, np.array([True, True, True, False])), False),
    "BIC": (lambda *optima: BIC()(Optima(*optima)), OPTIMA, True),
    "Laplace": (lambda *optima: Laplace()(Optima(*optima)), OPTIMA, True),
    "BasinRule": (
        lambda fit, runs, target: RULE(DECAY, runs, target, fit),
        (FIT, RUNS, TARGET),
        False,
    ),
    "LawPosterior": (lambda x, belief: belief.at(x), (X, BELIEF), True),
    "Mixture": (lambda x, belief: Mixture((belief, belief), belief.weight).at(x), (X, BELIEF), True),
    "at_some": (lambda x, belief: at_some(belief, np.array([1]), x), (X, BELIEF), True),
    "of_used": (lambda x, belief: of_used(np.array([0.0, 1.0]), belief.at(x)), (X, BELIEF), True),
    "Heaviest": (lambda x, belief: Heaviest(belief).at(x), (X, BELIEF), True),
    "Tabulated": (
        lambda row, mean, root: Tabulated(mean[:, 0, 0], mean[:, 0, 0], mean, root).at(row),
        (np.arange(5.0)[:, None], np.ones((2, 5, 1)), np.ones((2, 5, 1, 3))),
        False,
    ),
    "Widened": (lambda x, belief: Widened(belief, 2 * jnp.ones_like(belief.weight)).at(x), (X, BELIEF), True),
    "predict": (lambda x, belief: predict(belief, x), (X, BELIEF), True),
    "survey": (lambda x, belief: survey(belief, x[2:], x), (X, BELIEF), True),
    "split": (lambda x, belief: split(belief.at(x), 2), (X, BELIEF), True),
    "tabulate": (lambda x, belief: tabulate(belief, x)[0].mean, (X, BELIEF), True),
    "finite": (lambda x, belief: finite(belief.at(x)), (X, BELIEF), False),
    "known": (lambda x, belief: known(belief.at(x)), (X, BELIEF), False),
    "renormalised": (lambda w: renormalised(w, np.array([True, False])), (WEIGHT,), True),
    "moments": (lambda x, belief: moments(belief, x), (X, BELIEF), True),
    "quantile": (lambda x, belief: quantile(belief, x, (0.1, 0.9)), (X, BELIEF), False),
    "GaussHermite": (expectation(GaussHermite(8)), (MEAN, ROOT, WEIGHT), True),
    "GaussLegendre": (expectation(GaussLegendre()), (MEAN, ROOT, WEIGHT), True),
    "QuasiMonteCarlo": (expectation(QuasiMonteCarlo(16)), (MEAN, ROOT, WEIGHT), True),
    "MSPE": (lambda x, belief, target: MSPE()(belief, Pool(x, x[:, 0]), target), (X, BELIEF, TARGET), True),
    "VOptimal": (
        lambda x, belief, target: VOptimal()(belief, Pool(x, x[:, 0]), target),
        (X, BELIEF, TARGET),
        True,
    ),
    "DOptimal": (
        lambda x, belief, target: DOptimal()(belief, Pool(x, x[:, 0]), target),
        (X, BELIEF, TARGET),
        True,
    ),
    "most_fall": (
        lambda here, *aim: most_fall(*aim, here, jnp.ones((2, 5, 1), here.dtype)),
        (X.T * np.ones((2, 1)) / 1e4, WEIGHT, np.ones(2), MEAN, ROOT),
        True,
    ),
    "leading": (lambda *case: leading(MSPE(), *case, np.ones(5)), (BELIEF, POOL, TARGET), False),
    "Uniform": (lambda belief, pool, target: Uniform()(belief, pool, target), (BELIEF, POOL, TARGET), False),
    "Chooser": (
        lambda score, pool, mask, key: Chooser()(score, pool, mask, 1e3, key_of(key)),
        (X[:, 0], POOL, np.ones(5, bool), KEY),
        False,
    ),
    "checked": (lambda cost, bad: checked(cost[0], bad), (X[:, 0], np.array([0.1, 0.9])), False),
    "cheapest": (lambda cost: cheapest(cost, 2, 1e9), (X[:, 0],), False),
    "ForwardChain": (
        lambda runs, target, key: CHAIN(DECAY, runs, target, key_of(key)),
        (RUNS, TARGET, KEY),
        False,
    ),
    "farthest_first": (lambda runs, target: farthest_first(DECAY, runs, target), (RUNS, TARGET), False),
    "Design.ask": (ask, (RUNS, POOL, TARGET, KEY), False),
    "Design.tell": (tell, (RUNS, POOL, np.array(2), np.array([1.5])), False),
}
SLOW = ("Design.ask", "ForwardChain", "fit")  # two compilations of much
# Data alone: nothing to transform.
RECORDS = {
    "Basins", "Belief", "Box", "Choice", "Clusters", "Design", "Fit", "Moments", "Optima", "Pool",
    "Posterior", "Predictive", "PriorUsed", "Problem", "Rows", "State", "Target", "Validation", "buffer_size",
}  # fmt: skip


def cast(args, dtype):
    """Floats in another dtype; NumPy all along, so that nothing but the function is compiled."""
    return jax.tree.map(
        lambda leaf: np.asarray(leaf, dtype if np.issubdtype(leaf.dtype, np.floating) else None), args
    )


def differs(args):
    """The same arguments, floats moved a little."""
    return jax.tree.map(lambda leaf: leaf * 1.01 if np.issubdtype(leaf.dtype, np.floating) else leaf, args)


def assert_same(one, other):
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in TABLE]
)
def test_jit_agrees_with_eval_shape_and_vmap_with_jit(name):
    function, args, _ = TABLE[name]
    args = cast(args, np.float64)
    compiled = jax.jit(function)
    both = [compiled(*args), compiled(*differs(args))]
    shapes = compiled.eval_shape(*args)
    assert jax.tree.structure(shapes) == jax.tree.structure(both[0])
    for shape, leaf in zip(jax.tree.leaves(shapes), jax.tree.leaves(both[0]), strict=True):
        assert (shape.shape, shape.dtype) == (leaf.shape, leaf.dtype)
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), args, differs(args))
    batched = jax.tree.map(np.asarray, jax.jit(jax.vmap(function))(*stacked))
    for index, alone in enumerate(both):
        assert_same(jax.tree.map(lambda leaf, i=index: leaf[i], batched), alone)


@pytest.mark.parametrize("name", [name for name, (_, _, smooth) in TABLE.items() if smooth])
def test_derivatives_are_finite_and_agree_with_differences(name):
    function, args, _ = TABLE[name]
    first, *rest = cast(args, np.float64)
    rest = jax.tree.map(jnp.asarray, rest)
    direction = np.random.default_rng(1).normal(size=first.shape) * (1 + np.abs(first))

    @jax.jit
    @jax.value_and_grad
    def total(first):
        leaves = jax.tree.leaves(function(first, *rest))
        leaves = [leaf for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
        return sum(jnp.sum(leaf * np.cos(np.arange(leaf.size)).reshape(leaf.shape)) for leaf in leaves)

    value, gradient = total(first)
    slope, step = np.vdot(gradient, direction), 1e-6
    difference = (total(first + step * direction)[0] - total(first - step * direction)[0]) / (2 * step)
    assert np.isfinite(slope)
    np.testing.assert_allclose(slope, difference, rtol=1e-4, atol=1e-6 * (1 + abs(value)))


@pytest.mark.parametrize("scope", [True, False], ids=["in_double_scope", "outside"])
@pytest.mark.parametrize("name", TABLE)
def test_float32_in_gives_float32_out(name, scope):
    function, args, _ = TABLE[name]
    with jax.enable_x64(scope):
        shapes = jax.eval_shape(function, *cast(args, np.float32))
    floats = [leaf.dtype for leaf in jax.tree.leaves(shapes) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    assert set(floats) <= {np.dtype(np.float32)}


def test_the_table_holds_every_public_function():
    public = set()
    for module in (importlib.import_module(f"jaxsl.{name}") for name in MODULES):
        public |= {
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and getattr(value, "__module__", None) == module.__name__
            and (inspect.isfunction(value) or inspect.isclass(value))
        }
    held = {name.partition(".")[0] for name in TABLE} | RECORDS
    assert public <= held, f"not in the table: {sorted(public - held)}"


def test_scores_in_float32_are_close_to_those_in_float64():
    posterior = tabulated(WEIGHT, np.ones(2), RNG.normal(size=(2, 8, 1)), RNG.normal(size=(2, 8, 1, 3)))
    index = np.arange(8.0)[:, None]
    args = (posterior, Pool(index[:5], index[:5, 0]), uniform_target(index[5:]))
    with double_precision():
        exact = jax.jit(MSPE().__call__)(*cast(args, np.float64))
    with jax.enable_x64(False):
        rough = jax.jit(MSPE().__call__)(*cast(args, np.float32))
    np.testing.assert_allclose(rough, exact, rtol=1e-3)
