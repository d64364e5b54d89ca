"""Learning rate and batch size: loss from both, training tokens and parameters.

Inputs and their data columns: ``lr`` = ``lr``, ``bsz`` = ``bsz``, ``D`` = ``data_size``,
``N`` = ``non_embedding_param_size``. In the formulas ``u, v, s, n`` are the natural logarithms of ``lr``,
``bsz``, ``D`` and ``N``; ``phi = (1, u, v, s, n, u^2, v^2, s^2, n^2, uv, us, un, vs, vn, sn)``; and
``sp(z) = ln(1 + exp(clip(z, -20, 20)))``, a softplus that is flat outside its clip.
"""

from functools import partial

import jax.numpy as jnp

from jaxsl.law import Law, params

PAIRS = ((0, 0, 0, 1, 1, 2), (1, 2, 3, 2, 3, 3))
task_law = partial(
    Law, inputs=("lr", "bsz", "D", "N"), source="arXiv:2604.22753 (Spend Less, Fit Better), table B.2, lr&bsz"
)


def features(logs):
    """``phi``: one, four logarithms, their squares and their six products, ``(4,) -> (15,)``."""
    first, second = jnp.array(PAIRS)
    return jnp.concatenate([jnp.ones(1, logs.dtype), logs, logs**2, logs[first] * logs[second]])


def dot(coefficients, values):
    """Inner product, in full precision on accelerators too."""
    return jnp.dot(values, coefficients, precision="highest")


def sp(z):
    """Softplus with its argument cut at 20 on either side."""
    return jnp.log1p(jnp.exp(jnp.clip(z, -20, 20)))


def decay(amplitude, rate, size):
    """``sp(amplitude) exp(-sp(rate) size)``."""
    return sp(amplitude) * jnp.exp(-sp(rate) * size)


def skewed(curvature, skew, error):
    """``sp(curvature) error^2 (1 + tanh(skew) tanh(error))``."""
    return sp(curvature) * error**2 * (1 + jnp.tanh(skew) * jnp.tanh(error))


def quadratic(prefix, constant, linear, square):
    """Intervals of the 15 coefficients of ``phi``: constant, linear, squares and products."""
    terms = ("u", "v", "s", "n", "uu", "vv", "ss", "nn", "uv", "us", "un", "vs", "vn", "sn")
    widths = {f"{prefix}_{term}": (linear if len(term) == 1 else square) for term in terms}
    return {f"{prefix}_0": constant} | {name: (-width, width) for name, width in widths.items()}


def sl_1(theta, x):
    """L = exp(sum_m c_m phi_m)"""
    return jnp.exp(dot(theta, features(jnp.log(x))))


SL_1 = task_law("lr_bsz/sl_1", sl_1, params=params(**quadratic("c", (-15, 15), 0.35, 0.025)))


def sl_2(theta, x):
    """L = E + sp(C_N) exp(-sp(a_N) n) + sp(C_D) exp(-sp(a_D) s) + sp(C_X) exp(-sp(a_X) (s - k n))
    + sp(C_B) exp(-sp(a_B) v) + c_u du^2 + c_v dv^2 + 2 tanh(rho) sqrt(c_u c_v) du dv,
    du = u - (u_0 + u_N n + u_D s + u_B v), dv = v - (v_0 + v_N n + v_D s),
    c_u = sp(h_0 + h_N n + h_D s + h_B v), c_v = sp(g_0 + g_N n + g_D s + g_B v)
    """
    u, v, s, n = jnp.log(x)
    E, C_N, a_N, C_D, a_D, C_X, a_X, k = theta[:8]
    rho, h_B, g_B, C_B, a_B = theta[21:]
    base = E + decay(C_N, a_N, n) + decay(C_D, a_D, s) + decay(C_X, a_X, s - k * n) + decay(C_B, a_B, v)
    scale = jnp.stack([jnp.ones_like(n), n, s, v])
    du = u - dot(theta[8:12], scale)
    dv = v - dot(theta[12:15], scale[:3])
    c_u = sp(dot(theta[15:18], scale[:3]) + h_B * v)
    c_v = sp(dot(theta[18:21], scale[:3]) + g_B * v)
    return base + c_u * du**2 + c_v * dv**2 + 2 * jnp.tanh(rho) * jnp.sqrt(c_u * c_v) * du * dv


