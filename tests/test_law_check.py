"""The checker against laws whose faults are known: planted ones, and those stated in the specification."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.host.laws.check import check, typical_rows
from jaxsl.law import Law, params, power
from laws.chinchilla import CHINCHILLA
from laws.domain import SL_7 as MIXTURE
from laws.lr_bsz import SL_4 as INVERSE_FEATURES
from laws.moe import SL_2 as OUTER_EXPONENT


def law(function, linear=(), nonnegative=(), inputs=("N",), **intervals):
    return Law("tried", function, inputs, params(**intervals), linear=linear, nonnegative=nonnegative)


def finding(found, kind):
    (one,) = [finding for finding in found if finding.kind == kind]
    return one


def test_a_sound_law_has_no_findings():
    sound = law(
        lambda theta, x: theta[0] + theta[1] * jnp.exp(-theta[2] * jnp.log(x[0])),
        linear=("E", "A"),
        E=(0.1, 10),
        A=(1, 100),
        alpha=(0.05, 1),
    )
    assert check(sound) == ()


def test_a_pole_inside_the_box_is_found_with_the_parameter_that_leads_there():
    pole = law(lambda theta, x: jnp.log(theta[0] - 1) + theta[1], linear=("b",), a=(0.5, 9), b=(0, 1))
    found = finding(check(pole), "not finite")
    assert found.parameters == ("a",) and "towards the lower bound of a" in found.message


def test_derivatives_that_are_not_finite_where_values_are_ask_for_a_guard():
    bare = law(
        lambda theta, x: jnp.exp(theta[0] * jnp.log(x[0])), nonnegative=("r",), inputs=("r",), c=(0.1, 2)
    )
    guarded = law(lambda theta, x: power(x[0], theta[0]), nonnegative=("r",), inputs=("r",), c=(0.1, 2))
    rows = np.array([[0.0], [0.5], [1.0]])
    found = finding(check(bare, rows), "not finite")
    assert found.message.startswith("derivatives are") and "power" in found.advice and "r=0" in found.message
    assert check(guarded, rows) == ()


def test_a_parameter_that_is_not_used_and_one_that_seldom_is_are_named():
    idle = law(
        lambda theta, x: theta[0] ** 2 * x[0] + jnp.maximum(theta[1], 9) ** 2, a=(1, 2), b=(1, 12), c=(0, 1)
    )
    never, seldom = [finding for finding in check(idle) if finding.kind == "no effect"]
    assert never.parameters == ("c",) and seldom.parameters == ("b",)
    share = int(seldom.message.split("b in ")[1].split("%")[0])
    assert abs(share - 100 * np.log(9) / np.log(12)) < 7  # drawn in the logarithm


@pytest.mark.parametrize(
    ("tried", "count", "names"),
    [
        (OUTER_EXPONENT, 1, {"alpha", "beta", "gamma"}),
        (INVERSE_FEATURES, 1, {"c_s", "c_n", "c_ratio"}),
        (MIXTURE, 5, {f"a_{i}" for i in range(1, 6)}),
        (CHINCHILLA, 0, set()),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_redundant_directions_are_counted_as_in_the_table(tried, count, names):
    found = [finding for finding in check(tried, typical_rows(tried)) if finding.kind == "redundant"]
    if count:
        assert found[0].message.startswith(f"{count} direction") and names <= set(found[0].parameters)
    else:
        assert not found


def test_too_few_configurations_are_not_taken_for_a_fault_of_the_law():
    found = finding(check(CHINCHILLA, typical_rows(CHINCHILLA)[:3]), "redundant")
    assert "3 outcomes cannot tell 5 parameters apart" in found.message


def test_linear_parameters_are_checked_and_proposed():
    def product(theta, x):
        return theta[0] * theta[1] * x[0] + theta[2]

    wrong = finding(check(law(product, linear=("a", "b"), a=(1, 2), b=(1, 2), c=(0, 1))), "linear")
    assert "not affine in a, b together" in wrong.message
    missing = finding(check(law(product, linear=("a",), a=(1, 2), b=(1, 2), c=(0, 1))), "linear")
    assert missing.parameters == ("c",) and "linear=('a', 'c',)" in missing.advice


def test_boxes_on_a_wrong_scale_are_named():
    wide = law(lambda theta, x: theta[0] ** 2 * x[0] ** theta[1], A=(0, 1e6), e=(0, 15))
    messages = [finding.message for finding in check(wide) if finding.kind == "scale"]
    assert any("predictions exceed 1e+06" in message for message in messages)
    assert any(message.startswith("A is searched evenly up to 1e+06") for message in messages)
    assert any("beyond float32" in message for message in messages)


def test_separable_outputs_are_told_from_those_that_share_a_parameter():
    intervals = dict(a_1=(1, 2), b_1=(1, 2), a_2=(1, 2), b_2=(1, 2))

    def two(function, separable):
        return Law("tried", function, ("N",), params(**intervals), outputs=("u", "v"), separable=separable)

    def apart(theta, x):
        return theta.reshape(2, 2)[:, 0] * jnp.exp(-theta.reshape(2, 2)[:, 1] * jnp.log(x[0]))

    def shared(theta, x):
        return apart(theta, x) * theta[1] ** 2

    assert "declare separable=True" in finding(check(two(apart, False)), "separable").advice
    assert "separable" not in {found.kind for found in check(two(apart, True))}
    assert finding(check(two(shared, True)), "separable").parameters == ("b_1",)
    assert "separable" not in {found.kind for found in check(two(shared, False))}
