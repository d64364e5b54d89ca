"""jaxsl fits scaling laws and says which pilot run to train next.

The stages, in the order data flows through them: ``law`` and ``pool`` (what may be run, what to predict,
what was observed), ``posterior`` (what is believed about any configuration), ``fit`` (every plausible
optimum) and ``basins`` (optima that predict the same), ``belief`` (in laws that may be wrong),
``acquisition`` (what a run would teach), ``choice`` (which to buy), ``design`` (ask and tell, whole
episodes). ``ess`` and ``allocation`` say how far a prediction can be trusted and how to spread a budget.
Everything here is pure JAX; files, plots and the command line live in ``jaxsl.host``.
"""

__version__ = "0.2.0"