SL_2 = task_law(
    "lr_bsz/sl_2",
    sl_2,
    params=params(
        E=(0, 3),
        C_N=(-5, 15),
        a_N=(-5, 5),
        C_D=(-5, 15),
        a_D=(-5, 5),
        C_X=(-5, 15),
        a_X=(-5, 5),
        k=(-5, 3, "power of N in the ratio D/N^k"),
        u_0=(-20, 2, "best log learning rate"),
        u_N=(-3, 3),
        u_D=(-3, 3),
        u_B=(-3, 3),
        v_0=(0, 20, "best log batch size"),
        v_N=(-3, 3),
        v_D=(-3, 3),
        h_0=(-12, 12, "curvature in the log learning rate"),
        h_N=(-12, 12),
        h_D=(-12, 12),
        g_0=(-12, 12, "curvature in the log batch size"),
        g_N=(-12, 12),
        g_D=(-12, 12),
        rho=(-8, 8, "correlation of the bowl, before tanh"),
        h_B=(-12, 12),
        g_B=(-12, 12),
        C_B=(-5, 15),
        a_B=(-5, 5),
    ),
    linear=("E",),
)


def sl_3(theta, x):
    """L = E + A N^-alpha + B D^-beta + F N^-w_N D^-w_D + C_0 exp(C_N n + C_D s + C_B v) (u - u*)^2
    + G_0 exp(G_N n + G_D s) (v - v*)^2, u* = m_0 + m_N n + m_D s + m_B v + m_ND n s,
    v* = r_0 + r_N n + r_D s + r_ND n s
    """
    u, v, s, n = jnp.log(x)
    E, A, alpha, B, beta, F, w_N, w_D, C_0 = theta[:9]
    one, G_0 = jnp.ones_like(n), theta[17]
    du = u - dot(theta[12:17], jnp.stack([one, n, s, v, n * s]))
    dv = v - dot(theta[20:], jnp.stack([one, n, s, n * s]))
    lr_valley = C_0 * jnp.exp(dot(theta[9:12], jnp.stack([n, s, v]))) * du**2
    bsz_valley = G_0 * jnp.exp(dot(theta[18:20], jnp.stack([n, s]))) * dv**2
    base = E + A * jnp.exp(-alpha * n) + B * jnp.exp(-beta * s) + F * jnp.exp(-w_N * n - w_D * s)
    return base + lr_valley + bsz_valley


SL_3 = task_law(
    "lr_bsz/sl_3",
    sl_3,
    params=params(
        E=(0.5, 3),
        A=(0, 5e5),
        alpha=(0.05, 2),
        B=(0, 5e5),
        beta=(0.05, 2),
        F=(0, 2e7),
        w_N=(0.05, 2),
        w_D=(0.05, 2),
        C_0=(0, 3, "curvature in the log learning rate"),
        C_N=(-3, 3),
        C_D=(-3, 3),
        C_B=(-3, 3),
        m_0=(-20, 5, "best log learning rate"),
        m_N=(-10, 3),
        m_D=(-10, 3),
        m_B=(-10, 3),
        m_ND=(-10, 3),
        G_0=(0, 3, "curvature in the log batch size"),
        G_N=(-3, 3),
        G_D=(-3, 3),
        r_0=(0, 15, "best log batch size"),
        r_N=(-3, 3),
        r_D=(-3, 3),
        r_ND=(-3, 3),
    ),
    linear=("E", "A", "B", "F", "C_0", "G_0"),
)


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


