"""From a table to an answer, and the reports that hold what was found; one law is several laws of one.

``believed`` is where every answer begins: what the runs say of all laws. ``fit``, ``next_runs``, ``rank`` and
``replay`` are asked, ``trust`` says how far to believe them and ``fit_report`` holds what they found;
``episode`` buys until the budget is spent, ``plot_data`` is what pictures are drawn from.
"""
