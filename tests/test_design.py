"""Ask and tell: one compiled program for a whole loop, replay, no peeking."""

import dataclasses
import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.choice import Chooser
from jaxsl.design import Design, cheapest
from jaxsl.episode import enlarge
from jaxsl.law import Law, params
from jaxsl.pool import Observations, Pool, Rows, Target, buffer_size, empty, observe, uniform_target
from jaxsl.precision import double_precision
from jaxsl.solver.levenberg_marquardt import LevenbergMarquardt
from jaxsl.turns import _after

pytestmark = pytest.mark.usefixtures("float64")
TRACES = []
KEY = jax.random.key(4)
BUDGET = np.array(1e9)


def counted(theta, x):
    """L = E + A N^-alpha"""
    TRACES.append(x)
    E, A, alpha = theta
    return E + A * jnp.exp(-alpha * jnp.log(x[0]))


LAW = Law("counted", counted, ("N",), params(E=(0.1, 10), A=(1, 1e4), alpha=(0.05, 2)), linear=("E", "A"))
FLAT = Law("flat", lambda theta, x: theta[0] + 0 * x[0], ("N",), params(E=(0.1, 10)))
DESIGN = Design(
    (LAW, FLAT),
    chooser=Chooser(0.0, growth=np.array(1.0)),
    num_starts=16,
    num_warm=4,
    solver=LevenbergMarquardt(max_steps=60),
)
SIZE = np.logspace(3, 7, 20)[:, None]
LOSS = 1.5 + 50 * SIZE**-0.4 + np.random.default_rng(0).normal(0, 1e-3, SIZE.shape)
ask, tell = eqx.filter_jit(Design.ask), eqx.filter_jit(Design.tell)


def world():
    return Pool(jnp.asarray(SIZE), jnp.asarray(6 * SIZE[:, 0])), uniform_target(jnp.array([[1e8], [1e9]]))


def loop(num, state=None, pool=None):
    """States, choices and beliefs of ``num`` purchases."""
    default, target = world()
    pool = default if pool is None else pool
    state, history = DESIGN.start(pool) if state is None else state, []
    for _ in range(num):
        choice, belief = ask(DESIGN, state, pool, target, BUDGET, KEY)
        history.append((state, choice, belief))
        state = tell(DESIGN, state, pool, choice.index, jnp.asarray(LOSS[int(choice.index)]), belief)
    return state, history


@pytest.fixture(scope="module")
def bought():
    with double_precision():
        return loop(10)


@pytest.mark.slow
def test_a_whole_loop_traces_the_law_for_its_first_ask_alone(bought):
    before = len(TRACES)
    state, history = loop(10)
    assert len(TRACES) == before
    assert len({int(choice.index) for _, choice, _ in history}) == 10
    loop(2, state)
    assert len(TRACES) == before


@pytest.mark.slow
def test_the_program_is_one_for_all_states_of_a_study(bought):
    shapes = {
        str(jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), s)) for s, _, _ in bought[1]
    }
    assert len(shapes) == 1


@pytest.mark.slow
def test_replaying_the_same_runs_gives_the_same_asks(bought):
    _, first = bought
    _, second = loop(10)
    for one, other in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_asking_changes_nothing(bought):
    state, _, _ = bought[1][4]
    pool, target = world()
    before = jax.tree.map(np.array, state)
    first, _ = ask(DESIGN, state, pool, target, BUDGET, KEY)
    second, _ = ask(DESIGN, state, pool, target, BUDGET, KEY)
    assert first.index == second.index
    for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_telling_adds_one_run_and_its_cost(bought):
    state, history = bought
    pool, _ = world()
    for number, ((before, choice, _), after) in enumerate(
        zip(history, [*(state for state, _, _ in history[1:]), state], strict=True)
    ):
        index = int(choice.index)
        assert before.observations.num_observed == number and after.observations.num_observed == number + 1
        np.testing.assert_array_equal(after.observations.x[number], pool.x[index])
        np.testing.assert_array_equal(after.observations.y[number], LOSS[index])
        assert before.available[index] and not after.available[index]
        np.testing.assert_allclose(after.spent - before.spent, pool.cost[index])
    assert state.available.sum() == 10


