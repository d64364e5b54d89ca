# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
# %% [markdown]
# # Write your own law
#
# A law is a function of one parameter vector and one configuration, and a box. No derivative is written and
# nothing is registered.

# %%
import jax.numpy as jnp
import numpy as np

from jaxsl.host import fit, next_runs
from jaxsl.host.laws.check import check
from jaxsl.law import Law, params


def repeated(theta, x):
    """L = E + A N^-alpha + B D'^-beta,  D' = U (1 + R (1 - exp(-(D/U - 1)/R)))"""
    E, A, alpha, B, beta, R = theta
    N, D, U = x
    effective = U * (1 + R * (1 - jnp.exp(-(D / U - 1) / R)))
    return E + A * jnp.exp(-alpha * jnp.log(N)) + B * jnp.exp(-beta * jnp.log(effective))


REPEATED = Law(
    "repeated",
    repeated,
    inputs=("N", "D", "U"),
    params=params(E=(0.1, 5), A=(1, 1e6), alpha=(0.05, 1), B=(1, 1e6), beta=(0.05, 1), R=(0.5, 100)),
    linear=("E", "A", "B"),
)
REPEATED

# %% [markdown]
# Let it be checked on the configurations you will use. Here it finds nothing to change:

# %%
rng = np.random.default_rng(0)
N, D, U = (grid.ravel() for grid in np.meshgrid([1e7, 3e7, 1e8], [1e9, 4e9, 1.6e10], [1e9, 4e9]))
keep = D >= U
x = np.column_stack([N, D, U])[keep]
check(REPEATED, x)

# %% [markdown]
# A careless variant: an idle parameter, and a difference that turns negative inside the box.


# %%
def careless(theta, x):
    E, A, alpha, N_0, _ = theta
    return E + A * jnp.exp(-alpha * jnp.log(x[0] - N_0))


CARELESS = Law(
    "careless",
    careless,
    inputs=("N",),
    params=params(E=(0, 5), A=(0, 1e4), alpha=(0.1, 1), N_0=(1, 1e8), spare=(0, 1)),
    linear=("E",),
)
for finding in check(CARELESS, x[:, :1]):
    print(f"{finding.kind}: {finding.message}\n    {finding.advice}")

# %% [markdown]
# Then it is used as any other, by the object here or by `mylaw.py:REPEATED` in the shell.

# %%
truth = np.array([1.7, 400.0, 0.34, 400.0, 0.28, 15.0])
loss = np.array([float(repeated(truth, row)) for row in x]) + rng.normal(0, 0.01, len(x))
loss[-4:] = np.nan
runs = {"N": x[:, 0], "D": x[:, 1], "U": x[:, 2], "loss": loss}
fit(runs, REPEATED, target="N=1e9,D=1e11,U=2e10")

# %%
next_runs(runs, REPEATED, target="N=1e9,D=1e11,U=2e10", cost="6*N*D")
