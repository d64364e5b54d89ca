"""How often a process of jaxsl's own looks for garbage."""

import gc


def collect_seldom() -> None:
    """Let Python look through its objects several hundred times less often.

    Tracing a program makes a million small objects, nearly all of which live, and to look through them again
    and again is a quarter of its time. The command line, the benchmark's workers and the tests call this;
    importing jaxsl never does.
    """
    gc.set_threshold(500_000, 20, 20)
