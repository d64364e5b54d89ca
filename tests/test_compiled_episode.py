"""One compiled episode against ``ask`` and ``tell`` step by step, and against its own continuation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from synthetic import DECAY

from jaxsl.design import Design, cheapest
from jaxsl.episode import buy, enlarge, episode
from jaxsl.pool import Pool, empty, uniform_target

BUDGET = 0.3
run, ask, tell = map(eqx.filter_jit, (episode, Design.ask, Design.tell))


def known(y, index):
    return y[index]


def outcomes(y):
    """What a run gives, with the outcomes as arguments of a program and none of its constants."""
    return jax.tree_util.Partial(known, y)


@pytest.fixture(autouse=True)
def _double(float64):
    pass


@pytest.fixture
def setting():
    size = np.logspace(1, 5, 24)[:, None]
    noise = 0.01 * np.random.default_rng(0).standard_normal(size.shape)
    y = 1.5 + 40 * size**-0.5 + noise
    cost = size[:, 0] ** 0.5
    pool = Pool(jnp.asarray(size), jnp.asarray(cost / cost.sum()))
    target = uniform_target(jnp.array([[1e6], [1e7]]))
    return Design((DECAY,), num_starts=16, num_warm=4), pool, target, jnp.asarray(y)


def begin(design, pool, y, size):
    state = design.start(pool, empty(pool.x[0], 1, size))
    return buy(design, state, pool, cheapest(pool.cost, 3, 1.0), lambda i: y[i])


begun = eqx.filter_jit(begin)


@pytest.mark.slow
def test_an_episode_buys_what_ask_and_tell_buy(setting):
    design, pool, target, y = setting
    key = jax.random.key(0)
    state = begun(design, pool, y, 32)
    _, trace = run(design, state, pool, target, outcomes(y), np.array(BUDGET), key, 32)
    bought = []
    while True:
        choice, belief = ask(design, state, pool, target, BUDGET, key)
        bought.append(int(choice.index))
        if choice.index < 0:
            break
        state = tell(design, state, pool, choice.index, y[choice.index], belief)
    num = int(trace.num_rounds)
    assert num == len(bought) > 4
    assert trace.index[:num].tolist() == bought
    np.testing.assert_allclose(trace.spent[num - 1], state.spent)
    np.testing.assert_allclose(trace.theta[0][num - 1], belief.fits[0].theta[0], rtol=1e-8)
    assert float(state.spent) <= BUDGET


@pytest.mark.slow
def test_a_full_buffer_is_enlarged_and_the_episode_goes_on_as_if_nothing_had_been(setting):
    design, pool, target, y = setting
    key = jax.random.key(0)
    given = pool, target, outcomes(y), np.array(BUDGET), key, 32
    _, whole = run(design, begun(design, pool, y, 32), *given)
    state, first = run(design, begun(design, pool, y, 8), *given)
    assert bool(jnp.all(state.observations.mask))
    state, rest = run(design, jax.jit(enlarge, static_argnums=1)(state, 32), *given)
    first, rest = (np.asarray(trace.index[: int(trace.num_rounds)]) for trace in (first, rest))
    # The last round of the full buffer asked but could not buy; the next buffer asks again.
    np.testing.assert_array_equal(np.concatenate([first[:-1], rest]), whole.index[: int(whole.num_rounds)])


@pytest.mark.slow
def test_an_episode_goes_on_where_runs_diverge(setting):
    design, pool, target, y = setting
    y = jnp.asarray(np.where(np.isin(np.arange(24), [1, 5, 6, 7])[:, None], np.nan, y))
    state = begun(design, pool, y, 32)
    assert state.observations.num_observed == 2 and state.available.sum() == 21
    state, trace = run(design, state, pool, target, outcomes(y), np.array(0.2), jax.random.key(0), 32)
    trace = jax.tree.map(np.asarray, trace)
    rows = trace.index[: int(trace.num_rounds) - 1]
    bought, y = np.append(rows, np.arange(3)), np.asarray(y)
    assert trace.index[int(trace.num_rounds) - 1] == -1 and np.isnan(y[rows]).any()
    assert state.observations.num_observed == np.isfinite(y[bought]).sum() > 3
    np.testing.assert_allclose(state.spent, np.asarray(pool.cost)[bought].sum())
    assert np.isfinite(np.stack(trace.loss)[:, : int(trace.num_rounds)]).all()


def test_first_purchases_beyond_the_buffer_are_refused_or_counted(setting):
    design, pool, _, y = setting
    with pytest.raises(ValueError, match="no room for 3 more in a buffer of 2"):
        begin(design, pool, y, 2)
    state = jax.jit(lambda y: begin(design, pool, y, 2))(y)
    assert state.lost == 1 and state.observations.num_observed == 2
    assert begin(design, pool, y, 3).lost == 0


def test_the_first_purchases_are_the_cheapest_within_their_limit(setting):
    _, pool, _, _ = setting
    taken = cheapest(pool.cost, 5, pool.cost[:3].sum())
    assert np.flatnonzero(taken).tolist() == [0, 1, 2]
    assert np.flatnonzero(cheapest(pool.cost, 2, 1.0)).tolist() == [0, 1]
