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
# # A sweep on a GPU
#
# Many fits at once are one program: `vmap` over data sets, seeds, bootstraps or laws' settings, 64 starts
# each. The same code runs on a CPU, where this notebook uses a small number of data sets.

# %%
import os
import time

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from jaxsl.fit import fit
from jaxsl.host.show.progress import progress
from jaxsl.pool import Observations
from jaxsl.precision import double_precision, to_numpy
from jaxsl.starts import random_starts
from laws.chinchilla import CHINCHILLA

device, num_devices = jax.devices()[0], jax.device_count()
batch = (256 if device.platform == "gpu" else 4) * num_devices
num_batches = 2 if os.environ.get("JAXSL_SMALL") else 4
print(f"{num_devices} x {device.device_kind}: {num_batches} batches of {batch} data sets, 64 starts each")

# %% [markdown]
# The question: how often does a fit to 20 noisy runs recover the exponents of the law it was drawn from?
# Each data set is one draw of noise.

# %%
rng = np.random.default_rng(0)
x = np.column_stack([10 ** rng.uniform(6.5, 9, 20), 10 ** rng.uniform(9, 11, 20)])
truth = np.array(CHINCHILLA.estimates["epoch"])


@jax.jit
def sweep(keys):
    """Best parameters and loss, one draw of the noise a key: ``(data set, param)``, ``(data set,)``."""
    curve = CHINCHILLA.predict(jnp.asarray(truth), jnp.asarray(x))

    def one(key):
        noise, start = jax.random.split(key)
        y = curve + 0.01 * jax.random.normal(noise, curve.shape, curve.dtype)
        observations = Observations(jnp.asarray(x), y, jnp.ones(len(x), bool))
        found = fit(CHINCHILLA, observations, random_starts(start, CHINCHILLA, 64))
        return found.theta[0], found.loss[0]

    return jax.vmap(one)(keys)


# %% [markdown]
# Data sets need nothing of each other. Spread their keys over the devices, and each device fits its part: all
# GPUs of this machine, or the four that a CPU plays with
# `XLA_FLAGS=--xla_force_host_platform_device_count=4` set before Python starts.

# %%
mesh = jax.make_mesh((num_devices,), ("device",), axis_types=(AxisType.Auto,))
spread = NamedSharding(mesh, PartitionSpec("device"))
results, times = [], []
with double_precision():
    for index in progress(range(num_batches), what="batches"):
        start = time.perf_counter()
        keys = jax.device_put(jax.random.split(jax.random.key(index), batch), spread)
        results.append(to_numpy(sweep(keys)))  # to NumPy: waits until it is computed
        times.append(time.perf_counter() - start)
theta = np.concatenate([theta for theta, _ in results])
print(f"first batch, compilation included: {times[0]:.1f} s")
print(f"{batch * 64 / min(times[1:]):,.0f} bounded fits from one start a second")

# %%
from matplotlib import pyplot as plt

from jaxsl.host.plots import TRANSPARENT

plt.rcParams.update(TRANSPARENT)  # figures for light and dark pages
fig, ax = plt.subplots(figsize=(5.6, 3.8), layout="constrained")
ax.plot(theta[:, 2], theta[:, 4], "o", alpha=0.6, markersize=4, label="fits")
ax.plot(*truth[[2, 4]], "D", color="#D55E00", label="truth")
ax.set(xlabel="alpha (exponent in parameters)", ylabel="beta (exponent in tokens)")
ax.legend(frameon=False)

# %% [markdown]
# Two habits that keep a sweep fast: shapes that never change, so that one program serves every batch (pad
# runs with `jaxsl.pool.observe(x, y, size)`), and batches large enough to fill the device. Float64 is set
# by the scope; on most GPUs it is slower than float32 and still the right choice for fits that end at 1e-9
# of the loss.
