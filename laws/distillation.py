"""Distillation (Busbridge): the student's loss from its size, its data and its teacher.

Inputs: ``N`` student parameters, ``D`` distillation tokens, ``L_T`` the teacher's loss, ``L_sup`` the loss of
the same student trained without a teacher, as the supervised law predicts it.
"""

import jax.numpy as jnp

from jaxsl.law import Law, params

PAPER = "Busbridge et al. 2025, arXiv:2502.08606"


def supervised(theta, x):
    """L = E + (A N^-alpha + B D^-beta)^gamma"""
    E, A, alpha, B, beta, gamma = theta
    n, d = jnp.log(x)
    return E + jnp.exp(gamma * jnp.logaddexp(jnp.log(A) - alpha * n, jnp.log(B) - beta * d))


SUPERVISED = Law(
    "distillation/supervised",
    supervised,
    inputs=("N", "D"),
    params=params(
        E=(0.01, 10), A=(1e-2, 1e10), alpha=(0.02, 2), B=(1e-2, 1e10), beta=(0.02, 2), gamma=(0.05, 2)
    ),
    linear=("E",),
    source=f"{PAPER}, supervised law",
    estimates={"busbridge": (1.220, 3355, 0.408, 18186, 0.431, 0.452)},
)


def student(theta, x):
    """L_S = L_T + L_T^-c_0 (1 + (L_T/(L_sup d_1))^(1/f_1))^(-c_1 f_1) (A N^-alpha + B D^-beta)^gamma"""
    c_0, c_1, d_1, f_1, A, alpha, B, beta, gamma = theta
    N, D, L_T, L_sup = x
    t = jnp.log(L_T)
    gap = jnp.logaddexp(0.0, (t - jnp.log(L_sup) - jnp.log(d_1)) / f_1)
    reach = jnp.logaddexp(jnp.log(A) - alpha * jnp.log(N), jnp.log(B) - beta * jnp.log(D))
    return L_T + jnp.exp(-c_0 * t - c_1 * f_1 * gap + gamma * reach)


STUDENT = Law(
    "distillation/student",
    student,
    inputs=("N", "D", "L_T", "L_sup"),
    params=params(
        c_0=(-5, 10),
        c_1=(1e-2, 1e3),
        d_1=(0.2, 5),
        f_1=(0.02, 2),
        A=(1e-2, 1e10),
        alpha=(0.02, 2),
        B=(1e-2, 1e10),
        beta=(0.02, 2),
        gamma=(0.05, 2),
    ),
    source=f"{PAPER}, eq. 8",
)

LAWS = (SUPERVISED, STUDENT)
