"""Farseer: the amplitude and the exponent of the data term both depend on model size.

Inputs and the data columns of the same names: ``N`` parameters, ``D`` training tokens.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def sl_1(theta, x):
    """L = exp(k(s N^q + S)) + exp(k(k(B N^b + Q) - exp(k(A N^a + E)) ln D)), k(z) = clip(z, -50, 50)

    There is no irreducible constant: ``E`` is an offset of the logarithm of the data exponent.
    """
    E, s, q, S, B, b, Q, A, a = theta
    n, d = jnp.log(x)

    def k(z):
        return jnp.clip(z, -50, 50)

    exponent = jnp.exp(k(A * jnp.exp(a * n) + E))
    floor = jnp.exp(k(s * jnp.exp(q * n) + S))
    return floor + jnp.exp(k(k(B * jnp.exp(b * n) + Q) - exponent * d))


SL_1 = Law(
    "farseer/sl_1",
    sl_1,
    inputs=("N", "D"),
    params=params(
        E=(1, 6, "offset of the log data exponent"),
        s=(-1, 0.3),
        q=(0.01, 0.5),
        S=(-1, 1, "offset of the log floor"),
        B=(10, 1000),
        b=(-0.6, -0.01),
        Q=(-5, 1, "offset of the log data amplitude"),
        A=(-5, 1),
        a=(0.001, 0.25),
    ),
    source="Li et al. 2025, arXiv:2506.10972; boxes of arXiv:2604.22753, table B.2",
)

LAWS = (SL_1,)
