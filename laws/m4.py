"""The estimators M1 to M4 of a learning curve, M4 as the root of an equation. Input: ``x``, any scale."""

from functools import partial

import jax.numpy as jnp
from jax import lax, nn

from jaxsl.law import Law, params

NUM_STEPS = 16  # of Newton, which comes from the side where it cannot overshoot
curve_law = partial(Law, inputs=("x",), outputs=("y",), source="Alabdulmohsin et al. 2022, arXiv:2209.06640")


def m1(theta, x):
    """y = beta x^c"""
    beta, c = theta
    return beta * jnp.exp(c * jnp.log(x[0]))


M1 = curve_law("m1", m1, params=params(beta=(1e-4, 1e6), c=(-2, -0.01)), linear=("beta",))


def m2(theta, x):
    """y = beta x^c + y_inf"""
    beta, c, y_inf = theta
    return beta * jnp.exp(c * jnp.log(x[0])) + y_inf


M2 = curve_law(
    "m2", m2, params=params(beta=(1e-4, 1e6), c=(-2, -0.01), y_inf=(0, 10)), linear=("beta", "y_inf")
)


def m3(theta, x):
    """y = beta (1/x + gamma)^-c + y_inf"""
    beta, c, y_inf, gamma = theta
    return beta * jnp.exp(-c * jnp.log(1 / x[0] + gamma)) + y_inf


M3 = curve_law(
    "m3",
    m3,
    params=params(
        beta=(1e-4, 1e6), c=(-2, -0.01), y_inf=(0, 10), gamma=(1e-12, 1, "1/gamma is where it levels off")
    ),
    linear=("beta", "y_inf"),
)


def m4(theta, x):
    """(y - y_inf) / (y_0 - y)^alpha = beta x^c

    Solved for ``z = logit((y - y_inf)/(y_0 - y_inf))``, in which it reads
    ``alpha sp(z) - sp(-z) = ln r`` with ``sp`` the softplus: increasing, and bent in one direction only.
    """
    beta, c, y_inf, gap, alpha = theta
    log_r = jnp.log(beta) + c * jnp.log(x[0]) + (alpha - 1) * jnp.log(gap)

    def newton(z, alpha, log_r):
        excess = alpha * nn.softplus(z) - nn.softplus(-z) - log_r
        return z - excess / (alpha * nn.sigmoid(z) + nn.sigmoid(-z))

    log_2 = jnp.log(2.0)
    left = jnp.minimum(log_r, 0) - alpha * log_2
    right = jnp.maximum(log_r + log_2, 0) / alpha
    given = lax.stop_gradient((alpha, log_r))
    start = lax.stop_gradient(jnp.where(alpha < 1, left, right))
    root = lax.fori_loop(0, NUM_STEPS, lambda _, z: newton(z, *given), start)
    # One step more with the parameters let through: its derivative is that of the root.
    return y_inf + gap * nn.sigmoid(newton(lax.stop_gradient(root), alpha, log_r))


M4 = curve_law(
    "m4",
    m4,
    params=params(
        beta=(1e-4, 1e6),
        c=(-2, -0.01),
        y_inf=(0, 10),
        gap=(1e-2, 20, "y_0 - y_inf: loss of a random guess above the floor"),
        alpha=(0.05, 5, "sharpness of the onset; 0 would be M2"),
    ),
    linear=("y_inf",),
)

LAWS = (M1, M2, M3, M4)
