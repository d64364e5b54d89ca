"""Solvers of the multi-start fit. A solver holds settings only: ``solver(problem, starts) -> Solution``."""
