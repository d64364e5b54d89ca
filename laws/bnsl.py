"""Broken neural scaling laws: a power law whose exponent changes at breaks. Input: ``x``, any scale."""

import jax.numpy as jnp

from jaxsl.law import Law, params


def bnsl(theta, x):
    """y = a + b x^-c_0 prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i)"""
    a, b, c_0 = theta[:3]
    c, d, f = theta[3:].reshape(-1, 3).T
    log_x = jnp.log(x[0])
    breaks = c * f * jnp.logaddexp(0.0, (log_x - jnp.log(d)) / f)
    return a + b * jnp.exp(-c_0 * log_x - jnp.sum(breaks))


def law(num_breaks):
    """The law with ``num_breaks`` breaks: ``3 num_breaks + 3`` parameters."""
    breaks: dict[str, tuple] = {}
    for i in range(1, num_breaks + 1):
        breaks |= {f"c_{i}": (-3, 3), f"d_{i}": (1, 1e26), f"f_{i}": (0.05, 2, "smaller is sharper")}
    return Law(
        f"bnsl/{num_breaks}",
        bnsl,
        inputs=("x",),
        outputs=("y",),
        params=params(a=(-10, 10), b=(1e-4, 1e6), c_0=(0, 2), **breaks),
        linear=("a", "b"),
        source="Caballero et al. 2022, arXiv:2210.14891, eq. 1",
    )


BNSL_1, BNSL_2, BNSL_3 = law(1), law(2), law(3)

LAWS = (BNSL_1, BNSL_2, BNSL_3)
