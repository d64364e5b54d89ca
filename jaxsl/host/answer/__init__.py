"""From a table to an answer: fits, next runs, replays, and the reports that hold what was found.

``one_law`` and ``several_laws`` are asked, ``describe`` and ``describe_several`` turn arrays into the
dataclasses of ``report`` and ``report_several``; ``episode`` buys until the budget is spent, ``replay`` does
so on finished runs, ``plot_data`` is what pictures are drawn from.
"""
