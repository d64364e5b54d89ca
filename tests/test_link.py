"""Links: fits against SciPy, smoothers against brute force, bootstrap, families left out, two stages."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from jaxsl import linear_model, link, two_stage
from jaxsl.link import smoother

pytestmark = pytest.mark.usefixtures("float64")
RNG = np.random.default_rng(3)
Y = np.sort(RNG.normal(-1, 1.5, 40))
FLOORED = 0.25 + 0.75 / (1 + np.exp(-(1.3 * Y + 0.4)))
P = np.clip(FLOORED + 0.03 * RNG.normal(size=40), 0, 1)
ONES = np.ones(40)

fit_floored = jax.jit(link.LogisticLink(floored=True).fit)
fit_plain = jax.jit(link.LogisticLink().fit)


def sum_of_squares(curve, y=Y, p=P, weight=ONES):
    return float(np.sum(weight * (np.asarray(curve(jnp.asarray(y))) - p) ** 2))


@pytest.mark.parametrize("weighted", [False, True])
def test_logistic_fits_are_scipys_best_of_many_starts(weighted):
    weight = RNG.multinomial(40, ONES / 40).astype(float) if weighted else ONES
    for fit, highest in ((fit_floored, 1.0), (fit_plain, 1e-12)):
        curve = fit(Y, P, weight)

        def residual(theta):
            return np.sqrt(weight) * (
                theta[0] + (1 - theta[0]) / (1 + np.exp(-(theta[1] * Y + theta[2]))) - P
            )

        bounds = ([0, -np.inf, -np.inf], [highest, np.inf, np.inf])
        starts = [(highest / 2, slope, shift) for slope in (0.5, 2.0) for shift in (-1.0, 1.0)]
        best = min((least_squares(residual, start, bounds=bounds) for start in starts), key=lambda r: r.cost)
        assert sum_of_squares(curve, weight=weight) == pytest.approx(2 * best.cost, rel=1e-7)
        found = [float(curve.floor), float(curve.slope), float(curve.intercept)]
        np.testing.assert_allclose(found, best.x, atol=2e-4)


def test_a_floor_that_is_not_there_is_found_to_be_zero_and_a_falling_link_falls():
    curve = fit_floored(Y, 1 / (1 + np.exp(-(1.3 * Y - 1))), ONES)
    np.testing.assert_allclose([curve.floor, curve.slope, curve.intercept], [0, 1.3, -1], atol=1e-6)
    falling = fit_plain(Y, 1 / (1 + np.exp(2 * Y)), ONES)
    assert float(falling.slope) == pytest.approx(-2, abs=1e-4)


def test_kernel_bandwidth_has_the_least_leave_one_out_error_by_brute_force():
    curve = jax.jit(link.KernelLink().fit)(Y, P, ONES)

    def error(bandwidth):
        total = 0.0
        for i in range(40):
            others = np.arange(40) != i
            weight = np.exp(-0.5 * ((Y[i] - Y[others]) / bandwidth) ** 2)
            total += (weight @ P[others] / weight.sum() - P[i]) ** 2
        return total

    grid = Y.std() * np.geomspace(0.03, 3, smoother.BANDWIDTHS)
    with np.errstate(invalid="ignore"):
        errors = np.nan_to_num([error(bandwidth) for bandwidth in grid], nan=np.inf)
    assert float(curve.bandwidth) == pytest.approx(grid[np.argmin(errors)])
    # Far outside, where every weight underflows, the nearest model decides.
    assert float(curve(jnp.array(1e3))) == pytest.approx(P[-1])


def test_nearest_neighbours_are_brute_force_and_count_a_model_as_often_as_it_was_drawn():
    curve = link.NeighbourLink(num=3).fit(jnp.asarray(Y), jnp.asarray(P), jnp.asarray(ONES))
    nearest = np.argsort(np.abs(Y - 0.1))[:3]
    assert float(curve(jnp.array(0.1))) == pytest.approx(P[nearest].mean())
    twice = ONES.copy()
    twice[nearest[0]], twice[nearest[1]] = 2, 0
    curve = link.NeighbourLink(num=3).fit(jnp.asarray(Y), jnp.asarray(P), jnp.asarray(twice))
    assert float(curve(jnp.array(0.1))) == pytest.approx((2 * P[nearest[0]] + P[nearest[2]]) / 3)
    chosen = jax.jit(link.NeighbourLink().fit)(Y, P, ONES)
    assert float(chosen.num) in smoother.NEIGHBOURS


def test_bootstrap_draws_are_common_to_a_key_and_never_draw_a_model_of_weight_zero():
    kept = np.r_[np.ones(30), np.zeros(10)]
    drawn = jax.jit(lambda key: link.bootstrap_curves(link.KernelLink(), key, Y, P, 50, kept))
    one, again, other = drawn(jax.random.key(0)), drawn(jax.random.key(0)), drawn(jax.random.key(1))
    np.testing.assert_array_equal(one.weight, again.weight)
    assert not np.array_equal(one.weight, other.weight)
    assert np.all(np.asarray(one.weight).sum(axis=1) == 30)
    assert not np.asarray(one.weight)[:, 30:].any()


@jax.jit
def left_out(y, p, members):
    return link.leave_one_family_out(link.LogisticLink(), jax.random.key(0), y, p, members, 100)


@pytest.mark.slow
def test_a_family_that_breaks_the_link_is_seen_and_others_are_covered():
    y = RNG.normal(size=40)
    members = np.arange(40) % 4 == np.arange(4)[:, None]
    p = 1 / (1 + np.exp(-y)) + 0.002 * RNG.normal(size=40)
    broken = np.where(members[3], 1 / (1 + np.exp(-(y + 1.5))), p)
    fine, seen = left_out(y, p, members), left_out(y, broken, members)
    covered = (np.asarray(seen.lower) <= broken) & (broken <= np.asarray(seen.upper))
    assert covered[members[3]].mean() < 0.2
    assert np.mean(broken[members[3]] - np.asarray(seen.prediction)[members[3]]) > 0.2
    # Noise alone leaves the curve's interval and not the one that counts the scatter of models.
    claimed = (np.asarray(fine.lower) <= p) & (p <= np.asarray(fine.upper))
    scattered = (np.asarray(fine.scattered_lower) <= p) & (p <= np.asarray(fine.scattered_upper))
    assert claimed.mean() < 0.7 and scattered.mean() > 0.85
    assert not ((np.asarray(seen.scattered_lower) <= broken) & (broken <= np.asarray(seen.scattered_upper)))[
        members[3]
    ].all()
    # A family is predicted by the others alone.
    np.testing.assert_allclose(seen.prediction[members[3]], fine.prediction[members[3]], atol=1e-9)


def test_an_interval_through_a_known_link_has_its_ends_there():
    line = linear_model.Interval(jnp.array([0.5]), jnp.array([0.1]), jnp.array([0.9]))
    for slope in (2.0, -2.0):
        curve = link.LogisticCurve(jnp.array(0.25), jnp.array(slope), jnp.array(-1.0))
        found = two_stage.through_link(line, curve)
        ends = sorted(float(curve(jnp.array(y))) for y in (0.1, 0.9))
        np.testing.assert_allclose([found.lower[0], found.upper[0]], ends)
    wide = linear_model.Interval(jnp.array([0.5]), jnp.array([-jnp.inf]), jnp.array([jnp.inf]))
    found = two_stage.through_link(wide, curve)
    np.testing.assert_allclose([found.lower[0], found.upper[0]], [0.25, 1.0])


def test_bonferroni_uses_the_outer_quantiles_of_the_bootstrapped_link():
    line = linear_model.Interval(jnp.array([0.0]), jnp.array([-1.0]), jnp.array([1.0]))
    shifts = jnp.linspace(-1.0, 1.0, 2001)
    curves = jax.vmap(lambda shift: link.LogisticCurve(0 * shift, 1 + 0 * shift, shift))(shifts)
    found = two_stage.through_link(line, link.LogisticCurve(*map(jnp.array, (0.0, 1.0, 0.0))), curves)
    outer = 1 - 2 * 0.0125
    np.testing.assert_allclose(found.upper[0], 1 / (1 + np.exp(-(1 + outer))), rtol=1e-6)
    np.testing.assert_allclose(found.lower[0], 1 / (1 + np.exp(1 + outer)), rtol=1e-6)


class Shifted(eqx.Module):
    """The link ``P = Y + shift``."""

    shift: jax.Array

    def __call__(self, y):
        return y + self.shift


@pytest.mark.slow
def test_joint_draws_have_the_spread_of_line_and_link_together():
    x = jnp.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0])
    fitted = linear_model.fit(linear_model.line_terms(x[:, None]), x)
    at = linear_model.line_terms(jnp.array([[3.0]]))
    known = two_stage.normal_draws(jax.random.key(0), fitted, 20_000, sigma=jnp.array(0.3))
    spread = 0.3 * float(jnp.sqrt(linear_model.leverage(linear_model.line_terms(x[:, None]), at)[0]))
    assert float(jnp.std(at @ known.T)) == pytest.approx(spread, rel=0.02)
    shifts = 0.5 * jax.random.normal(jax.random.key(1), (20_000,))
    both = two_stage.joint_draws(known, Shifted(shifts), at)
    assert both.shape == (20_000, 1)
    assert float(jnp.std(both)) == pytest.approx(np.hypot(spread, 0.5), rel=0.02)
