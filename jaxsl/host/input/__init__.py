"""What users give: tables of runs, expressions of their columns, targets; together a ``problem``."""
