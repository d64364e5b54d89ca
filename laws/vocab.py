"""Vocabulary size: unigram-normalised loss from parameters, vocabulary and characters of training text.

Inputs and their data columns: ``N`` = ``non_vocab_parameters``, ``V`` = ``vocab_size``,
``D`` = ``num_characters``. In the formulas ``ex(z) = exp(clip(z, -50, 50))`` and
``lg(a) = ln(max(a, 1e-6))``. The box of an amplitude inside ``lg`` is half flat: below 1e-6 it has no effect.
"""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law, params

task_law = partial(
    Law, inputs=("N", "V", "D"), source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, vocab"
)


def ex(z):
    """Exponential whose argument is cut at 50 on either side."""
    return jnp.exp(jnp.clip(z, -50, 50))


def lg(amplitude):
    """Logarithm of an amplitude, of at least 1e-6."""
    return jnp.log(jnp.maximum(amplitude, 1e-6))


def sl_1(theta, x):
    """L = E + A V^e_V N^e_N D^e_D"""
    E, A, e_V, e_N, e_D = theta
    n, v, d = jnp.log(x)
    return E + A * jnp.exp(e_V * v + e_N * n + e_D * d)


SL_1 = task_law(
    "vocab/sl_1",
    sl_1,
    params=params(E=(-100, 100), A=(-1e4, 1e4), e_V=(-5, 5), e_N=(-5, 5), e_D=(-5, 5)),
    linear=("E", "A"),
)


def sl_2(theta, x):
    """L = E + A ex(ln((N^(-alpha r) + D^(-beta r))/2)/r) (1 + C (ln V - v_0)^2)"""
    E, A, alpha, beta, C, v_0, r = theta
    n, v, d = jnp.log(x)
    log_sum = jnp.logaddexp(-alpha * r * n, -beta * r * d) - jnp.log(2.0)
    return E + A * ex(log_sum / r) * (1 + C * (v - v_0) ** 2)


SL_2 = task_law(
    "vocab/sl_2",
    sl_2,
    params=params(
        E=(-100, 100),
        A=(-1e4, 1e4),
        alpha=(-5, 5),
        beta=(-5, 5),
        C=(-100, 100, "curvature of the gate in ln V"),
        v_0=(-10, 30, "best ln V"),
        r=(0.1, 10, "order of the power mean"),
    ),
    linear=("E", "A"),
)


def sl_3(theta, x):
    """L = E + ex(ln(exp(q (lg(A) - alpha ln N)) + exp(q (lg(B) - beta (ln D + phi ln V))))/q)"""
    E, A, alpha, B, beta, phi, q = theta
    n, v, d = jnp.log(x)
    size, data = lg(A) - alpha * n, lg(B) - beta * (d + phi * v)
    return E + ex(jnp.logaddexp(q * size, q * data) / q)


SL_3 = task_law(
    "vocab/sl_3",
    sl_3,
    params=params(
        E=(-100, 100),
        A=(-1e4, 1e4),
        alpha=(-5, 5),
        B=(-1e4, 1e4),
        beta=(-5, 5),
        phi=(-5, 5),
        q=(0.1, 10, "order of the norm"),
    ),
    linear=("E",),
)


def sl_4(theta, x):
    """L = E + ex(lg(A) - d max(a ln N, ln lam + b ln D) - g ln V)

    Scaling ``a``, ``b``, ``ln lam`` by a factor and ``d`` by its inverse changes nothing.
    """
    E, A, a, b, d, lam, g = theta
    n, v, log_D = jnp.log(x)
    return E + ex(lg(A) - d * jnp.maximum(a * n, jnp.log(lam) + b * log_D) - g * v)


SL_4 = task_law(
    "vocab/sl_4",
    sl_4,
    params=params(
        E=(-100, 100),
        A=(-1e4, 1e4),
        a=(-5, 5),
        b=(-5, 5),
        d=(-5, 5),
        lam=(1e-6, 1e4, "weight of the D branch"),
        g=(-5, 5),
    ),
    linear=("E",),
)


def sl_5(theta, x):
    """L = sgn(A) ex(lg|A| + e_N ln N + e_V ln V + e_D ln D) + sgn(B) ex(lg|B| + e_2 ln N) + E"""
    A, e_N, e_V, e_D, B, e_2, E = theta
    n, v, d = jnp.log(x)
    product = jnp.sign(A) * ex(lg(jnp.abs(A)) + e_N * n + e_V * v + e_D * d)
    return product + jnp.sign(B) * ex(lg(jnp.abs(B)) + e_2 * n) + E


