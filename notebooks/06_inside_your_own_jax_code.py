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
# # The scorer inside your own jitted JAX code
#
# The core is pure functions on pytrees. A training planner can therefore fit, score and differentiate in
# one compiled program, with no table and no host in sight. Two uses: the best run that is *not* in any
# list, by gradient ascent on the acquisition; and how a plan depends on the runs it rests on, by
# differentiating through the fit.

# %%
import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.acquisition import MSPE
from jaxsl.design import Design
from jaxsl.pool import Observations, Pool, observe, uniform_target
from jaxsl.precision import double_precision, to_numpy
from jaxsl.sensitivity import differentiable_fit, polish
from laws.chinchilla import CHINCHILLA

rng = np.random.default_rng(0)
size, tokens = (grid.ravel() for grid in np.meshgrid([1e7, 3e7, 1e8], [1e9, 3e9, 1e10]))
x = np.column_stack([size, tokens])
with double_precision():
    truth = jnp.array(CHINCHILLA.estimates["epoch"])
    y = np.asarray(CHINCHILLA.predict(truth, jnp.asarray(x))) + rng.normal(0, 0.01, (9, 1))

# %% [markdown]
# ## One program: fit, believe, score
#
# `Design.believe` is the multi-start fit with its basins; the acquisition takes the posterior and any
# configurations.

# %%
design = Design((CHINCHILLA,))


@jax.jit
def believe(observations, target, key):
    state = design.start(Pool(observations.x, jnp.ones(observations.x.shape[0])), observations)
    return design.believe(state, target, key)


with double_precision():
    observations = observe(jnp.asarray(x), jnp.asarray(y), 16)
    target = uniform_target(jnp.array([[1e10, 2e11]]))
    belief = believe(observations, target, jax.random.key(0))
    print("basins:", int(jnp.sum(belief.posterior.weight > 0)))

# %% [markdown]
# ## A planner that climbs the score
#
# For a given amount of compute `C = 6 N D`, which N teaches most about the target? The planner's variable
# is `log N`; D follows from the compute; the objective is the expected fall of the target's variance,
# differentiated by JAX through the law, the posterior and the quadrature over outcomes.

# %%
acquisition = MSPE()


def fall(log_size, compute, posterior, target):
    run = jnp.array([[jnp.exp(log_size), compute / 6 / jnp.exp(log_size)]])
    return acquisition(posterior, Pool(run, jnp.array([compute])), target)[0]


@jax.jit
def plan(compute, posterior, target, num_steps=60, rate=0.15):
    def climb(_, log_size):
        slope = jax.grad(lambda at: jnp.log(fall(at, compute, posterior, target)))(log_size)
        return jnp.clip(log_size + rate * jnp.clip(slope, -2, 2), jnp.log(1e6), jnp.log(1e9))

    starts = jnp.linspace(jnp.log(3e6), jnp.log(3e8), 5)
    ends = jax.vmap(lambda start: jax.lax.fori_loop(0, num_steps, climb, start))(starts)
    value = jax.vmap(lambda end: fall(end, compute, posterior, target))(ends)
    best = jnp.argmax(value)
    return jnp.exp(ends[best]), value[best]


with double_precision():
    for compute in (1e18, 1e19):
        best_size, value = plan(compute, belief.posterior, target)
        print(f"C = {compute:.0e}: train N = {best_size:.3g}, D = {compute / 6 / best_size:.3g}", end="")
        print(f"; the target's variance falls by {value:.3g}")

# %% [markdown]
# A check by brute force, because gradients may climb the wrong hill:

# %%
with double_precision():
    grid = jnp.linspace(jnp.log(1e6), jnp.log(1e9), 200)
    scores = jax.jit(jax.vmap(lambda at: fall(at, 1e19, belief.posterior, target)))(grid)
    best = float(jnp.exp(grid[jnp.argmax(scores)]))
    print(f"best of 200 sizes: N = {best:.3g}")
    assert abs(np.log(best / float(plan(1e19, belief.posterior, target)[0]))) < 0.1

# %% [markdown]
# ## Differentiating through the fit
#
# The compute-optimal size of Chinchilla is `N = G (C/6)^(beta/(alpha+beta))` with `G = (alpha A / (beta
# B))^(1/(alpha+beta))`. How much does it move when a run's loss does? `differentiable_fit` is the optimum
# as a function of the runs; no solver step is differentiated.


# %%
def optimal_size(theta, compute):
    _, A, alpha, B, beta = theta
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return G * (compute / 6) ** (beta / (alpha + beta))


@jax.jit
def sensitivity(y, theta, compute):
    def advice(y):
        runs = Observations(observations.x, y, observations.mask)
        return jnp.log(optimal_size(differentiable_fit(CHINCHILLA, runs, theta), compute))

    return jax.grad(advice)(y)[:, 0]


with double_precision():
    theta = jax.jit(lambda theta: polish(CHINCHILLA, observations, theta))(belief.fits[0].theta[0])
    slope = to_numpy(sensitivity(observations.y, theta, 1e21))[:9]
    print(f"compute-optimal size at C = 1e21: N = {optimal_size(theta, 1e21):.3g}")
    for run in np.argsort(-np.abs(slope))[:3]:
        moved = np.expm1(0.01 * slope[run])
        print(f"N = {x[run, 0]:.0e}, D = {x[run, 1]:.0e}: a loss 0.01 higher moves it by {moved:+.0%}")
