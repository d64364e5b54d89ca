"""Candidates that tell of several rows, against refits by dense generalised least squares."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_along import PLANE, correlation

from jaxsl.acquisition import MSPE
from jaxsl.along import Along, Course
from jaxsl.checkpoints import checkpoints, worth_going_on
from jaxsl.conditioned import Conditioned, learn, nothing_learned
from jaxsl.curves import left, reached, tell_rows, told_together
from jaxsl.design import Design
from jaxsl.host.compiled import accepted
from jaxsl.pool import Pool, Rows, empty, observe, on_course, uniform_target
from jaxsl.posterior import LawPosterior, predict

pytestmark = pytest.mark.usefixtures("float64")

ALONG, SHARE, LENGTH, NOISE = Along(jnp.asarray(0.8), jnp.asarray(0.7)), 0.8, 0.7, 0.01
TARGET = uniform_target(jnp.array([[1e9, 1e11], [3e9, 1e11]]))
PRIOR = np.diag([4.0, 1.0, 1.0])
score = jax.jit(MSPE(between=False))  # of one basin nothing lies between
together, remaining, best_rows = jax.jit(told_together), jax.jit(left), jax.jit(checkpoints, static_argnums=6)


def features(x):
    return np.column_stack([np.ones(len(x)), np.log10(x)])


def refit(x, correlation, y=None):
    """Mean and covariance of the parameters after rows, dense."""
    phi, inverse = features(x), np.linalg.inv(correlation) / NOISE
    covariance = np.linalg.inv(np.linalg.inv(PRIOR) + phi.T @ inverse @ phi)
    return covariance if y is None else (covariance @ (phi.T @ inverse @ y), covariance)


def at_target(covariance):
    phi = features(np.asarray(TARGET.x))
    return np.mean(np.einsum("tp,pq,tq->t", phi, covariance, phi))


def believed(mean, covariance):
    parts = mean[None], np.linalg.cholesky(covariance)[None], np.ones(1), np.array([NOISE])
    return LawPosterior(PLANE, *map(jnp.asarray, parts))


def pool_of(sizes, tokens, mask=None, restart=0.0):
    """Runs of some sizes that all pass the same tokens, at a cost of 6 N D."""
    x = np.stack(np.broadcast_arrays(np.asarray(sizes)[:, None], np.asarray(tokens)[None]), axis=2)
    cost = 6 * x[..., 0] * np.diff(x[..., 1], axis=1, prepend=0)
    mask = np.ones(x.shape[:2], bool) if mask is None else mask
    rows = Rows(*map(jnp.asarray, (x, np.log10(x[..., 1]), mask, np.arange(len(x)), cost, restart)))
    return Pool(jnp.asarray(x[:, -1]), jnp.asarray(np.sum(np.where(mask, cost, 0.0), axis=1)), rows)


@pytest.mark.parametrize("num", [4, 12])
def test_a_run_is_worth_what_a_refit_with_all_its_rows_gains(num):
    tokens = np.geomspace(1e8, 1e10, num)
    mask = np.array([np.ones(num, bool), np.arange(num) % 2 == 0, np.arange(num) == 1])
    pool = pool_of([1e6, 3e6, 1e7], tokens, mask)
    given = together(believed(np.zeros(3), PRIOR), ALONG, pool, TARGET)
    for place, found in enumerate(np.asarray(score(*given))):
        x = np.asarray(pool.rows.x)[place, mask[place]]
        dense = correlation(np.zeros(len(x), int), np.log10(x[:, 1]), SHARE, LENGTH)
        gain = at_target(PRIOR) - at_target(refit(x, dense))
        np.testing.assert_allclose(found, gain, rtol=1e-6)


@pytest.mark.slow
def test_a_run_that_goes_on_is_worth_what_a_refit_with_what_was_seen_of_it_gains():
    rng = np.random.default_rng(0)
    tokens, ahead = np.array([1e8, 2e8, 4e8]), np.array([1e9, 3e9])
    n = np.repeat([1e6, 1e7], 3)
    x = np.column_stack([n, np.tile(tokens, 2)])
    y, run = rng.standard_normal(6), np.repeat([0, 1], 3)
    mean, covariance = refit(x, correlation(run, np.log10(x[:, 1]), SHARE, LENGTH), y)
    course = Course(jnp.asarray(run), jnp.asarray(np.log10(x[:, 1])))
    runs = observe(jnp.asarray(x), jnp.asarray(y)[:, None], 8, course=course)
    pool = pool_of([1e6, 1e7], np.concatenate([tokens, ahead]), restart=7.0)
    now = remaining(pool, runs)
    assert now.rows.mask.tolist() == [[False] * 3 + [True] * 2] * 2
    np.testing.assert_allclose(jax.jit(reached)(now.rows, runs), np.log10(4e8))
    np.testing.assert_allclose(now.cost, 7 + 6 * np.array([1e6, 1e7]) * (3e9 - 4e8))
    belief = believed(mean, covariance)
    given = together(belief, ALONG, now, TARGET, runs)
    scores = np.asarray(score(*given))

    @jax.jit
    def predicted(posterior, pool, target, place, told):
        learned = learn(posterior, nothing_learned(posterior, pool.x), pool.x[place], told)
        return predict(Conditioned(posterior, learned), target.x).mean[0, :, 0]

    for place, size in enumerate([1e6, 1e7]):
        more = np.column_stack([[size, size], ahead])
        every, of = np.concatenate([x, more]), np.concatenate([run, [place, place]])
        dense, new = correlation(of, np.log10(every[:, 1]), SHARE, LENGTH), rng.standard_normal(2)
        refitted, after = refit(every, dense, np.concatenate([y, new]))
        np.testing.assert_allclose(scores[place], at_target(covariance) - at_target(after), rtol=1e-6)
        # The outcomes themselves, as what is new in them, move the prediction as the refit says.
        mine = np.concatenate([np.flatnonzero(run == place), [6, 7]])
        lower = np.linalg.cholesky(dense[np.ix_(mine, mine)])
        told = np.linalg.solve(lower, np.concatenate([np.zeros(3), new]))[3:]
        found = predicted(*given, place, np.concatenate([np.zeros(3), told]))
        np.testing.assert_allclose(found, features(np.asarray(TARGET.x)) @ refitted, rtol=1e-6)


def test_a_run_of_one_row_is_scored_as_a_candidate_is():
    pool = pool_of([1e6, 3e6, 1e7], [1e9])
    belief = believed(np.ones(3), PRIOR)
    plain = score(belief, Pool(pool.x, pool.cost), TARGET)
    np.testing.assert_allclose(score(*together(belief, None, pool, TARGET)), plain, rtol=1e-12)
    same = told_together(belief, ALONG, Pool(pool.x, pool.cost), TARGET)
    assert same[0] is belief and same[2] is TARGET


def test_rows_of_a_run_are_told_but_those_after_it_diverged():
    pool = pool_of([1e6, 1e7], [1e8, 1e9, 1e10])
    runs = on_course(empty(pool.x[0], 1, 4))
    told = jax.jit(tell_rows)
    after, lost = told(runs, pool, 1, np.array([3.0, 2.0, np.nan]))
    assert int(after.num_observed) == 2 and int(lost) == 0
    assert after.course.run.tolist() == [1, 1, -1, -1]
    _, lost = told(after, pool, 0, np.array([3.0, 2.0, 1.0]))
    assert int(lost) == 1
    assert remaining(pool, after).cost.tolist()[1] == 6 * 1e7 * (1e10 - 1e9)
    assert np.isinf(remaining(pool_of([1e6, 1e7], [1e8, 1e9]), after).cost.tolist()[1])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.8])
def test_checkpoints_are_the_best_for_their_price_as_brute_force_says(share):
    along, belief = Along(jnp.asarray(share), jnp.asarray(LENGTH)), believed(np.zeros(3), PRIOR)
    pool, price = pool_of([3e6], np.geomspace(1e8, 1e10, 6)), np.linspace(1.0, 2.0, 6)
    x = np.asarray(pool.rows.x)[0]

    def fall(rows):
        rows = sorted(rows)
        dense = correlation(np.zeros(len(rows), int), np.log10(x[rows, 1]), share, LENGTH)
        return at_target(PRIOR) - at_target(refit(x[rows], dense))

    found = best_rows(belief, along, pool, 0, price, TARGET, 7)
    assert sorted(found.row.tolist()) == [-1, 0, 1, 2, 3, 4, 5]
    first = [fall([row]) / float(price[row]) for row in range(6)]
    rows = found.row.tolist()
    assert rows[0] == int(np.argmax(first))
    np.testing.assert_allclose(found.fall.tolist()[:6], [fall(rows[: k + 1]) for k in range(6)])
    best = max(fall(pair) for pair in combinations(range(6), 2))
    equal = best_rows(belief, along, pool, 0, np.ones(6), TARGET, 2)
    assert equal.fall.tolist()[1] > 0.95 * best


def test_a_run_that_teaches_nothing_for_its_price_may_stop():
    x = np.column_stack([np.full(2, 1e6), [1e8, 1e9]])
    course = Course(jnp.zeros(2, int), jnp.array([8.0, 9.0]))
    runs = observe(jnp.asarray(x), jnp.ones((2, 1)), course=course)
    belief = believed(*refit(x, correlation([0, 0], [8, 9], SHARE, LENGTH), np.ones(2)))
    every, key, going_on = np.ones(2, bool), jax.random.key(0), jax.jit(worth_going_on)

    def going(restart):
        pool = remaining(pool_of([1e6, 1e7], [1e8, 1e9, 1e10], restart=restart), runs)
        given = belief, ALONG, pool, TARGET, every, np.asarray(1e19), runs, key
        return going_on(*given).tolist()

    assert going(0.0) == [True, True] and going(9.9e18) == [False, True]


@pytest.mark.slow
def test_a_design_buys_runs_with_their_rows_and_goes_on_with_them():
    whole = pool_of([1e6, 1e7, 1e8], [1e8, 1e9, 1e10])
    rows = {name: jnp.concatenate([getattr(whole.rows, name)] * 2) for name in ("x", "place", "run", "cost")}
    mask = jnp.concatenate([whole.rows.mask & (jnp.arange(3) < 1), whole.rows.mask])
    pool = Pool(rows["x"][:, -1], jnp.ones(6), Rows(**rows, mask=mask, restart=jnp.asarray(0.0)))
    design, rng = Design((PLANE,), MSPE(between=False), num_starts=12), np.random.default_rng(0)
    state, tell = design.start(pool), jax.jit(design.tell)
    ask = jax.jit(design.ask, compiler_options=accepted())
    for _ in range(4):
        choice, belief = ask(state, pool, TARGET, jnp.asarray(1e20), jax.random.key(0))
        x = rows["x"][choice.index]
        y = 5 - 0.2 * np.log10(x[:, 0]) - 0.1 * np.log10(x[:, 1]) + 0.01 * rng.standard_normal(3)
        state = tell(state, pool, choice.index, y, belief)
    assert ask._cache_size() == tell._cache_size() == 1
    course = state.observations.course
    told = [one for one in zip(course.run.tolist(), course.place.tolist(), strict=True) if one[0] >= 0]
    furthest = {run: max(place for one, place in told if one == run) for run, _ in told}
    assert len(told) == len(set(told)) == int(state.observations.num_observed) >= 4
    paid = sum(6 * 10 ** (6 + run) * 10**place for run, place in furthest.items())
    np.testing.assert_allclose(state.spent, paid)
