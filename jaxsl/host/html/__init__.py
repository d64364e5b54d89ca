"""HTML: the report in one file, its charts, and how notebooks show fits; all fill ``templates``."""
