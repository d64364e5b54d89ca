"""Files, tables, clocks, plots and the command line: what the core never touches.

``fit_table`` and ``next_runs`` in ``jaxsl.host.session`` do from Python what ``jaxsl fit`` and
``jaxsl next`` do on a file.
"""
