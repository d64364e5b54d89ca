"""Domain mixtures: the loss on each of five domains from the shares of the training mixture.

Inputs and their data columns: ``p_1 .. p_5`` = ``proportion_domain_1 .. 5``, which sum to one; outputs
``L_1 .. L_5`` = ``loss_domain_1 .. 5``. In the formulas ``P = max(p, 1e-12)``: the share of most domains is 0
somewhere, so that floor sets values. Sums over ``j`` run over the other four domains.
"""

import jax.numpy as jnp

from jaxsl.law import Law, Param

FLOOR = 1e-12
NUM = 5
OTHERS = tuple(tuple(j for j in range(NUM) if j != i) for i in range(NUM))


def per_domain(**intervals):
    """Parameters domain by domain, by the subscripts of the formula.

    ``a_i`` is one per domain, ``c_ij`` one per pair of different domains, ``C_ik`` one per pair.
    """
    params = []
    for i in range(NUM):
        for subscripted, interval in intervals.items():
            stem, subscript = subscripted.split("_")
            if subscript == "i":
                names = [f"{stem}_{i + 1}"]
            else:
                names = [f"{stem}_{i + 1}{k + 1}" for k in (OTHERS[i] if subscript == "ij" else range(NUM))]
            params += [Param(name, *interval) for name in names]
    return tuple(params)


def task_law(number, function, params, linear=(), separable=True):
    """A law of this task; ``linear`` names the stems, ``"A"`` for ``A_1 .. A_5``."""
    return Law(
        f"domain/sl_{number}",
        function,
        inputs=tuple(f"p_{i + 1}" for i in range(NUM)),
        outputs=tuple(f"L_{i + 1}" for i in range(NUM)),
        params=params,
        linear=tuple(param.name for param in params if param.name.split("_")[0] in linear),
        source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, domain",
        nonnegative=tuple(f"p_{i + 1}" for i in range(NUM)),
        separable=separable,
    )


def others(x):
    """For each domain the shares of the other four, ``(5, 4)``."""
    return x[jnp.array(OTHERS)]


def log_share(x):
    """``ln P``, ``(5,)``."""
    return jnp.log(jnp.maximum(x, FLOOR))


def sl_1(theta, x):
    """L_i = a_i + b_i ln P_i + sum_j c_ij p_j"""
    theta = theta.reshape(NUM, 6)
    a, b = theta[:, :2].T
    return a + b * log_share(x) + jnp.sum(theta[:, 2:] * others(x), 1)


SL_1 = task_law(1, sl_1, per_domain(a_i=(-3, 6), b_i=(-10, 5), c_ij=(-10, 10)), linear=("a", "b", "c"))


def sl_2(theta, x):
    """L_i = A_i max(p_i + eps_i, 1e-12)^-alpha_i exp(sum_j w_ij p_j)

    A negative ``eps_i`` drops a domain without share onto the floor, where ``eps_i`` has no effect.
    """
    theta = theta.reshape(NUM, 7)
    A, eps, alpha = theta[:, :3].T
    base = jnp.log(jnp.maximum(x + eps, FLOOR))
    return A * jnp.exp(jnp.sum(theta[:, 3:] * others(x), 1) - alpha * base)


SL_2 = task_law(
    2, sl_2, per_domain(A_i=(0, 10), eps_i=(-0.03, 0.2), alpha_i=(0, 2), w_ij=(-5, 5)), linear=("A",)
)


def sl_3(theta, x):
    """L_i = E_i + A_i P_i^e_i + sum_j W_ij p_j"""
    theta = theta.reshape(NUM, 7)
    E, A, e = theta[:, :3].T
    return E + A * jnp.exp(e * log_share(x)) + jnp.sum(theta[:, 3:] * others(x), 1)


SL_3 = task_law(
    3, sl_3, per_domain(E_i=(-3, 6), A_i=(-20, 20), e_i=(-2, 4), W_ij=(-10, 10)), linear=("E", "A", "W")
)


