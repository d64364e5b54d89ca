"""A printed table that fits any width: headers and texts fold, and what still does not fit goes on below.

No number is ever cut. Every further block of columns begins with the first ones again.

>>> from rich.console import Console
>>> table = Grid(["line", "N", "score", "variance falls by"], [["7", "1e+06", "0.123", "12 %"]])
>>> Console(width=20).print(table)
line      N  score
7     1e+06  0.123
<BLANKLINE>
      variance falls
line              by
7               12 %
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table

GAP = 2  # blanks between columns
LEAST = 16  # characters to which a column of text may be folded


@dataclass(frozen=True)
class Grid:
    """A table for ``rich.console.Console.print``.

    Attributes:
        columns: their names.
        rows: the cells of each.
        left: columns of text, which stand flush left and may fold; the others never do.
        heads: how many of the first columns say what a row is of, and begin every block.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[int] = (0,)
    heads: int = 1

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        left, room = set(self.left), options.max_width
        wide = [_longest(column) for column in self._cells()]
        if sum(wide) + GAP * (len(wide) - 1) <= room:
            yield self._block(range(len(wide)), wide, left)
            return
        least = [self._least(index, index in left) for index in range(len(wide))]
        heads = self.heads if sum(least[: self.heads]) + GAP * self.heads <= room / 2 else 1
        taken = min(sum(least[:heads]) + GAP * (heads - 1), room)
        rest = (min(width, max(room - taken - GAP, 1)) for width in least[heads:])
        least = [min(least[0], room), *least[1:heads], *rest]
        for number, block in enumerate(_blocks(least, room, heads)):
            if number:
                yield ""
            yield self._block(block, _widened(block, least, wide, room), left)

    def _cells(self) -> list[tuple[str, ...]]:
        return list(zip(self.columns, *self.rows, strict=True))

    def _least(self, index: int, is_text: bool) -> int:
        """To which width a column may be folded: no word and no number is broken where it need not be."""
        cells = [row[index] for row in self.rows]
        header = _longest(self.columns[index].split())
        if not is_text:
            return max(header, _longest(cells))
        words = _longest(word for cell in cells for word in cell.split())
        return max(header, words, min(_longest(cells), LEAST))

    def _block(self, block: Sequence[int], width: Sequence[int], left: set[int]) -> Table:
        """Some of the columns, each of its width."""
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
        for index in block:
            name = "\n".join(wrap(self.columns[index], width[index])) if width[index] else ""
            flush: Literal["left", "right"] = "left" if index in left else "right"
            table.add_column(name, justify=flush, width=width[index], overflow="fold", vertical="bottom")
        for row in self.rows:
            table.add_row(*(row[index] for index in block))
        return table


def _longest(cells: Iterable[str]) -> int:
    return max(map(cell_len, cells), default=0)


def _blocks(least: Sequence[int], room: int, heads: int) -> Iterator[list[int]]:
    """Columns side by side that fit, the first ones in each."""
    first, taken = list(range(heads)), sum(least[:heads]) + GAP * (heads - 1)
    block, used = [*first], taken
    for index in range(heads, len(least)):
        if len(block) > heads and used + GAP + least[index] > room:
            yield block
            block, used = [*first], taken
        block.append(index)
        used += GAP + least[index]
    yield block


def _widened(block: Sequence[int], least: Sequence[int], wide: Sequence[int], room: int) -> list[int]:
    """Widths with the room that is left given to the columns that want it, from the left."""
    width = list(least)
    spare = room - sum(least[index] for index in block) - GAP * (len(block) - 1)
    for index in block:
        more = max(min(wide[index] - least[index], spare), 0)
        width[index] += more
        spare -= more
    return width
