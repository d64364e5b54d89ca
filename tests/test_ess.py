"""Equivalent sample sizes: the paper's numbers, SciPy's intervals, and quantiles that JAX lacks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats as st
from scipy.optimize import brentq
from synthetic import rows, tabulated

from jaxsl import ess, quantile

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("dof", [1, 2, 3, 7, 30, 1000])
def test_student_quantiles_are_scipys(dof):
    levels = jnp.array([0.0125, 0.3, 0.5, 0.9, 0.975, 0.9999])
    found = jax.jit(quantile.student_t)(levels, dof)
    np.testing.assert_allclose(found, st.t.ppf(levels, dof), rtol=1e-10, atol=1e-12)


def test_student_quantile_without_a_degree_of_freedom_is_infinite():
    assert quantile.student_t(0.975, 0) == jnp.inf and quantile.student_t(0.025, -1) == -jnp.inf


def test_beta_quantiles_are_scipys():
    a, b = np.array([0.5, 3.0, 40.0, 900.0])[:, None], np.array([1.0, 7.0, 2000.0])
    np.testing.assert_allclose(quantile.beta(0.975, a, b), st.beta.ppf(0.975, a, b), rtol=1e-9)


def test_hoeffding_gives_the_papers_number_and_the_two_sided_constant_more():
    assert abs(float(ess.hoeffding(0.1)) - 599.15) < 0.005
    assert abs(float(ess.hoeffding(0.1, sides=2)) - 200 * np.log(40)) < 1e-9
    assert float(ess.hoeffding_length(ess.hoeffding(0.037))) == pytest.approx(0.037, rel=1e-12)


def test_only_the_two_sided_constant_covers_in_the_worst_case_direction():
    """One-sided radius: each tail may err by delta, so both together by 2 delta."""
    n = 200
    radius_one = float(ess.hoeffding_length(n)) / 2
    radius_two = float(ess.hoeffding_length(n, sides=2)) / 2
    assert 2 * np.exp(-2 * n * radius_one**2) == pytest.approx(0.1)
    assert 2 * np.exp(-2 * n * radius_two**2) == pytest.approx(0.05)


def test_beta_of_three_and_seven_is_worth_ten():
    assert float(ess.beta(0.3, st.beta(3, 7).var())) == pytest.approx(10, rel=1e-12)


@pytest.mark.parametrize(("share", "items"), [(0.023, 130), (0.5, 40), (0.0, 25), (1.0, 25), (0.257, 3000)])
def test_exact_length_is_scipys_and_inverts(share, items):
    right = share * items
    high = st.beta.ppf(0.975, right + 1, items - right) if share < 1 else 1.0
    low = st.beta.ppf(0.025, right, items - right + 1) if share > 0 else 0.0
    length = float(ess.clopper_pearson_length(share, items))
    assert length == pytest.approx(high - low, rel=1e-9)
    assert float(ess.clopper_pearson(share, length)) == pytest.approx(items, rel=1e-6)


def test_exact_length_is_continuous_where_the_asymptotic_one_takes_over():
    below, above = (
        float(ess.clopper_pearson_length(0.02, n * ess.MOST_EXACT) * n**0.5) for n in (0.999, 1.001)
    )
    assert below == pytest.approx(above, rel=2e-3)


def test_the_three_sizes_of_the_printed_example():
    """P = 0.023, L = 0.061 (0.0608 before rounding): Hoeffding 1621, exact 131, against each other."""
    found = ess.from_interval(jnp.array(0.0), jnp.array(0.0608), jnp.array(0.023))
    assert round(float(found.hoeffding)) == 1621
    assert round(float(found.clopper_pearson)) == 131
    assert 80 < float(found.beta) < 120


def test_a_poor_accuracy_gives_the_largest_sizes():
    """Appendix B claims the opposite."""
    from_y = jax.nn.sigmoid(2 * (jnp.array([[-2.0], [0.0]]) + jnp.array([-0.3, 0.0, 0.3])))
    poor, fair = (ess.from_interval(row[0], row[2], row[1]) for row in from_y)
    assert poor.hoeffding > 100 * fair.hoeffding
    assert poor.clopper_pearson > 10 * fair.clopper_pearson and poor.beta > 10 * fair.beta
    variance = (0.3 / 1.959964) ** 2
    assert float(poor.beta) == pytest.approx(1 / (4 * variance * 0.018 * 0.982) - 1, rel=0.15)


@pytest.mark.slow
def test_samples_moments_and_posterior_agree_on_a_normal_prediction():
    mean, sd = 0.4, 0.02
    samples = jnp.asarray(st.norm(mean, sd).ppf((np.arange(20_000) + 0.5) / 20_000))
    fake = tabulated([1.0], [0.5], [[[mean]]], [[[[sd]]]])
    found = (
        jax.jit(ess.from_samples)(samples),
        jax.jit(ess.from_moments)(mean, sd**2),
        jax.tree.map(lambda leaf: leaf[0, 0], jax.jit(ess.from_posterior)(fake, rows(0, 1))),
        jax.jit(ess.from_interval)(mean - 1.959964 * sd, mean + 1.959964 * sd, mean),
    )
    for one in found:
        assert float(one.hoeffding) == pytest.approx(float(found[1].hoeffding), rel=2e-3)
        assert float(one.beta) == pytest.approx(mean * (1 - mean) / sd**2 - 1, rel=2e-3)
        assert float(one.clopper_pearson) == pytest.approx(float(found[1].clopper_pearson), rel=2e-3)


def test_a_loss_has_no_share_and_is_sized_by_the_spread_between_items():
    found = ess.from_moments(jnp.array(2.3), jnp.array(1e-4))
    assert np.isnan(float(found.clopper_pearson)) and np.isnan(float(found.beta))
    length = 2 * 1.959964 * 0.01
    assert float(ess.gaussian(length, 0.5)) == pytest.approx(2500, rel=1e-5)
    items = np.random.default_rng(0).normal(2.3, 0.5, (4000, 2500)).mean(axis=1)
    assert np.mean(np.abs(items - 2.3) < length / 2) == pytest.approx(0.95, abs=0.012)


def test_worth_does_not_depend_on_a_longer_interval_favourably():
    lengths = np.linspace(0.01, 0.5, 10)
    found = jax.jit(lambda length: ess.from_interval(0.3 - length / 2, 0.3 + length / 2, 0.3))(lengths)
    for size in (found.hoeffding, found.clopper_pearson, found.beta):
        assert np.all(np.diff(size) < 0)


def test_exact_size_matches_root_finding_for_random_predictions():
    rng = np.random.default_rng(0)
    for share, length in zip(rng.uniform(0.001, 0.999, 10), rng.uniform(0.02, 0.5, 10), strict=True):

        def excess(n, share=share, length=length):
            right = share * n
            return (
                st.beta.ppf(0.975, right + 1, n - right) - st.beta.ppf(0.025, right, n - right + 1) - length
            )

        expected = brentq(excess, 1.001, 1e5) if excess(1.001) > 0 else 1.0
        assert float(ess.clopper_pearson(share, length)) == pytest.approx(expected, rel=2e-3)
