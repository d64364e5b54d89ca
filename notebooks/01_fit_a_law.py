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
# # Fit a law
#
# 84 real training runs of small byte-level transformers come with jaxsl. Here the Chinchilla law is fitted
# to the cheap ones and asked about the dearest twelve, whose losses the fit does not see.

# %%
from importlib.resources import files

import matplotlib
import numpy as np
import pyarrow.csv

from jaxsl.host import fit, plots
from jaxsl.host.answer.parameter_profile import parameter_profile
from jaxsl.host.answer.plot_data import view

matplotlib.rcParams.update(plots.TRANSPARENT)  # figures for light and dark pages

table = pyarrow.csv.read_csv(str(files("jaxsl") / "data" / "pilot_runs.csv"))
runs = {name: table[name].to_numpy().astype(float) for name in ("N", "D", "flops", "steps", "loss")}
long = runs["steps"] >= 1000  # shorter runs are mostly warm-up and obey no power law yet
runs = {name: values[long] for name, values in runs.items()}
runs["is_target"] = runs["flops"] >= np.sort(runs["flops"])[-12]
sum(runs["is_target"]), len(runs["N"])

# %% [markdown]
# One call fits from 32 starting points inside the law's box, finds what the law may be wrong by and which runs
# may be bad, and predicts. `within` is the standard deviation inside the components of that belief, `between`
# that of their disagreement. The lines below say whether the law holds and how far away the target is.

# %%
found = fit(runs, "chinchilla", target="is_target")
found

# %% [markdown]
# **What to look at.** Runs are moved along the fit to the slice that the title names, so their scatter
# about the line is misfit. The red diamonds are the targets: the fit has not seen them.

# %%
seen = view(
    runs, "chinchilla", target="is_target", cost="flops", units={"loss": "nats per byte", "cost": "FLOP"}
)
plots.data_and_fit(seen, "N")
# %%
plots.data_and_fit(seen, "D")
# %% [markdown]
# **Whether to trust it.** A trend in the residuals is a law that does not hold. In the calibration plot runs
# near the diagonal are intervals that claim what they hold.

# %%
plots.residuals(seen, "N")
# %%
plots.calibration(seen)
# %% [markdown]
# **How well a parameter is known.** The profile holds one parameter and refits all others. A valley with
# two walls is knowledge; a floor that never reaches the dashed line is none.

# %%
plots.profile(parameter_profile(seen, "alpha"))

# %% [markdown]
# The same from the shell, and as a page to send to somebody:
#
#     jaxsl fit runs.csv --law chinchilla --target is_target
#     jaxsl report runs.csv --law chinchilla --target is_target --cost flops -o report.html
