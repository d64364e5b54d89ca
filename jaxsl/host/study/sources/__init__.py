"""Runs that were done elsewhere: tables and experiment trackers, brought into a study by ``importing``."""
