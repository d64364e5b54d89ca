"""Formulas that are polynomials in the logarithms of all four inputs, or exponentials of them."""

import jax.numpy as jnp

from jaxsl.law import params
from laws.lr_bsz.terms import dot, features, quadratic, task_law


def sl_1(theta, x):
    """L = exp(sum_m c_m phi_m)"""
    return jnp.exp(dot(theta, features(jnp.log(x))))


SL_1 = task_law("lr_bsz/sl_1", sl_1, params=params(**quadratic("c", (-15, 15), 0.35, 0.025)))


def sl_4(theta, x):
    """L = exp(sum_m c_m phi_m + c_ratio (s - n) + c_b1/bsz + c_b2/bsz^2 + c_D1/D + c_N1/N)

    ``c_ratio`` repeats what ``c_s`` and ``c_n`` span.
    """
    _, bsz, D, N = x
    logs = jnp.log(x)
    extra = jnp.stack([logs[2] - logs[3], 1 / bsz, 1 / bsz**2, 1 / D, 1 / N])
    return jnp.exp(dot(theta, jnp.concatenate([features(logs), extra])))


SL_4 = task_law(
    "lr_bsz/sl_4",
    sl_4,
    params=params(
        **quadratic("c", (-15, 15), 0.35, 0.025),
        c_ratio=(-0.3, 0.3),
        c_b1=(-10, 10),
        c_b2=(-200, 200),
        c_D1=(-1.5e9, 1.5e9),
        c_N1=(-5e7, 5e7),
    ),
)


def sl_6(theta, x):
    """L = E + exp(clip(w_0 + w_D s + w_N n + w_DN s n + w_u u + w_uu u^2 + w_v v + w_vv v^2 + w_uv u v
    + w_uD u s + w_uN u n + w_vD v s + w_vN v n, -50, 50))
    """
    u, v, s, n = jnp.log(x)
    one = jnp.ones_like(u)
    terms = jnp.stack([one, s, n, s * n, u, u**2, v, v**2, u * v, u * s, u * n, v * s, v * n])
    return theta[0] + jnp.exp(jnp.clip(dot(theta[1:], terms), -50, 50))


SL_6 = task_law(
    "lr_bsz/sl_6",
    sl_6,
    params=params(
        E=(0, 3),
        w_0=(-8, 8),
        w_D=(-0.5, 0.5),
        w_N=(-0.5, 0.5),
        w_DN=(-0.025, 0.025),
        w_u=(-0.6, 0.6),
        w_uu=(-0.6, 0.6),
        w_v=(-0.5, 0.5),
        w_vv=(-0.5, 0.5),
        w_uv=(-0.04, 0.04),
        w_uD=(-0.02, 0.02),
        w_uN=(-0.04, 0.04),
        w_vD=(-0.05, 0.05),
        w_vN=(-0.02, 0.02),
    ),
    linear=("E",),
)


def sl_7(theta, x):
    """L = E + exp(clip(sum_m a_m phi_m, -50, 50)) + exp(clip(sum_m b_m phi_m, -50, 50))

    Exchanging ``a`` and ``b`` changes nothing, so every optimum comes twice.
    """
    exponents = dot(theta[1:].reshape(2, 15).T, features(jnp.log(x)))
    return theta[0] + jnp.sum(jnp.exp(jnp.clip(exponents, -50, 50)))


SL_7 = task_law(
    "lr_bsz/sl_7",
    sl_7,
    params=params(
        E=(0, 2.5), **quadratic("a", (-15, 15), 0.35, 0.03), **quadratic("b", (-15, 15), 0.35, 0.03)
    ),
    linear=("E",),
)


def sl_9(theta, x):
    """L = sum_m c_m phi_m, with decimal logarithms in phi"""
    return dot(theta, features(jnp.log10(x)))


C9 = quadratic("c", (-5, 30), 4, 0.3)
SL_9 = task_law("lr_bsz/sl_9", sl_9, params=params(**C9), linear=tuple(C9))


def sl_10(theta, x):
    """L = sum_m c_m phi_m + w_D D^-0.5 + w_N N^-0.5 + w_b/bsz"""
    _, bsz, D, N = x
    extra = jnp.stack([D**-0.5, N**-0.5, 1 / bsz])
    return dot(theta, jnp.concatenate([features(jnp.log(x)), extra]))


C10 = quadratic("c", (-5, 35), 2, 0.1) | {"w_D": (-5e4, 5e4), "w_N": (-2e4, 2e4), "w_b": (-15, 15)}
SL_10 = task_law("lr_bsz/sl_10", sl_10, params=params(**C10), linear=tuple(C10))
