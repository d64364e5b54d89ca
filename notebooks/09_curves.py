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
# # Runs are curves
#
# One training run tells its loss at many token counts. Where the learning rate is constant, each checkpoint,
# after a short decay from it, is an outcome of the law; the runs of the pilot lab
# (`jaxsl/data/pilot_curves.csv`) are such.

# %%
from importlib.resources import files

import numpy as np
import pyarrow.csv

from jaxsl.host import checkpoints, finish, fit, next_runs
from jaxsl.host.errors import UserError
from jaxsl.host.input.rates import areas

table = pyarrow.csv.read_csv(str(files("jaxsl") / "data" / "pilot_curves.csv"))
runs = {name: table[name].to_numpy() for name in ("run", "N", "D", "loss", "loss_constant", "flops")}
print(
    len(runs["N"]),
    "rows of",
    len(set(runs["run"])),
    "runs; a decay takes off",
    np.round(np.mean(runs["loss_constant"] - runs["loss"]), 3),
    "nats",
)

# %% [markdown]
# ## Rows of one run are not so many runs
#
# They share a seed and an order of the data, and so a part of their errors. `group` names the column of the
# run, and `schedule` says that every row is an outcome: without it several rows of a run are refused.

# %%
try:
    fit(runs, "chinchilla", group="run")
except UserError as error:
    print(error)

# %%
target = "N=1e6,D=2e7"
together = fit(runs, "chinchilla", target=target, group="run", schedule="wsd")
alone = fit({name: values for name, values in runs.items() if name != "run"}, "chinchilla", target=target)
for name, found in (("as curves", together), ("as so many runs", alone)):
    low, high = found.prediction.low[0, 0], found.prediction.high[0, 0]
    print(f"{name:16} {found.prediction.median[0, 0]:.3f} [{low:.3f}, {high:.3f}]")
print(together.along)

# %% [markdown]
# ## Which run next, and how far
#
# A candidate row of a run stands for taking the run there: it tells of all rows on the way, and costs what is
# left of it. Here the last two checkpoints of every run are not known yet.

# %%
later = np.array(
    [
        np.sum((runs["run"] == run) & (runs["D"] > D)) < 2
        for run, D in zip(runs["run"], runs["D"], strict=True)
    ]
)
asked = {name: runs[name] for name in ("run", "N", "D")} | {"loss": np.where(later, np.nan, runs["loss"])}
ranked = next_runs(
    asked, "chinchilla", target=target, cost="6*N*D", group="run", schedule="wsd", curves=True, count=3
)
for one in ranked.runs:
    what = f"{'go on with' if one.goes_on else 'begin'} {runs['run'][one.row_number]} to D = {one.x['D']:.3g}"
    print(f"{what} for {one.cost:.2g}: tells of {one.tells} rows")

# %% [markdown]
# ## From which checkpoints to decay
#
# The run passes all of them; a decay from one costs an eighth of the run to there. Each is listed with what it
# and those before it teach together.

# %%
best = checkpoints(
    asked, "chinchilla", target=target, row_cost="6*N*D/9", run="N98624-seed0", group="run", schedule="wsd"
)
for one in best.runs[0].checkpoints:
    print(f"decay to D = {one.x['D']:.3g} for {one.price:.2g}: {one.falls:.0%} of the variance so far")

# %% [markdown]
# ## A rate that decays all along
#
# On the way of a cosine the loss is no outcome: the rate is still high. With `schedule="cosine"` the last
# outcome of each run counts. Where the schedule is known, a law of the learning curve says how a run will
# end, with an interval and a weight for further fits. This run is made up from the law itself, and seen to
# two thirds.

# %%
step = np.arange(100, 10_001, 100)
rate = 1e-2 * (1 + np.cos(np.pi * step / 10_000)) / 2
forward, annealed = areas(step, rate)
loss = (
    2.0 + 3.0 * forward**-0.5 - 0.02 * annealed + 0.003 * np.random.default_rng(0).standard_normal(len(step))
)
seen = np.where(step <= 6700, loss, np.nan)
(end,) = finish({"step": step, "lr": rate, "loss": seen}).runs
print(f"seen to step {end.seen:.0f}, the rate fallen by {end.fallen:.0%}")
print(f"predicted {end.median:.3f} [{end.low:.3f}, {end.high:.3f}], weight in a fit to ends {end.weight:.2f}")
print(f"it ended at {loss[-1]:.3f}")
