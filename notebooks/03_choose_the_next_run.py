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
# # Choose the next run
#
# The story of the paper's Figure 1: bought one by one, a few well-chosen runs show what the whole pool
# would have shown. Here the pool is 61 real training runs whose outcomes stay hidden until they are bought,
# and the twelve dearest runs are the target.

# %%
import os
from importlib.resources import files

import matplotlib
import numpy as np
import pyarrow.csv

from jaxsl.host import plots
from jaxsl.host.answer.episode import Episode
from jaxsl.host.answer.report import r2
from jaxsl.host.show.progress import progress
from laws.chinchilla import CHINCHILLA

matplotlib.rcParams.update(plots.TRANSPARENT)  # figures for light and dark pages

SMALL = bool(os.environ.get("JAXSL_SMALL"))  # a small size, for the tests
table = pyarrow.csv.read_csv(str(files("jaxsl") / "data" / "pilot_runs.csv"))
runs = {name: table[name].to_numpy().astype(float) for name in ("N", "D", "flops", "steps", "loss")}
runs = {name: values[runs["steps"] >= 1000] for name, values in runs.items()}
dear = runs["flops"] >= np.sort(runs["flops"])[-12]
x, cost, loss = np.column_stack([runs["N"], runs["D"]]), runs["flops"], runs["loss"][:, None]
pool, price, hidden, target, truth = x[~dear], cost[~dear], loss[~dear], x[dear], loss[dear]
total, budget = price.sum(), (0.03 if SMALL else 0.10) * price.sum()

# %% [markdown]
# An episode asks `outcome(index)` for a run when it buys it and not before: here a look-up, for you a
# training job.

# %%
episode = Episode([CHINCHILLA], pool, price, target)
bought = progress(
    episode.steps(lambda index: hidden[index], budget),
    total=budget,
    what="spent",
    done=lambda step: step.spent,
)
steps = list(bought)
[(step.num_runs, round(step.spent / total, 4), round(r2(truth, step.median), 3)) for step in steps]

# %%
plots.interval_by_spend(steps, truth, total=total, unit="nats per byte")
# %% [markdown]
# Against random purchases for the same money, after the same cheap first runs:

# %%
rng = np.random.default_rng(0)


def at_random():
    rows = [int(row) for row in episode.warm()]
    while True:
        left = budget - price[rows].sum()
        open_rows = np.setdiff1d(np.flatnonzero(price <= left), rows)
        if not open_rows.size:
            return rows
        rows.append(int(rng.choice(open_rows)))


draws = [at_random() for _ in range(2 if SMALL else 10)]
random = [
    r2(truth, episode.believe({row: hidden[row] for row in rows}).intervals(target).outcome[1])
    for rows in progress(draws, what="random")
]
everything = r2(truth, episode.believe(dict(enumerate(hidden))).intervals(target).outcome[1])
ax = plots.r2_by_spend(steps, truth, total=total)
ax.plot(
    np.full(len(random), 100 * budget / total), random, "x", color="#D55E00", label="random runs, same money"
)
ax.axhline(everything, linestyle=":", color="#009E73", label="the whole pool")
ax.legend(frameon=False)
# %% [markdown]
# **Why that run?** The score is the expected fall of the target's mean squared error; runs that cost more than
# all before them together wait. On the map the strongest colour is the best score and the area is the cost.

# %%
from jaxsl.host.answer.plot_data import view

done = np.isin(np.arange(len(pool)), episode.warm())
frame = {"N": pool[:, 0], "D": pool[:, 1], "flops": price, "loss": np.where(done, hidden[:, 0], np.nan)}
points = [{"N": N, "D": D} for N, D in target]
seen = view(frame, CHINCHILLA, target=points, cost="flops", units={"cost": "FLOP", "loss": "nats per byte"})
plots.score_map(seen)
# %%
plots.score_map(seen, "cost", "score")
# %%
seen.choice
