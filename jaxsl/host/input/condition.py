"""Conditions on columns, such as ``tokens/params > 5 and dataset == "web"``: parsed, never evaluated as code.

>>> import numpy as np
>>> some = parse_condition("tokens/params > 5 and loss < 4")
>>> some.names
('tokens', 'params', 'loss')
>>> columns = {"tokens": [30.0, 30.0, 1.0], "params": [1.0, 1.0, 1.0], "loss": [3.0, np.nan, np.nan]}
>>> some.holds(columns, {}, {"loss"}, np.array([False, True, True])).tolist()
[True, True, False]
"""

import ast
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from jaxsl.host.input.expression import ALLOWED, TOKEN, Expression, Grammar, Source, arithmetic, tree_of

COMPARISONS: dict[type[ast.cmpop], np.ufunc] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
CONDITION = Grammar(
    "condition",
    re.compile(rf"(?P<word>(?:and|or|not)\b|[<>=!]=|[<>])|(?P<text>'[^'`]*'|\"[^\"`]*\")|{TOKEN}"),
    "comparisons (< <= > >= == !=) joined by and, or, not; a column of text is compared with 'text'; "
    f"{ALLOWED}",
)


@dataclass(frozen=True)
class Condition:
    """A parsed condition.

    Attributes:
        text: as it was written.
        names: the columns of numbers that it needs, in order of appearance.
        words: the columns of text that it needs.
    """

    text: str
    names: tuple[str, ...]
    words: tuple[str, ...]
    _tree: "Node" = field(repr=False, compare=False)

    def holds(
        self,
        numbers: Mapping[str, np.ndarray],
        words: Mapping[str, list[str]],
        outcomes: Collection[str] = (),
        open_rows: np.ndarray | bool = False,
    ) -> np.ndarray:
        """For which rows it holds, ``(row,)`` of bool.

        A value that is missing fulfils no comparison. But what is not known yet may: a comparison of an
        outcome counts neither for nor against a row that has none, and such a row is kept if it may fulfil
        the rest.

        Args:
            numbers: columns of numbers, ``(row,)`` each. words: columns of text.
            outcomes: which columns are outcomes.
            open_rows: rows without an outcome.
        """
        return self._tree.truth(numbers, words, set(outcomes), np.asarray(open_rows))[1]


Truth = tuple[np.ndarray, np.ndarray]  # surely true; perhaps true


class Node:
    """A part of a condition."""

    def truth(self, numbers, words, outcomes: set[str], open_rows: np.ndarray) -> Truth:
        """Where it is surely and where it is perhaps true."""
        raise NotImplementedError


@dataclass(frozen=True)
class Joined(Node):
    """Parts joined by ``and`` or by ``or``, or one part that must not hold."""

    operator: ast.boolop | ast.Not
    parts: tuple[Node, ...]

    def truth(self, numbers, words, outcomes, open_rows):
        """As Kleene's logic of three values has it."""
        sure, perhaps = zip(
            *(part.truth(numbers, words, outcomes, open_rows) for part in self.parts), strict=True
        )
        if isinstance(self.operator, ast.Not):
            return ~perhaps[0], ~sure[0]
        join = np.logical_and if isinstance(self.operator, ast.And) else np.logical_or
        return reduce(join, sure), reduce(join, perhaps)


@dataclass(frozen=True)
class Compared(Node):
    """Two sides compared."""

    left: Expression
    operator: ast.cmpop
    right: Expression

    def truth(self, numbers, words, outcomes, open_rows):
        """Unknown where an outcome that is compared is not there yet."""
        left, right = self.left.evaluate(numbers), self.right.evaluate(numbers)
        missing = np.isnan(left) | np.isnan(right)
        sure = COMPARISONS[type(self.operator)](left, right) & ~missing
        waits = bool(outcomes & {*self.left.names, *self.right.names})
        return sure, sure | (missing & open_rows & waits)


@dataclass(frozen=True)
class Worded(Node):
    """A column of text that is, or is not, some text."""

    column: str
    text: str
    same: bool

    def truth(self, numbers, words, outcomes, open_rows):
        """As the cells say."""
        found = np.array([(cell == self.text) == self.same for cell in words[self.column]])
        return found, found


def parse_condition(text: str, columns: Iterable[str] = ()) -> Condition:
    """Read a condition; arguments as in ``jaxsl.host.input.expression.parse``.

    Raises:
        UserError: when it holds anything but comparisons of arithmetic on columns; names the piece.

    Example:
        >>> parse_condition("1e8 <= N < 1e9 or not note == 'bad'").words
        ('note',)
    """
    tree, source = tree_of(text, columns, CONDITION)
    names: dict[str, None] = {}
    words: dict[str, None] = {}
    node = _node(tree, source, names, words)
    return Condition(text, tuple(names), tuple(words), node)


def _node(tree: ast.expr, source: Source, names: dict[str, None], words: dict[str, None]) -> Node:
    match tree:
        case ast.BoolOp(op=op, values=values):
            return Joined(op, tuple(_node(value, source, names, words) for value in values))
        case ast.UnaryOp(op=ast.Not() as op, operand=operand):
            return Joined(op, (_node(operand, source, names, words),))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [left, *others]
            pairs = zip(sides, ops, sides[1:], strict=False)
            parts = tuple(_comparison(*pair, source, names, words) for pair in pairs)
            return parts[0] if len(parts) == 1 else Joined(ast.And(), parts)
    raise source.refusal(source.origin[tree.col_offset], "is not compared with anything")


def _comparison(
    left: ast.expr,
    op: ast.cmpop,
    right: ast.expr,
    source: Source,
    names: dict[str, None],
    words: dict[str, None],
) -> Node:
    quoted = [_quoted(left, source), _quoted(right, source)]
    if quoted == [None, None]:
        compared = Compared(arithmetic(left, source), op, arithmetic(right, source))
        names.update(dict.fromkeys([*compared.left.names, *compared.right.names]))
        return compared
    other = right if quoted[1] is None else left
    start = source.origin[other.col_offset]
    if None not in quoted or not isinstance(other, ast.Name):
        raise source.refusal(start, "is no column of text")
    if not isinstance(op, ast.Eq | ast.NotEq):
        raise source.refusal(start, "is compared with text, for which there are == and !=")
    column = source.words[other.col_offset]
    words[column] = None
    return Worded(column, next(text for text in quoted if text is not None), isinstance(op, ast.Eq))


def _quoted(node: ast.expr, source: Source) -> str | None:
    """The text in quotes that a side is, if it is one."""
    if not isinstance(node, ast.Name):
        return None
    start = source.origin[node.col_offset]
    mark = source.text[start]
    return source.text[start + 1 : source.text.index(mark, start + 1)] if mark in "'\"" else None