@pytest.mark.slow
def test_telling_that_nothing_was_bought_changes_nothing(bought):
    state, _ = bought
    pool, _ = world()
    after = tell(DESIGN, state, pool, jnp.array(-1), jnp.array([9.0]))
    for one, other in zip(jax.tree.leaves(after), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_telling_may_say_what_a_run_really_cost(bought):
    state, _ = bought
    pool, _ = world()
    index = int(jnp.argmax(state.available))
    after = tell(DESIGN, state, pool, np.array(index), np.array([2.0]), cost=np.array(7.0))
    np.testing.assert_allclose(after.spent - state.spent, 7)


@pytest.mark.slow
@pytest.mark.parametrize("failed", [jnp.nan, jnp.inf])
@pytest.mark.parametrize("how", [Design.tell, tell])
def test_a_run_that_diverged_is_paid_for_and_the_design_goes_on(bought, how, failed):
    state, history = bought
    pool, target = world()
    index = int(jnp.argmax(state.available))
    after = how(DESIGN, state, pool, jnp.array(index), jnp.array([failed]), history[9][2])
    for one, other in zip(
        jax.tree.leaves(after.observations), jax.tree.leaves(state.observations), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(after.spent, state.spent + pool.cost[index])
    np.testing.assert_array_equal(after.available, state.available.at[index].set(False))
    choice, belief = ask(DESIGN, after, pool, target, BUDGET, KEY)
    assert choice.index >= 0 and choice.index != index and jnp.isfinite(belief.fits[0].loss[0])
    told = tell(DESIGN, after, pool, choice.index, jnp.asarray(LOSS[int(choice.index)]), belief)
    assert told.observations.num_observed == 11 and told.lost == 0


@pytest.mark.slow
def test_a_cost_that_is_no_number_counts_as_planned(bought):
    state, _ = bought
    pool, _ = world()
    after = tell(DESIGN, state, pool, np.array(19), np.array([2.0]), cost=np.array(np.nan))
    np.testing.assert_allclose(after.spent - state.spent, pool.cost[19])


def test_a_run_that_diverged_needs_no_room_and_is_not_among_earlier_runs():
    runs = observe(jnp.asarray(SIZE[:3]), jnp.array([[2.0], [jnp.nan], [1.5]]), 3)
    np.testing.assert_array_equal(runs.mask, [True, False, True])
    np.testing.assert_array_equal(runs.y[:, 0], [2.0, 0.0, 1.5])
    full = runs.add(jnp.array([1e5]), jnp.array([1.7]))
    assert full.is_full and full.add(jnp.array([1e6]), jnp.array([jnp.nan])).num_observed == 3


def test_no_type_that_a_selection_sees_has_outcomes():
    assert {field.name for field in dataclasses.fields(Pool)} == {"x", "cost", "rows"}
    rows = {"x", "place", "mask", "run", "cost", "restart"}
    assert {field.name for field in dataclasses.fields(Rows)} == rows
    assert {field.name for field in dataclasses.fields(Target)} == {"x", "weight"}


@pytest.mark.slow
def test_the_first_ask_needs_no_run_and_takes_the_cheapest(bought):
    _, choice, belief = bought[1][0]
    np.testing.assert_array_equal(np.isfinite(choice.value), np.arange(20) == choice.index)
    assert np.isfinite(belief.posterior.weight).all()


@pytest.mark.slow
def test_warm_starts_are_the_latest_distinct_best_fits(bought):
    state, history = bought
    assert state.num_optima[0] == 4
    best = [np.asarray(belief.fits[0].theta[0]) for _, _, belief in history]
    np.testing.assert_array_equal(state.optima[0][0], best[-1])
    assert len(np.unique(np.round(state.optima[0], 12), axis=0)) == 4


@pytest.mark.slow
def test_a_budget_spent_leaves_nothing_to_ask(bought):
    state, _ = bought
    pool, target = world()
    choice, _ = ask(DESIGN, state, pool, target, state.spent, KEY)
    assert choice.index == -1


def test_earlier_runs_are_known_and_not_counted_as_spent():
    pool, _ = world()
    runs = observe(jnp.asarray(SIZE[:3]), jnp.asarray(LOSS[:3]), size=32)
    state = DESIGN.start(pool, runs)
    assert state.spent == 0 and state.observations.num_observed == 3 and state.available.all()
    assert DESIGN.start(pool).observations.y.shape == (32, 1)


def test_the_cheapest_runs_within_a_share_of_the_cost():
    cost = jnp.array([5.0, 1, 3, 2, 1])
    np.testing.assert_array_equal(cheapest(cost, 3, 100.0), [False, True, False, True, True])
    np.testing.assert_array_equal(cheapest(cost, 5, 4.0), [False, True, False, True, True])
    np.testing.assert_array_equal(cheapest(cost, 1, 4.0), [False, True, False, False, False])
    np.testing.assert_array_equal(cheapest(cost, 3, 0.5), [False] * 5)


def test_adding_a_run_takes_the_first_free_row_and_a_full_buffer_loses_none_in_silence():
    runs = empty(jnp.ones(2), 1, 2)
    one = runs.add(jnp.array([3.0, 4]), jnp.array([5.0]))
    np.testing.assert_array_equal(one.mask, [True, False])
    np.testing.assert_array_equal(one.x, [[3, 4], [1, 1]])
    two = one.add(jnp.array([6.0, 7]), jnp.array([8.0]))
    assert not one.is_full and two.is_full
    more = jnp.array([9.0, 9]), jnp.array([9.0])
    with pytest.raises(ValueError, match="no room for 1 more in a buffer of 2"):
        two.add(*more)
    for full in (jax.jit(Observations.add)(two, *more), two.add(*more, when=False)):
        for before, after in zip(jax.tree.leaves(two), jax.tree.leaves(full), strict=True):
            np.testing.assert_array_equal(before, after)
        assert isinstance(full, Observations) and full.num_observed == 2


def test_an_outcome_without_room_is_refused_or_counted():
    pool, _ = world()
    state = DESIGN.start(pool, empty(pool.x[0], 1, 2))
    for index in range(2):
        state = DESIGN.tell(state, pool, index, jnp.asarray(LOSS[index]))
    with pytest.raises(ValueError, match=r"no room for 1 more in a buffer of 2 that holds 2 .*enlarge"):
        DESIGN.tell(state, pool, 2, jnp.asarray(LOSS[2]))
    assert DESIGN.tell(state, pool, -1, jnp.asarray(LOSS[2])).lost == 0
    after = tell(DESIGN, state, pool, jnp.array(2), jnp.asarray(LOSS[2]))
    assert state.lost == 0 and after.lost == 1 and after.observations.num_observed == 2
    assert not after.available[2]
    np.testing.assert_allclose(after.spent, pool.cost[:3].sum())
    larger = tell(DESIGN, enlarge(state, 4), pool, jnp.array(2), jnp.asarray(LOSS[2]))
    assert larger.lost == 0 and larger.observations.num_observed == 3


def test_buffers_come_in_few_sizes_and_runs_that_do_not_fit_are_refused():
    assert [buffer_size(num) for num in (1, 32, 33, 128, 129, 2702)] == [32, 32, 128, 128, 512, 8192]
    with pytest.raises(ValueError, match="3 runs do not fit in a buffer of 2"):
        observe(jnp.ones((3, 1)), jnp.ones((3, 1)), size=2)
    with pytest.raises(ValueError, match="no run"):
        observe(jnp.ones((0, 1)), jnp.ones((0, 1)), size=2)


@pytest.mark.slow
def test_two_laws_share_their_belief_by_their_evidence(bought):
    _, _, belief = bought[1][9]
    evidence = np.array([one.evidence for one in belief.learned])
    np.testing.assert_allclose(belief.share, np.exp(evidence - np.logaddexp(*evidence)), rtol=1e-6)
    assert belief.share[0] > 0.999
    first = belief.learned[0].posterior.weight
    np.testing.assert_allclose(belief.posterior.weight[: len(first)], belief.share[0] * first)
    np.testing.assert_allclose(jnp.sum(belief.posterior.weight), 1)


@pytest.mark.slow
def test_the_next_run_costs_at_most_what_was_spent_times_the_growth(bought):
    state, _ = bought
    pool, target = world()
    narrow = dataclasses.replace(DESIGN, chooser=Chooser(0.0, growth=np.array(0.5)))
    choice, _ = ask(narrow, state, pool, target, BUDGET, KEY)
    cost, offered = np.asarray(pool.cost), np.isfinite(np.asarray(choice.value))
    most = max(0.5 * float(state.spent), cost[np.asarray(state.available)].min())
    assert offered.any() and (cost[offered] <= most * (1 + 1e-9)).all()


def needs(program):
    """The entry of a compiled program: what each instruction needs, and its loops."""
    entry = program[program.index("ENTRY") :].split("\n}")[0]
    lines = [line.split(" = ", 1) for line in entry.splitlines() if " = " in line]
    operands = {name.split()[-1]: re.findall(r"%[\w.-]+", rest.split("metadata")[0]) for name, rest in lines}
    loops = [name.split()[-1] for name, rest in lines if re.search(r"while\(|to_apply=%while", rest)]
    return operands, loops


def reached(operands, start):
    seen, ahead = set(), [start]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += operands.get(name, [])
    return seen


@pytest.mark.parametrize("mapped", [False, True])
def test_laws_take_turns_in_the_program_that_xla_makes(mapped):
    def loop(y, function):
        return jax.lax.while_loop(lambda y: jnp.sum(y) < 10, lambda y: function(y) + 1, y)

    def turns(runs):
        first = loop(runs.y, jnp.sin)
        return first, loop(_after(runs, jnp.max(jnp.abs(first))).y, jnp.cos)

    runs = observe(jnp.asarray(SIZE), jnp.asarray(LOSS))
    runs = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), runs) if mapped else runs
    program = jax.jit(jax.vmap(turns) if mapped else turns).lower(runs).compile().as_text()
    operands, loops = needs(program)
    assert len(loops) == 2
    assert loops[0] in reached(operands, loops[1])


def test_more_warm_starts_than_starts_are_refused():
    with pytest.raises(ValueError, match="num_warm=30 exceeds num_starts=16"):
        Design((LAW,), num_starts=16, num_warm=30)
