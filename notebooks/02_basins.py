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
# # Basins, and why one fit is not enough
#
# Few runs are explained about equally well by parameters that disagree where it matters. An optimiser that
# starts once returns one of them and says nothing about the others.

# %%
import jax
import jax.numpy as jnp
import matplotlib
import numpy as np

from jaxsl.fit import fit
from jaxsl.host import plots
from jaxsl.host.answer.plot_data import view
from jaxsl.law import Law, params
from jaxsl.pool import observe
from jaxsl.precision import double_precision
from jaxsl.starts import random_starts

matplotlib.rcParams.update(plots.TRANSPARENT)  # figures for light and dark pages

# %% [markdown]
# A law with two regimes: a power law whose exponent changes at a break. Eight noisy runs say that there may
# be a break; they do not say where.


# %%
def broken(theta, x):
    """L = E + A N^-a (1 + (N/N_0)^4)^(-b/4)"""
    E, A, a, b, N_0 = theta
    log_N = jnp.log(x[0])
    return E + A * jnp.exp(-a * log_N - b / 4 * jnp.logaddexp(0.0, 4 * (log_N - jnp.log(N_0))))


BROKEN = Law(
    "broken",
    broken,
    inputs=("N",),
    params=params(E=(0.05, 3), A=(1, 1e4), a=(0.01, 0.8), b=(-0.5, 1), N_0=(1e5, 1e9)),
    linear=("E", "A"),
)
rng = np.random.default_rng(11)
size = np.geomspace(1e5, 3e7, 8)
truth = np.array([1.0, 60.0, 0.28, -0.1, 3e6])
with double_precision():
    curve = np.asarray(BROKEN.predict(jnp.asarray(truth), jnp.asarray(np.append(size, 1e9)[:, None])))[:, 0]
    loss = curve[:-1]
loss = loss + rng.normal(0, 0.04, 8)

# %% [markdown]
# Sixty-four starts in one compiled program. Many end about as low as the best:

# %%
with double_precision():
    observations = observe(jnp.asarray(size[:, None]), jnp.asarray(loss[:, None]))
    starts = random_starts(jax.random.key(0), BROKEN, 64)
    found = jax.jit(lambda observations, starts: fit(BROKEN, observations, starts))(observations, starts)
    good = found.loss <= 1.5 * found.loss[0]
    at_target = jax.vmap(lambda theta: BROKEN.predict(theta, jnp.array([[1e9]])))(found.theta)[:, 0, 0]
    print(f"{int(good.sum())} starts within 1.5 times the best loss")
    print(f"their predictions at N = 1e9 go from {at_target[good].min():.3f} to {at_target[good].max():.3f}")
    print(f"the truth there is {curve[-1]:.3f}")

# %% [markdown]
# Of the plausible optima jaxsl keeps one for each different prediction at the target, a *basin*. In each the
# law may be right, or wrong by a smooth or a drifting discrepancy of some size, and runs may be bad: each of
# these is a local Gaussian, weighed by how well it explains the runs. Their mixture is what is believed.

# %%
runs = {"N": np.append(size, [1e8, 3e8]), "loss": np.append(loss, [np.nan, np.nan])}
runs["cost"] = runs["N"]
seen = view(runs, BROKEN, target="N=1e9", units={"loss": "nats", "cost": "parameters"})
seen.fit

# %%
plots.basins(seen)
# %% [markdown]
# Marks are optima, bars are basins. Where marks of one height lie far apart, the runs do not decide, and a
# prediction from a single fit would be one of them, taken for all. The interval of the mixture holds them
# all:

# %%
plots.data_and_fit(seen)
# %% [markdown]
# What would decide between them? A run where the basins disagree, if it can be paid for: that is the second
# term of the score, `between`.

# %%
seen.choice
