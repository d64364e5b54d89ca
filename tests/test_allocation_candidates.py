"""Designs from given candidates: exact subsets, exchange for several variables, certificates."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl import linear_model
from jaxsl.allocation import (
    best_line_subset,
    best_subset,
    certificate,
    exchange_design,
    two_scale,
    uniform_region,
)
from jaxsl.allocation.criteria import T_RISK, factor

pytestmark = pytest.mark.usefixtures("float64")
SIZES = np.array([0.125, 0.35, 1.3, 2.7, 6.7, 13, 30])  # OPT, billions of parameters
X, COSTS = np.log(6 * SIZES * 0.18), 0.3 * SIZES
TARGET = uniform_region(np.log(6 * 66 * 0.18), np.log(6 * 66 * 0.18))


def line(x):
    return np.stack([np.ones(len(x)), x], axis=1)


def risk(features, moment, information=0.0):
    matrix = features.T @ features + information
    if np.linalg.matrix_rank(matrix) < matrix.shape[0]:
        return np.inf
    return float(np.sum(moment * np.linalg.inv(matrix)))


def test_opt_costs_are_the_papers():
    assert COSTS.sum() == pytest.approx(16.2525, abs=1e-12)
    assert COSTS[[0, 3, 4, 5]].sum() == pytest.approx(6.7575, abs=1e-12)


def test_eq_3_picks_all_six_and_the_papers_four_need_its_other_variance():
    default = best_line_subset(X, COSTS, 8.0, TARGET)
    assert default.index.tolist() == [0, 1, 2, 3, 4, 5]
    assert default.cost == pytest.approx(7.2525) and default.risk == pytest.approx(1.0741, abs=5e-5)
    papers = best_line_subset(X, COSTS, 8.0, TARGET, ddof=1)
    assert papers.index.tolist() == [0, 3, 4, 5]
    assert papers.cost == pytest.approx(6.7575) and papers.risk == pytest.approx(0.9132, abs=5e-5)
    assert default.gap == papers.gap == 0


def test_adding_a_run_never_raises_the_variance_so_the_best_subset_is_maximal():
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, cost = rng.uniform(0, 4, 10), rng.uniform(0.2, 2, 10)
        found = best_line_subset(x, cost, 5.0, uniform_region(5, 7))
        left = 5.0 - found.cost
        outside = np.setdiff1d(np.arange(10), found.index)
        assert not (cost[outside] <= left).any()
    plain, more = line(x[:5]), line(x[:6])
    moment = uniform_region(5, 7).moment
    assert risk(more, moment) <= risk(plain, moment)


@pytest.mark.parametrize("criterion", ["risk", T_RISK])
def test_branch_and_bound_finds_what_enumeration_finds(criterion):
    rng = np.random.default_rng(1)
    for num in (8, 12, 14):
        x, existing = rng.uniform(0, 4, num), rng.uniform(0, 2, rng.integers(0, 4))
        cost, region = 0.3 * np.exp(x), uniform_region(5, 8)
        budget = cost.sum() * rng.uniform(0.1, 0.6)
        listed = best_line_subset(x, cost, budget, region, existing, criterion=criterion)
        searched = best_subset(
            line(x),
            cost,
            budget,
            region.moment,
            line(existing).T @ line(existing),
            num_existing=existing.size,
            criterion=criterion,
        )
        assert searched.value == pytest.approx(listed.value, rel=1e-9)
        assert searched.gap == 0 and searched.cost <= budget * (1 + 1e-9)


@pytest.mark.parametrize("budget", [0.0, 0.1, 0.3])
def test_branch_and_bound_finds_what_enumeration_finds_where_runs_cost_nothing(budget):
    rng, region = np.random.default_rng(7), uniform_region(4, 5)
    for _ in range(8):
        x = rng.uniform(0, 3, 12)
        cost = 0.05 * np.exp(x)
        cost[rng.choice(12, 3, replace=False)] = 0.0
        listed = best_line_subset(x, cost, budget, region)
        searched = best_subset(line(x), cost, budget, region.moment)
        assert searched.value == pytest.approx(listed.value, rel=1e-9) and searched.gap == 0
        assert set(np.flatnonzero(cost == 0)) <= set(searched.index.tolist())


def test_branch_and_bound_is_exact_for_interactions_too():
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 3, (12, 2))
    features = np.asarray(linear_model.interaction_terms(jnp.asarray(x)))
    cost = np.exp(x.sum(axis=1) / 2)
    target = np.array([1.0, 4.0, 4.0, 16.0])
    moment, budget = np.outer(target, target), cost.sum() * 0.5
    best = min(
        risk(features[list(chosen)], moment)
        for size in range(4, 13)
        for chosen in itertools.combinations(range(12), size)
        if cost[list(chosen)].sum() <= budget
    )
    found = best_subset(features, cost, budget, moment)
    assert found.risk == pytest.approx(best, rel=1e-9) and found.gap == 0


def test_forty_candidates_are_proven():
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(0, 5, 40))
    cost = 0.3 * np.exp(x)
    found = best_line_subset(x, cost, 0.1 * cost.sum(), uniform_region(6, 8))
    assert found.gap == 0 and "branch and bound" in found.proof


def test_the_search_that_is_stopped_says_how_far_it_may_be():
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(0, 5, 40))
    cost = 0.3 * np.exp(x)
    moment, budget = uniform_region(6, 8).moment, 0.1 * cost.sum()
    early = best_subset(line(x), cost, budget, moment, max_nodes=1)
    best = best_subset(line(x), cost, budget, moment)
    assert early.bound <= best.risk <= early.risk and "stopped" in early.proof
    assert 0 <= early.gap < 0.2


def test_ddof_is_not_searched_beyond_what_can_be_enumerated():
    with pytest.raises(ValueError, match="at most 20"):
        best_line_subset(np.arange(21.0), np.ones(21), 5.0, uniform_region(30, 31), ddof=1)


def test_the_t_factor_is_infinite_without_a_degree_of_freedom():
    np.testing.assert_allclose(factor(np.array([2, 3]), T_RISK), [np.inf, 161.447639], rtol=1e-6)


def test_the_certificate_satisfies_the_equivalence_theorem():
    x = np.linspace(0, 3, 101)
    cost, moment = 0.3 * np.exp(x), uniform_region(4, 7).moment
    known = line(np.array([0.5, 1.0])).T @ line(np.array([0.5, 1.0]))
    found = jax.jit(certificate)(line(x), cost, 9.0, moment, known)
    runs = np.asarray(found.runs)
    assert runs @ cost == pytest.approx(9.0)
    inverse = np.linalg.inv(known + (line(x) * runs[:, None]).T @ line(x))
    sensitivity = np.einsum("ip,pq,iq->i", line(x), inverse @ moment @ inverse, line(x)) / cost
    price = sensitivity.max()
    np.testing.assert_allclose(sensitivity[runs > 0.01], price, rtol=1e-3)
    assert float(found.bound) == pytest.approx(float(found.risk), rel=1e-6)


TERMS = {
    "line": linear_model.line_terms,
    "interaction": linear_model.interaction_terms,
    "quadratic": linear_model.quadratic_terms,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TERMS)
def test_exchange_is_near_the_bound_and_beats_random_designs_of_several_variables(name):
    axis = np.linspace(0, 4, 13)
    x = np.stack([grid.ravel() for grid in np.meshgrid(axis, axis)], axis=1)
    cost, budget = 0.05 * np.exp(x.sum(axis=1)), 60.0
    rng = np.random.default_rng(0)
    features = np.asarray(TERMS[name](jnp.asarray(x)))
    wanted = np.asarray(TERMS[name](jnp.asarray(rng.uniform(5, 7, (300, 2)))))
    moment = wanted.T @ wanted / 300
    design = exchange_design(jax.random.key(0), x, features, cost, budget, moment, num_starts=32)
    runs = np.asarray(TERMS[name](jnp.asarray(design.runs)))
    assert design.risk == pytest.approx(risk(runs, moment), rel=1e-6)
    assert design.cost <= budget * (1 + 1e-9)
    assert 0 <= design.gap < 0.057
    random = np.inf
    for _ in range(200):
        order = rng.choice(169, 400)
        order = order[np.cumsum(cost[order]) <= budget]
        random = min(random, risk(features[order], moment))
    assert random / design.risk > 1.4


@pytest.mark.slow
def test_exchange_on_a_fine_line_comes_near_the_two_scale_optimum():
    region = uniform_region(4, 7)
    x = np.linspace(0, np.log(9.47 / 0.3), 150)
    cost = 0.3 * np.exp(x)
    known = line(np.array([0.5, 1.0]))
    design = exchange_design(jax.random.key(0), x, line(x), cost, 9.47, region.moment, known.T @ known)
    best = two_scale(lambda x: 0.3 * np.exp(x), 9.47, region, np.array([0.5, 1.0]))
    assert best.risk * (1 - 1e-9) <= design.risk < 1.05 * best.risk
    few = exchange_design(jax.random.key(0), x, line(x), cost, 9.47, region.moment, max_runs=3)
    best = two_scale(lambda x: 0.3 * np.exp(x), 9.47, region, max_runs=3)
    assert few.num_runs == 3 and few.risk < 1.05 * best.risk


@pytest.mark.slow
def test_exchange_takes_a_cost_that_falls():
    x = np.linspace(0, 2, 81)
    cost = 2 + (x - 1) ** 2
    region = uniform_region(4, 4)
    design = exchange_design(jax.random.key(0), x, line(x), cost, 40.0, region.moment)
    assert 0 <= design.gap < 0.05 and design.cost <= 40
