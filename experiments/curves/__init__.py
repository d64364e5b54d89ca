"""Runs as curves: what the ends of runs are by their curves so far, and runs chosen as curves."""
