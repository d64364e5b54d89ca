"""From loss or capability to accuracy by a sigmoid.

Inputs: ``loss`` on the task; ``S`` a capability score, such as a principal component of benchmark scores.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params


def sigmoid(z):
    """Logistic function, by a form that never overflows."""
    return 0.5 * (1 + jnp.tanh(z / 2))


def from_loss(theta, x):
    """Acc = a / (1 + exp(k (L - L_0))) + b"""
    a, k, L_0, b = theta
    return a * sigmoid(-k * (x[0] - L_0)) + b


FROM_LOSS = Law(
    "downstream/loss",
    from_loss,
    inputs=("loss",),
    outputs=("accuracy",),
    params=params(a=(0, 1), k=(0.1, 50), L_0=(0, 10), b=(0, 1, "accuracy of a random guess")),
    linear=("a", "b"),
    source="Bhagia et al. 2024, arXiv:2412.04403, step two",
)


def from_capability(theta, x):
    """Acc = h / (1 + exp(-(beta S + alpha)))"""
    h, beta, alpha = theta
    return h * sigmoid(beta * x[0] + alpha)


FROM_CAPABILITY = Law(
    "downstream/capability",
    from_capability,
    inputs=("S",),
    outputs=("accuracy",),
    params=params(h=(0.8, 1, "highest accuracy that can be reached"), beta=(0.01, 50), alpha=(-20, 20)),
    linear=("h",),
    source="Ruan et al. 2024, arXiv:2405.10938, eq. 6",
)

LAWS = (FROM_LOSS, FROM_CAPABILITY)
