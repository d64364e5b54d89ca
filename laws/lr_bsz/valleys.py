"""Formulas that add power laws of the sizes to valleys around the best learning rate and batch size."""

import jax.numpy as jnp

from jaxsl.law import params
from laws.lr_bsz.terms import decay, dot, skewed, sp, task_law


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
