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
# Which N and D, anywhere between the bounds and in no list, teach most about the target for what they cost?
# The objective is the logarithm of the acquisition per cost, differentiated by JAX through the law, the
# posterior and the quadrature over outcomes.

# %%
acquisition = MSPE()
low, high = np.log([1e6, 1e8]), np.log([1e9, 1e11])


def worth(log_x, posterior, target):
    """Log of the expected fall of the target's variance over cost^0.4, at ``log (N, D)``."""
    cost = 6 * jnp.exp(jnp.sum(log_x))
    fall = acquisition(posterior, Pool(jnp.exp(log_x)[None], cost[None]), target)[0]
    return jnp.log(fall) - 0.4 * jnp.log(cost)


@jax.jit
def plan(posterior, target, num_steps=100):
    """Gradient ascent from nine starts with shrinking steps; the best end."""

    def climb(start):
        def step(count, log_x):
            slope = jax.grad(worth)(log_x, posterior, target)
            length = 0.5 * 0.96**count
            return jnp.clip(log_x + length * slope / (jnp.linalg.norm(slope) + 1e-12), low, high)

        end = jax.lax.fori_loop(0, num_steps, step, start)
        return end, worth(end, posterior, target)

    share = jnp.stack(jnp.meshgrid(*[jnp.array([0.2, 0.5, 0.8])] * 2), axis=-1).reshape(-1, 2)
    ends, values = jax.vmap(climb)(low + (high - low) * share)
    return ends[jnp.argmax(values)], jnp.max(values)


with double_precision():
    best, value = plan(belief.posterior, target)
    print("train N = {:.3g}, D = {:.3g}".format(*np.exp(best)))

# %% [markdown]
# A check by brute force, because gradients may climb the wrong hill:

# %%
with double_precision():
    axes = [jnp.linspace(*ends, 30) for ends in zip(low, high, strict=True)]
    grid = jnp.stack(jnp.meshgrid(*axes), axis=-1).reshape(-1, 2)
    values = jax.jit(jax.vmap(lambda log_x: worth(log_x, belief.posterior, target)))(grid)
    print("best of 900: N = {:.3g}, D = {:.3g}".format(*np.exp(grid[jnp.argmax(values)])))
    assert float(value) >= float(jnp.max(values)) - 1e-3

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
