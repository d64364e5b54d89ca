"""jaxsl fits scaling laws and says which pilot run to train next.

The stages, in the order data flows through them: ``law`` and ``pool`` (what may be run, what to predict,
what was observed), ``fit`` (every plausible optimum), ``basins`` (optima that predict the same),
``posterior`` (what is believed about any configuration), ``acquisition`` (what a run would teach),
``choice`` (which to buy), ``design`` (ask and tell, whole episodes). ``ess`` and ``allocation`` say how far
a prediction can be trusted and how to spread a budget. Everything here is pure JAX; files, plots and the
command line live in ``jaxsl.host``.
"""

__version__ = "0.1.0"
