"""Optimal allocation on a line: the paper's numbers, brute force, bounds, scales, planning again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import t as student

from jaxsl.allocation import (
    CostModel,
    at_least_scales,
    follow,
    line_bound,
    next_run,
    two_scale,
    uniform_region,
    weighted_region,
)
from jaxsl.allocation.criteria import T_RISK, line_risk
from jaxsl.allocation.scales import num_spaced_scales

pytestmark = pytest.mark.usefixtures("float64")
REGION = uniform_region(4, 7)
FOUR = np.array([0.5, 1.0, 1.5, 2.0])


def cost(x):
    return 0.3 * np.exp(x)


def risk(runs, region=REGION):
    """Eq. 5 by its definition, from least squares."""
    features = np.stack([np.ones(len(runs)), runs], 1)
    return float(np.sum(region.moment * np.linalg.inv(features.T @ features)))


PRINTED = [  # existing, budget, sizes and how many, risk
    (FOUR, 1.0, [0.0], [3], 6.1636),
    (FOUR, 3.0, [0.0, np.log(6)], [4, 1], 4.2773),
    ([], 5.44, [0.0, 2.781], [2, 1], 4.535144),
    ([], 6.615, [0.0, 2.254], [3, 2], 3.791685),
    ([], 7.63, [0.0, 2.372], [4, 2], 3.223556),
    ([], 9.47, [0.0, 2.623], [4, 2], 2.579878),
    ([], 12.5, [0.0, 2.476], [6, 3], 1.955226),
    ([], 16.07, [0.0, 2.433], [8, 4], 1.523869),
]


@pytest.mark.parametrize(("existing", "budget", "sizes", "counts", "value"), PRINTED)
def test_the_papers_designs(existing, budget, sizes, counts, value):
    design = two_scale(cost, budget, REGION, np.array(existing))
    np.testing.assert_allclose(design.x, sizes, atol=6e-4)
    assert design.count.tolist() == counts
    assert design.risk == pytest.approx(value, abs=1e-4 if len(existing) else 1e-5 * value)
    assert design.risk == pytest.approx(risk(np.concatenate([existing, design.runs])), rel=1e-10)
    assert design.cost == pytest.approx(cost(design.runs).sum()) and design.cost <= budget * (1 + 1e-9)
    assert design.gap == 0 and "Theorem 6.1" in design.proof


def test_remark_3_underspends_a_small_budget_and_spends_a_larger_one():
    small, large = (two_scale(cost, budget, REGION, FOUR) for budget in (1.0, 3.0))
    assert small.cost == pytest.approx(0.9, rel=1e-12)
    assert small.risk == pytest.approx(6 + 9 / 55, rel=1e-12)
    assert large.cost == pytest.approx(3.0, rel=1e-9) and large.x[1] == pytest.approx(np.log(6), rel=1e-7)


@pytest.mark.parametrize("budget", [7.01, 8.0, 9.0, 10.94])
def test_figure_2s_design_holds_for_every_budget_from_7_to_1095(budget):
    assert two_scale(cost, budget, REGION).count.tolist() == [4, 2]


def instances(num, seed):
    """Random costs ``a exp(b x) + d``, budgets of at most five runs, up to four existing runs, regions."""
    rng = np.random.default_rng(seed)
    for _ in range(num):
        a, b, d = rng.uniform(0.1, 1), rng.uniform(0.5, 2), rng.uniform(0, 0.3)
        budget = (a + d) * rng.uniform(2, 5.99)
        existing = np.round(rng.exponential(size=rng.integers(0, 5)), 2)
        low = rng.uniform(2.5, 5)
        yield (a, b, d), budget, existing, uniform_region(low, low + rng.uniform(0, 3))


def brute_force(many, num_runs, num_starts=24, num_steps=60):
    """The least risk with exactly ``num_runs`` new runs: damped Newton from many starts, all at once.

    A run's cost above the least is a share ``s_i^2 / |s|^2`` of what is left, so every budget is kept, slack
    included, and a run at the smallest size is an interior point of the search.
    """
    rng = np.random.default_rng(num_runs)
    coefficients = np.array([one[0] for one in many])
    budget = np.array([one[1] for one in many])
    known = np.array([(x.size, x.sum(), (x**2).sum()) for _, _, x, _ in many], float)
    target = np.array([(region.mean, region.variance) for *_, region in many])
    starts = jnp.asarray(rng.normal(size=(len(many), num_starts, num_runs + 1)))

    def value(s, coefficient, budget, known, target):
        a, b, d = coefficient
        share = s[:-1] ** 2 / jnp.sum(s**2)
        x = jnp.log1p((budget - num_runs * (a + d)) * share / a) / b
        num, total, squares = known[0] + num_runs, known[1] + jnp.sum(x), known[2] + jnp.sum(x**2)
        mean = total / num
        variance = squares / num - mean**2
        return ((mean - target[0]) ** 2 + target[1] + variance) / (num * jnp.maximum(variance, 1e-12))

    def newton(s, *problem):
        def step(_, state):
            s, damping = state
            gradient, hessian = jax.grad(value)(s, *problem), jax.hessian(value)(s, *problem)
            size = jnp.sqrt(jnp.sum(gradient**2)) + 1e-300
            values, vectors = jnp.linalg.eigh(hessian)
            move = vectors @ (vectors.T @ gradient / (jnp.abs(values) + damping * size))
            better = value(s - move, *problem) < value(s, *problem)
            return jnp.where(better, s - move, s), jnp.where(better, damping / 5, damping * 8)

        s, _ = jax.lax.fori_loop(0, num_steps, step, (s, jnp.array(1.0)))
        return value(s, *problem)

    search = jax.jit(jax.vmap(jax.vmap(newton, (0, None, None, None, None))))
    affordable = num_runs * coefficients[:, [0, 2]].sum(axis=1) <= budget
    found = np.asarray(search(starts, coefficients, jnp.where(affordable, budget, 1e3), known, target))
    return np.where(affordable, np.nanmin(found, axis=1), np.inf)


@pytest.mark.slow
def test_theorem_6_1_is_not_beaten_by_brute_force_on_200_random_instances():
    many = list(instances(200, seed=1))
    without = [line_risk(np.array(x.size), x.sum(), (x**2).sum(), region) for _, _, x, region in many]
    best = np.min([without, *(brute_force(many, num_runs) for num_runs in range(1, 6))], axis=0)
    ours = np.array(
        [
            two_scale(lambda x, c=c: c[0] * np.exp(c[1] * x) + c[2], budget, region, existing).risk
            for c, budget, existing, region in many
        ]
    )
    excess = ours / best - 1
    assert excess.max() < 1e-8
    assert np.mean(excess > -1e-8) == 1  # and brute force finds the same: it is a fair opponent


def test_the_small_sample_criterion_buys_degrees_of_freedom():
    for budget, papers, ours in ((5.44, 732, 33.0), (9.47, 19.9, 14.3)):
        paper = two_scale(cost, budget, REGION)
        design = two_scale(cost, budget, REGION, criterion=T_RISK)
        dof = paper.num_runs - 2
        assert student.ppf(0.975, dof) ** 2 * paper.risk == pytest.approx(papers, rel=2e-3)
        assert design.value == pytest.approx(ours, abs=0.05)
        assert design.value == pytest.approx(student.ppf(0.975, design.num_runs - 2) ** 2 * design.risk)
    design = two_scale(cost, 5.44, REGION, criterion=T_RISK)
    assert design.count.tolist() == [6, 2] and design.x[1] == pytest.approx(1.8, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("criterion", ["risk", T_RISK])
def test_no_design_is_below_the_certified_bound_and_the_optimum_is_close_to_it(criterion):
    for budget in (5.44, 9.47, 16.07):
        bound = line_bound(CostModel(cost, budget), REGION, np.zeros(0), criterion)
        design = two_scale(cost, budget, REGION, criterion=criterion)
        assert 0 <= design.value / bound - 1 < 0.06
        rng = np.random.default_rng(0)
        for _ in range(20):
            runs = rng.uniform(0, 3, rng.integers(3, 20))
            runs = runs[np.cumsum(cost(runs)) <= budget]
            if runs.size > 2:
                worth = risk(runs) * (student.ppf(0.975, runs.size - 2) ** 2 if criterion == T_RISK else 1)
                assert worth >= bound


def test_the_bound_needs_no_assumption_and_says_so_where_the_theorem_does():
    rooted = two_scale(lambda x: 1 + np.sqrt(x), 12, REGION, high=3.0)
    assert np.isnan(rooted.bound) and rooted.gap == np.inf and rooted.proof == "none"
    bound = line_bound(CostModel(lambda x: 1 + np.sqrt(x), 12, 0, 3.0), REGION, np.zeros(0))
    assert 0 <= rooted.value / bound - 1 < 0.2


def test_a_cap_on_sizes_and_on_runs_is_kept_and_costs():
    free = two_scale(cost, 12.5, REGION)
    capped, few = two_scale(cost, 12.5, REGION, high=2.0), two_scale(cost, 12.5, REGION, max_runs=5)
    assert capped.x.max() <= 2.0 and few.num_runs == 5
    assert capped.risk > free.risk and few.risk > free.risk
    # Capped so low that money is left: both scales sit at the ends, or between with slack.
    slack = two_scale(cost, 3.0, REGION, high=0.5, max_runs=4)
    best = min(
        risk(np.repeat([0.0, v, 0.5], [k1, a, 4 - k1 - a]))
        for k1 in range(4)
        for a in range(4 - k1)
        if k1 + a
        for v in np.linspace(0.01, 0.49, 25)
    )
    assert slack.risk <= best * (1 + 1e-9) and slack.cost < 3.0


def test_sizes_need_not_start_at_zero():
    """The line is the same for log N as for log N minus a constant; only the cost must follow."""
    shifted = two_scale(lambda x: cost(x - 18), 9.47, uniform_region(22, 25), FOUR + 18, low=18)
    plain = two_scale(cost, 9.47, REGION, FOUR)
    np.testing.assert_allclose(shifted.x - 18, plain.x, atol=1e-5)
    assert shifted.risk == pytest.approx(plain.risk, rel=1e-9)


def test_large_budgets_are_planned_near_the_continuous_optimum():
    design = two_scale(cost, 1000.0, REGION)
    bound = line_bound(CostModel(cost, 1000.0), REGION, np.zeros(0))
    assert design.num_runs > 600 and design.value / bound - 1 < 1e-4


def test_weights_enter_through_mean_and_variance_alone():
    points = weighted_region([4.0, 5.0, 7.0], [1.0, 2.0, 1.0])
    assert (points.mean, points.variance) == pytest.approx((5.25, 1.1875))
    np.testing.assert_allclose(
        two_scale(cost, 9.0, points).risk, risk(two_scale(cost, 9.0, points).runs, points)
    )


@pytest.mark.parametrize(
    ("function", "budget", "part"),
    [
        (cost, 0.2, "buys nothing"),
        (lambda x: 0 * x, 5.0, "must be positive"),
        (lambda x: 5 - x, 9.0, "never reaches"),
        (lambda x: 2 + (x - 1) ** 2, 9.0, "does not increase"),
    ],
)
def test_costs_without_an_inverse_and_budgets_without_a_run_are_refused(function, budget, part):
    with pytest.raises(ValueError, match=part):
        two_scale(function, budget, REGION)


def test_a_budget_for_one_run_buys_no_line():
    assert two_scale(cost, 0.4, REGION).value == np.inf


@pytest.mark.parametrize(("budget", "price"), [(9.47, 0.053), (12.5, 0.029), (16.07, 0.021)])
def test_a_third_scale_is_forced_for_a_few_per_cent(budget, price):
    design = at_least_scales(cost, budget, REGION)
    assert num_spaced_scales(design.runs, 3) == 3
    assert design.gap == pytest.approx(price, abs=0.001)  # of the optimum without it: the spec's 2.5-5.3 %
    assert 1.5 < design.x[1] < 1.85 and design.count[1] == 1
    assert design.cost <= budget * (1 + 1e-9)
    assert design.risk == pytest.approx(risk(design.runs), rel=1e-9)


def test_existing_scales_count():
    assert at_least_scales(cost, 3.0, REGION, FOUR).risk == two_scale(cost, 3.0, REGION, FOUR).risk
    assert num_spaced_scales(np.array([0.0, 0.01, 1.0, 2.0]), 3) == 3
    assert at_least_scales(cost, 0.7, REGION).value == np.inf  # two runs at most


def test_planning_again_mends_a_wrong_cost_model():
    def dearer(x):
        return 1.4 * cost(x)

    once = follow(cost, dearer, 9.47, REGION, again=False)
    again = follow(cost, dearer, 9.47, REGION)
    best = two_scale(dearer, 9.47, REGION)
    assert max(once.paid, again.paid) <= 9.47 * (1 + 1e-9)
    assert again.risk / best.risk < 1.05 < 1.2 < once.risk / best.risk
    right = follow(cost, cost, 9.47, REGION)
    assert right.risk == pytest.approx(two_scale(cost, 9.47, REGION).risk, rel=1e-6)


def test_the_next_run_is_one_of_the_plan_until_the_money_is_out():
    plan = two_scale(cost, 3.0, REGION, FOUR)
    assert next_run(cost, 3.0, REGION, FOUR) in plan.x
    assert next_run(cost, 0.2, REGION, FOUR) is None