def sl_5(theta, x):
    """L = E + A_N N^-a_N + A_D D^-a_D + A_B bsz^-a_B + A_R exp(-a_R (s - n)^2) + A_X exp(-a_X (s - v))
    + c_0 exp(-(w_B v + w_N n + w_D s)) (u - (u_0 + k_B v + k_N n + k_D s))^2
    """
    u, v, s, n = jnp.log(x)
    E, A_N, a_N, A_D, a_D, A_B, a_B, c_0, u_0 = theta[:9]
    A_R, a_R, A_X, a_X = theta[15:]
    base = E + A_N * jnp.exp(-a_N * n) + A_D * jnp.exp(-a_D * s) + A_B * jnp.exp(-a_B * v)
    ratios = A_R * jnp.exp(-a_R * (s - n) ** 2) + A_X * jnp.exp(-a_X * (s - v))
    scale = jnp.stack([v, n, s])
    du = u - u_0 - dot(theta[9:12], scale)
    return base + ratios + c_0 * jnp.exp(-dot(theta[12:15], scale)) * du**2


SL_5 = task_law(
    "lr_bsz/sl_5",
    sl_5,
    params=params(
        E=(0, 3),
        A_N=(0, 2e4),
        a_N=(0.01, 2),
        A_D=(0, 2e4),
        a_D=(0.01, 2),
        A_B=(0, 20),
        a_B=(0.01, 2),
        c_0=(0, 200, "curvature in the log learning rate"),
        u_0=(-12, 3, "best log learning rate"),
        k_B=(-2, 2),
        k_N=(-2, 2),
        k_D=(-2, 2),
        w_B=(-2, 2),
        w_N=(-2, 2),
        w_D=(-2, 2),
        A_R=(0, 5, "amplitude of the bump in ln(D/N)"),
        a_R=(0, 2),
        A_X=(0, 2000, "amplitude of the D/bsz term"),
        a_X=(0, 2),
    ),
    linear=("E", "A_N", "A_D", "A_B", "c_0", "A_R", "A_X"),
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


def sl_8(theta, x):
    """L = E + sp(C_N) exp(-sp(a_N) n) + sp(C_D) exp(-sp(a_D) s) + sp(C_R) exp(-sp(a_R) (s - n))
    + sp(k_1) e_1^2 (1 + tanh(t_1) tanh(e_1)) + sp(k_2) e_2^2 (1 + tanh(t_2) tanh(e_2))
    + sp(k_3) (s - n - delta)^2, e_1 = u - (f_0 + f_B v + f_N n + f_D s),
    e_2 = u - v/2 - (g_0 + g_N n + g_D s)
    """
    u, v, s, n = jnp.log(x)
    E, C_N, a_N, C_D, a_D, C_R, a_R = theta[:7]
    k_1, t_1, k_2, t_2, delta, k_3 = theta[jnp.array((11, 12, 16, 17, 18, 19))]
    one = jnp.ones_like(n)
    e_1 = u - dot(theta[7:11], jnp.stack([one, v, n, s]))
    e_2 = u - 0.5 * v - dot(theta[13:16], jnp.stack([one, n, s]))
    base = E + decay(C_N, a_N, n) + decay(C_D, a_D, s) + decay(C_R, a_R, s - n)
    return base + skewed(k_1, t_1, e_1) + skewed(k_2, t_2, e_2) + sp(k_3) * (s - n - delta) ** 2


SL_8 = task_law(
    "lr_bsz/sl_8",
    sl_8,
    params=params(
        E=(-1, 3),
        C_N=(-3, 12),
        a_N=(-5, 5),
        C_D=(-3, 12),
        a_D=(-5, 5),
        C_R=(-3, 12),
        a_R=(-5, 5),
        f_0=(-20, 3, "best log learning rate"),
        f_B=(-5, 5),
        f_N=(-5, 5),
        f_D=(-5, 5),
        k_1=(-5, 10),
        t_1=(-5, 5, "skew in the learning rate, before tanh"),
        g_0=(-15, 5, "best log noise scale, lr over sqrt(bsz)"),
        g_N=(-5, 5),
        g_D=(-5, 5),
        k_2=(-5, 10),
        t_2=(-5, 5, "skew in the noise scale, before tanh"),
        delta=(-5, 10, "preferred ln(D/N)"),
        k_3=(-5, 10),
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

LAWS = (SL_1, SL_2, SL_3, SL_4, SL_5, SL_6, SL_7, SL_8, SL_9, SL_10)
