"""A progress bar for loops of unknown or known length: in notebooks, on terminals, silent in pipes."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from html import escape
from typing import Any, TypeVar

Item = TypeVar("Item")
PAUSE = 0.1  # seconds between two drawings


def progress(
    items: Iterable[Item],
    total: float | None = None,
    what: str = "",
    done: Callable[[Item], float] | None = None,
) -> Iterator[Item]:
    """Hand out ``items`` and show how far it is.

    Args:
        items: what to loop over.
        total: where the end is; the number of items when they have one, else unknown.
        what: what is being done.
        done: how far an item has come, such as ``lambda step: step.spent``; items are counted when None.

    Example:
        >>> [square for square in progress((n * n for n in range(4)), total=4, what="squares")]
        [0, 1, 4, 9]
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    draw = _notebook() or _terminal()
    last = -PAUSE
    value: float = 0
    draw(what, 0, total)
    for count, item in enumerate(items, 1):
        value = done(item) if done else count
        yield item
        if time.monotonic() - last >= PAUSE:
            last = time.monotonic()
            draw(what, value, total)
    draw(what, value, total, True)


def bar(what: str, value: float, total: float | None) -> str:
    """The bar of a notebook, as HTML.

    Example:
        >>> bar("fits", 3, 10)
        '<div>fits <progress value="3.0" max="10.0"></progress> 3 of 10</div>'
    """
    limit = "" if total is None else f' max="{float(total)}"'
    place = f' value="{float(value)}"' if total is not None else ""
    share = f"{value:.4g}" if total is None else f"{value:.4g} of {total:.4g}"
    return f"<div>{escape(what)} <progress{place}{limit}></progress> {share}</div>"


def _notebook() -> Any:
    """Draw in the notebook that this runs in; ``None`` elsewhere."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)
    return lambda what, value, total, last=False: handle.update(HTML(bar(what, value, total)))


def _terminal() -> Any:
    """Draw on standard error; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return lambda what, value, total, last=False: None

    def draw(what: str, value: float, total: float | None, last: bool = False) -> None:
        share = f"{value:.4g}" if total is None else f"{value / total:.0%}"
        print(f"\r{what} {share}", end="\n" if last else "", file=sys.stderr, flush=True)

    return draw
