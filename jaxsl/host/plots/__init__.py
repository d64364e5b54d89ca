"""Pictures of a fit, a choice, a study and a plan, with matplotlib (``pip install 'jaxsl[plots]'``).

Every function draws what it is given on ``ax``, or on a new figure, and returns the axes; nothing is kept
between calls. Colours are those of Okabe and Ito, which people tell apart however they see colours, and no
meaning hangs on colour alone. Text and lines follow matplotlib's settings, so a dark style works; figures for
light and dark pages at once are made under ``matplotlib.rc_context(TRANSPARENT)``.

- of a ``View`` of ``jaxsl.host.answer.plot_data``: ``data_and_fit``, ``basins``, ``residuals``,
  ``calibration``, ``score_map``;
- of ``jaxsl.host.answer.parameter_profile``: ``profile``;
- of the steps of ``jaxsl.host.answer.episode``: ``interval_by_spend``, ``r2_by_spend``;
- of ``jaxsl.host.allocation.plan``: ``ess_by_budget``, ``allocation``;
- of ``jaxsl.host.optimal`` and ``jaxsl.host.isoflop``: ``frontier``, ``flatness``,
  ``isoflop_curves``.
"""

from jaxsl.host.plots.choice import interval_by_spend, r2_by_spend, score_map
from jaxsl.host.plots.decision import flatness, frontier, isoflop_curves
from jaxsl.host.plots.diagnosis import calibration, profile, residuals
from jaxsl.host.plots.fit import basins, data_and_fit
from jaxsl.host.plots.plan import allocation, ess_by_budget
from jaxsl.host.plots.style import TRANSPARENT

__all__ = [
    "TRANSPARENT",
    "allocation",
    "basins",
    "calibration",
    "data_and_fit",
    "ess_by_budget",
    "flatness",
    "frontier",
    "interval_by_spend",
    "isoflop_curves",
    "profile",
    "r2_by_spend",
    "residuals",
    "score_map",
]
