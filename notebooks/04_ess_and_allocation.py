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
# # What a prediction is worth, and how to spread a budget
#
# The *equivalent sample size* (ESS) of a prediction is the number of test items on the large model itself
# that would say as much. It turns "how wide is the interval" into "is it worth testing".

# %%
import matplotlib
import numpy as np

from jaxsl.host import plots
from jaxsl.host.allocation.plan import plan
from jaxsl.host.ess.of_line import assess

matplotlib.rcParams.update(plots.TRANSPARENT)  # figures for light and dark pages

rng = np.random.default_rng(0)
x = np.array([0.0, 0.0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4])
runs = {"x": x, "y": 0.52 * x - 0.9 + rng.normal(0, 0.2, 8)}
answer = assess(runs, target="4", link="logistic:2,-6.11")
answer

# %% [markdown]
# Three measures, from the loosest to the tightest: Hoeffding's holds for any bounded score, the exact
# binomial one for a share of right answers, and the Beta one matches the prediction's variance.

# %%
answer.performance

# %% [markdown]
# ## Which sizes to train
#
# For a budget, a cost that grows exponentially in `x`, and a target region, the best design has most of its
# runs at the smallest size and the rest at one larger one (Theorem 6.1). `gap` says how far from the best
# possible it is.

# %%
best = plan(9.47, (4, 7), "0.3*exp(x)", line=(-0.9, 0.52), sigma=0.2, link="logistic:2,-6.11")
best.x, best.count, best.gap

# %%
plots.allocation(best)
# %%
plots.ess_by_budget(best)
# %% [markdown]
# Two sizes cannot show whether the line bends. A third one costs a little and makes it testable:

# %%
safer = plan(9.47, (4, 7), "0.3*exp(x)", line=(-0.9, 0.52), sigma=0.2, num_scales=3, curve=0)
safer.x, safer.count, f"risk {safer.risk / best.risk - 1:+.1%}"