def sl_4(theta, x):
    """L_i = exp(clip(b_i + sum_k C_ik P_k^alpha_k, -50, 50)), k over all five domains"""
    alpha, theta = theta[:NUM], theta[NUM:].reshape(NUM, 6)
    shares = jnp.exp(alpha * log_share(x))
    return jnp.exp(jnp.clip(theta[:, 0] + jnp.sum(theta[:, 1:] * shares, 1), -50, 50))


SL_4 = task_law(
    4, sl_4, (*per_domain(alpha_i=(-1, 3)), *per_domain(b_i=(-3, 3), C_ik=(-10, 10))), separable=False
)


def sl_5(theta, x):
    """L_i = E_i + sum_k W_ik P_k^alpha_k, k over all five domains"""
    alpha, theta = theta[:NUM], theta[NUM:].reshape(NUM, 6)
    return theta[:, 0] + jnp.sum(theta[:, 1:] * jnp.exp(alpha * log_share(x)), 1)


SL_5 = task_law(
    5,
    sl_5,
    (*per_domain(alpha_i=(-1, 3)), *per_domain(E_i=(-3, 6), W_ik=(-25, 25))),
    linear=("E", "W"),
    separable=False,
)


def sl_6(theta, x):
    """L_i = E_i + A_i m_i^-alpha_i, m_i = max(p_i + sum_j T_ij p_j, 1e-12)

    A negative transfer ``T_ij`` can drop ``m_i`` onto the floor, where ``T_ij`` has no effect.
    """
    theta = theta.reshape(NUM, 7)
    E, A, alpha = theta[:, :3].T
    mixture = jnp.maximum(x + jnp.sum(theta[:, 3:] * others(x), 1), FLOOR)
    return E + A * jnp.exp(-alpha * jnp.log(mixture))


SL_6 = task_law(
    6, sl_6, per_domain(E_i=(-3, 6), A_i=(0, 10), alpha_i=(0, 3), T_ij=(-5, 5)), linear=("E", "A")
)


def sl_7(theta, x):
    """L_i = a_i + b_i p_i + c_i ln P_i + sum_j (d_ij p_j + e_i ln P_j)"""
    theta = theta.reshape(NUM, 8)
    a, b, c = theta[:, :3].T
    e, own = theta[:, 7], log_share(x)
    return a + b * x + (c - e) * own + jnp.sum(theta[:, 3:7] * others(x), 1) + e * jnp.sum(own)


SL_7 = task_law(
    7,
    sl_7,
    per_domain(a_i=(-5, 8), b_i=(-10, 15), c_i=(-5, 5), d_ij=(-10, 10), e_i=(-5, 5)),
    linear=("a", "b", "c", "d", "e"),
)


def sl_8(theta, x):
    """L_i = E_i - A_i P_i^alpha_i"""
    E, A, alpha = theta.reshape(NUM, 3).T
    return E - A * jnp.exp(alpha * log_share(x))


SL_8 = task_law(8, sl_8, per_domain(E_i=(0, 6), A_i=(0, 5), alpha_i=(0, 3)), linear=("E", "A"))


def sl_9(theta, x):
    """L_i = a_i + b_i ln P_i + c_i (ln P_i)^2"""
    a, b, c = theta.reshape(NUM, 3).T
    own = log_share(x)
    return a + b * own + c * own**2


SL_9 = task_law(9, sl_9, per_domain(a_i=(-3, 6), b_i=(-2, 1), c_i=(-1, 1)), linear=("a", "b", "c"))


def sl_10(theta, x):
    """L_i = E_i + B_i / max(p_i + eps_i, 1e-12)"""
    E, B, eps = theta.reshape(NUM, 3).T
    return E + B / jnp.maximum(x + eps, FLOOR)


SL_10 = task_law(10, sl_10, per_domain(E_i=(-3, 6), B_i=(-1, 1), eps_i=(-0.03, 0.3)), linear=("E", "B"))

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)
