"""Optimal learning rate and batch size: Step Law and DeepSeek's.

Inputs: ``N`` non-embedding parameters, ``D`` tokens, ``C`` training FLOPs. Outputs: the peak learning rate
``lr`` and the batch size in tokens, ``batch_tokens``.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params

STEP_LAW = "Li et al. 2025, arXiv:2503.04715"
DEEPSEEK = "DeepSeek-AI 2024, arXiv:2401.02954"


def lr(theta, x):
    """lr = c N^a D^b"""
    c, a, b = theta
    n, d = jnp.log(x)
    return c * jnp.exp(a * n + b * d)


LR = Law(
    "step_law/lr",
    lr,
    inputs=("N", "D"),
    outputs=("lr",),
    params=params(c=(1e-6, 1e4), a=(-2, 0.5), b=(-1, 1)),
    linear=("c",),
    source=STEP_LAW,
    estimates={"step_law": (1.79, -0.713, 0.307)},
)


def power_law(theta, x):
    """y = c x^b"""
    c, b = theta
    return c * jnp.exp(b * jnp.log(x[0]))


BATCH = Law(
    "step_law/batch",
    power_law,
    inputs=("D",),
    outputs=("batch_tokens",),
    params=params(c=(1e-6, 1e6), b=(-0.5, 1.5)),
    linear=("c",),
    formula="batch_tokens = c D^b",
    source=STEP_LAW,
    estimates={"step_law": (0.58, 0.571)},
)

DEEPSEEK_LR = Law(
    "deepseek/lr",
    power_law,
    inputs=("C",),
    outputs=("lr",),
    params=params(c=(1e-6, 1e4), b=(-1, 0.5)),
    linear=("c",),
    formula="lr = c C^b",
    source=DEEPSEEK,
    estimates={"deepseek": (0.3118, -0.1250)},
)

DEEPSEEK_BATCH = Law(
    "deepseek/batch",
    power_law,
    inputs=("C",),
    outputs=("batch_tokens",),
    params=params(c=(1e-6, 1e6), b=(-0.5, 1.5)),
    linear=("c",),
    formula="batch_tokens = c C^b",
    source=DEEPSEEK,
    estimates={"deepseek": (0.2920, 0.3271)},
)

LAWS = (LR, BATCH, DEEPSEEK_LR, DEEPSEEK_BATCH)