SL_5 = task_law(
    "vocab/sl_5",
    sl_5,
    params=params(
        A=(-1e4, 1e4), e_N=(-5, 5), e_V=(-5, 5), e_D=(-5, 5), B=(-1e4, 1e4), e_2=(-5, 5), E=(-100, 100)
    ),
    linear=("E",),
)


def sl_6(theta, x):
    """L = ex(lg(A) - alpha (ln N + k_1 ln V)) + ex(lg(B) - beta (ln D + k_2 ln V)) + E"""
    A, alpha, k_1, B, beta, k_2, E = theta
    n, v, d = jnp.log(x)
    return ex(lg(A) - alpha * (n + k_1 * v)) + ex(lg(B) - beta * (d + k_2 * v)) + E


SL_6 = task_law(
    "vocab/sl_6",
    sl_6,
    params=params(
        A=(-1e4, 1e4), alpha=(-5, 5), k_1=(-5, 5), B=(-1e4, 1e4), beta=(-5, 5), k_2=(-5, 5), E=(-100, 100)
    ),
    linear=("E",),
)


def sl_7(theta, x):
    """L = ex(lg(A) - alpha ln N - beta ln D) + ex(lg(B) + gamma ln V - delta ln D) + E"""
    A, alpha, beta, B, gamma, delta, E = theta
    n, v, d = jnp.log(x)
    return ex(lg(A) - alpha * n - beta * d) + ex(lg(B) + gamma * v - delta * d) + E


SL_7 = task_law(
    "vocab/sl_7",
    sl_7,
    params=params(
        A=(-1e4, 1e4), alpha=(-5, 5), beta=(-5, 5), B=(-1e4, 1e4), gamma=(-5, 5), delta=(-5, 5), E=(-100, 100)
    ),
    linear=("E",),
)


def sl_8(theta, x):
    """L = E + c_V ln V + A ex(beta ln V - alpha ln N) + B ex(beta ln V - gamma ln D)"""
    E, c_V, A, alpha, B, gamma, beta = theta
    n, v, d = jnp.log(x)
    # The two large terms first: they may cancel, and the golden values add them in this order.
    return E + c_V * v + (A * ex(beta * v - alpha * n) + B * ex(beta * v - gamma * d))


SL_8 = task_law(
    "vocab/sl_8",
    sl_8,
    params=params(
        E=(-100, 100),
        c_V=(-100, 100),
        A=(-1e4, 1e4),
        alpha=(-5, 5),
        B=(-1e4, 1e4),
        gamma=(-5, 5),
        beta=(-5, 5),
    ),
    linear=("E", "c_V", "A", "B"),
)


def sl_9(theta, x):
    """L = ex(lg(A) - alpha ln N - beta ln D) (1 + gamma ln V)
    + sgn(delta) ex(lg|delta| + epsilon ln V) + E
    """
    A, alpha, beta, gamma, delta, epsilon, E = theta
    n, v, d = jnp.log(x)
    product = ex(lg(A) - alpha * n - beta * d) * (1 + gamma * v)
    return product + jnp.sign(delta) * ex(lg(jnp.abs(delta)) + epsilon * v) + E


SL_9 = task_law(
    "vocab/sl_9",
    sl_9,
    params=params(
        A=(-1e4, 1e4),
        alpha=(-5, 5),
        beta=(-5, 5),
        gamma=(-100, 100),
        delta=(-1e4, 1e4),
        epsilon=(-5, 5),
        E=(-100, 100),
    ),
    linear=("gamma", "E"),
)


def sl_10(theta, x):
    """L = E + ex(a + b_N ln N + b_V ln V + b_VV (ln V)^2 + b_D ln D + b_VD ln V ln D)"""
    E, a, b_N, b_V, b_VV, b_D, b_VD = theta
    n, v, d = jnp.log(x)
    return E + ex(a + b_N * n + b_V * v + b_VV * v**2 + b_D * d + b_VD * v * d)


SL_10 = task_law(
    "vocab/sl_10",
    sl_10,
    params=params(
        E=(-100, 100), a=(-20, 20), b_N=(-2, 2), b_V=(-2, 2), b_VV=(-0.1, 0.1), b_D=(-2, 2), b_VD=(-0.1, 0.1)
    ),
    linear=("E",),
)

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)
