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
# # Decide
#
# A law is fitted to decide something: which sizes for a budget, how much compute a loss takes. Here twenty-five
# runs are made up from published parameters (`chinchilla@epoch`), so that the truth is known.

# %%
import matplotlib
import numpy as np

from jaxsl.host import isoflop, next_for, optimal, plots, reach
from laws.chinchilla import CHINCHILLA

matplotlib.rcParams.update(plots.TRANSPARENT)  # figures for light and dark pages

COST = "6*N*D"
E, A, alpha, B, beta = CHINCHILLA.estimates["epoch"]
budgets = np.geomspace(1e18, 1e20, 5)
best = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * (budgets / 6) ** (beta / (alpha + beta))
N = (best[:, None] * np.geomspace(1 / 6, 6, 5)).ravel()
D = np.repeat(budgets, 5) / 6 / N
loss = E + A * N**-alpha + B * D**-beta + 0.005 * np.random.default_rng(0).standard_normal(25)
runs = {"N": N, "D": D, "loss": loss}

# %% [markdown]
# ## The best sizes for a budget
#
# One call fits the law near the decision and minimises its loss at a fixed cost. Of several budgets it tells the
# exponents, and the frontier can be drawn with its interval.

# %%
found = optimal(runs, "chinchilla", cost=COST, budget=[1e21, 1e22, 1e23, 1e24])
for decision in found.decisions:
    size = decision["N"]
    print(f"{decision.budget:.0e}: N = {size.median:.3g} [{size.low:.3g}, {size.high:.3g}]")
plots.frontier(found)
# %%
plots.frontier(found, "loss")

# %% [markdown]
# By the parameters that made the runs:

# %%
truth = optimal(None, "chinchilla@epoch", cost=COST, budget=[1e21, 1e24])
for decision in truth.decisions:
    print(f"{decision.budget:.0e}: N = {decision['N'].median:.3g}")

# %% [markdown]
# ## IsoFLOP
#
# A parabola through the runs of each budget. Its minimum (red) stands beside the law's (dotted); the bias that
# a parabola has on this grid is in the answer.

# %%
curves = isoflop(runs, "chinchilla", cost=COST)
print("bias in per cent:", [round(100 * (group.bias - 1), 1) for group in curves.groups])
plots.isoflop_curves(curves, unit="nats")

# %% [markdown]
# ## The compute of a loss

# %%
(cost, *sizes) = reach(runs, "chinchilla", cost=COST, loss=2.2).estimates[0]
print(f"loss 2.2 takes {cost.median:.3g} FLOP [{cost.low:.3g}, {cost.high:.3g}]")

# %% [markdown]
# ## Runs for the decision
#
# With an aim in place of a target candidates are ranked by how much of the expected regret they take away.

# %%
more = {"N": [3e8, 1e9, 3e9], "D": [2e10, 2e10, 2e10], "loss": [np.nan] * 3}
table = {name: np.concatenate([runs[name], more[name]]) for name in runs}
ranked = next_for(table, "chinchilla", aim="optimal:C=1e23", cost=COST, count=3)
print(f"deciding now gives up an expected {ranked.regret:.2g} of loss")
for run in ranked.runs:
    print(f"N = {run.x['N']:.0e}, D = {run.x['D']:.0e} takes away {run.fall / ranked.regret:.0%}")

# %% [markdown]
# The same from the shell:
#
#     jaxsl optimal runs.csv --law chinchilla --cost "6*N*D" --budget 1e21,1e22,1e23,1e24
#     jaxsl isoflop runs.csv --law chinchilla --cost "6*N*D"
#     jaxsl next runs.csv --law chinchilla --cost "6*N*D" --aim optimal:C=1e23
