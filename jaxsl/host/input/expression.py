"""Arithmetic on columns, such as ``6*N*D``: parsed, walked over a whitelist, never evaluated as code.

>>> import numpy as np
>>> cost = parse("6 * N * `tokens seen`^0.5")
>>> cost.names
('N', 'tokens seen')
>>> float(cost.evaluate({"N": np.array(2.0), "tokens seen": np.array(9.0)}))
36.0
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from jaxsl.host.errors import UserError

LONGEST = 500  # characters; far beyond any formula, and short of the depth at which a parser gives up

OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.USub: "negative",
    ast.UAdd: "positive",
}
FUNCTIONS = ("log", "log10", "exp", "sqrt")
REDUCTIONS = {"min": "minimum", "max": "maximum"}
ALLOWED = (
    "only numbers, columns, + - * / ** ^, parentheses and the functions "
    f"{', '.join((*FUNCTIONS, *REDUCTIONS))} may be used; a column whose name is no word goes in `backticks`"
)
TOKEN = (
    r"(?P<space>\s+)|(?P<number>(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?!\w))|(?P<quoted>`[^`]+`)"
    r"|(?P<name>[^\W\d]\w*)|(?P<symbol>[-+*/^(),])"
)
ODD = re.compile(r"(?=.*[^\W\d_eE])\w[^`]*\w")


@dataclass(frozen=True)
class Grammar:
    """What may stand in a text.

    Attributes:
        kind: what messages call the text.
        token: matches one piece.
        allowed: what may be used, in words.
    """

    kind: str
    token: re.Pattern[str]
    allowed: str


ARITHMETIC = Grammar("expression", re.compile(TOKEN), ALLOWED)


@dataclass(frozen=True)
class Source:
    """A text, and the same as Python's parser gets to see it: digits, operators and underscores alone.

    Attributes:
        text: as it was written.
        plain: the same with every name and quoted text as underscores, and ``^`` as ``**``.
        origin: where each character of ``plain`` came from.
        words: what stands at the underscores that begin at a place.
        grammar: what may stand in it.
    """

    text: str
    plain: str
    origin: Sequence[int]
    words: Mapping[int, str]
    grammar: Grammar

    def refusal(self, start: int, why: str) -> UserError:
        """What is wrong with the piece that begins at this character of ``text``."""
        return _refusal(self.text, start, why, self.grammar)


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: as it was written.
        names: the columns it needs, in order of appearance.
    """

    text: str
    names: tuple[str, ...]
    _tree: ast.expr = field(repr=False, compare=False)
    _words: Mapping[int, str] = field(repr=False, compare=False)

    def evaluate(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """The value for every row, float64; not a number or infinite where the arithmetic has no answer."""
        with np.errstate(all="ignore"):
            return np.asarray(self.traced(columns, np), np.float64)

    def traced(self, columns: Mapping[str, Any], numpy: Any) -> Any:
        """The same by the functions of another ``numpy``, such as ``jax.numpy`` on traced arrays."""
        return self._value(self._tree, columns, numpy)

    def _value(self, node: ast.expr, columns: Mapping[str, Any], numpy: Any) -> Any:
        match node:
            case ast.Constant(value=int() | float() as value):
                return numpy.asarray(float(value))
            case ast.Name():
                return numpy.asarray(columns[self._words[node.col_offset]], float)
            case ast.UnaryOp(op=op, operand=operand):
                return getattr(numpy, OPERATORS[type(op)])(self._value(operand, columns, numpy))
            case ast.BinOp(left=left, op=op, right=right):
                sides = (self._value(side, columns, numpy) for side in (left, right))
                return getattr(numpy, OPERATORS[type(op)])(*sides)
            case ast.Call(func=func, args=args):
                function = self._words[func.col_offset]
                values = [self._value(arg, columns, numpy) for arg in args]
                if function in REDUCTIONS:
                    return reduce(getattr(numpy, REDUCTIONS[function]), values)
                return getattr(numpy, function)(*values)
        raise AssertionError(f"{type(node).__name__} passed the whitelist")


def parse(text: str, columns: Iterable[str] = ()) -> Expression:
    """Read an expression.

    Args:
        text: arithmetic on columns.
        columns: names that are columns as they stand, ``val/loss`` among them; all others go in backticks
            unless they are words.

    Raises:
        UserError: when it holds anything but arithmetic on columns; names the piece and its place.

    Example:
        >>> float(parse("log10(6*N)").evaluate({"N": np.array(1e9 / 6)}))
        9.0
        >>> parse("log(val/loss)", ["val/loss"]).names
        ('val/loss',)
    """
    return arithmetic(*tree_of(text, columns, ARITHMETIC))


def tree_of(text: str, columns: Iterable[str], grammar: Grammar) -> tuple[ast.expr, Source]:
    """The tree of a text, not yet checked, and the text as it was parsed.

    Raises:
        UserError: when it is empty, too long, or does not follow Python's grammar.
    """
    if not text.strip():
        raise UserError(f"the {grammar.kind} is empty; write arithmetic on columns, such as 6*N*D")
    if len(text) > LONGEST:
        raise UserError(f"the {grammar.kind} has {len(text)} characters; at most {LONGEST} are read")
    source = _plain(text, _odd(columns), grammar)
    try:
        return ast.parse(source.plain, mode="eval").body, source
    except SyntaxError as error:
        unfinished = source.plain.rstrip().endswith((*"+-*/(,<>=!", "and", "or", "not"))
        start = len(text) if unfinished else source.origin[min(error.offset or 1, len(source.origin)) - 1]
        raise source.refusal(start, "does not fit there") from None


def arithmetic(node: ast.expr, source: Source) -> Expression:
    """A tree, or a part of one, as an expression.

    Raises:
        UserError: when it holds anything but arithmetic on columns.
    """
    names: list[str] = []
    _check(node, source, names)
    return Expression(source.text, tuple(dict.fromkeys(names)), node, source.words)


def _odd(columns: Iterable[str]) -> re.Pattern[str]:
    """Matches a column whose name is more than a word, such as ``val/loss``, where it stands as a whole.

    Names that begin or end in a sign, or could be numbers, need their backticks.
    """
    odd = [name for name in columns if ODD.fullmatch(name) and re.search(r"\W", name)]
    names = "|".join(re.escape(name) for name in sorted(odd, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)" if names else "(?!)")


def _plain(text: str, odd: re.Pattern[str], grammar: Grammar) -> Source:
    source, origin, words, start = "", list[int](), {}, 0
    while start < len(text):
        token = odd.match(text, start) or grammar.token.match(text, start)
        if token is None:
            raise _refusal(text, start, "is not allowed", grammar)
        piece = token.group()
        match token.lastgroup:
            case "space":
                plain = " "
            case "number" | "symbol" | "word":
                plain = "**" if piece == "^" else piece
            case _:
                words[len(source)] = piece.strip("`")
                plain = "_" * len(piece)
        source, start = source + plain, token.end()
        origin += [token.start()] * len(plain)
    # The parser would take leading blanks for an indented block.
    skipped = len(source) - len(source.lstrip())
    words = {at - skipped: name for at, name in words.items()}
    return Source(text, source[skipped:], origin[skipped:], words, grammar)


def _check(node: ast.expr, source: Source, names: list[str]) -> None:
    """Refuse everything that is not arithmetic; collect the columns' names."""
    children: list[ast.expr] = []
    origin, words = source.origin, source.words
    match node:
        case ast.Constant():
            pass
        case ast.Name():
            names.append(words[node.col_offset])
        case ast.UnaryOp(op=op, operand=operand) if type(op) in OPERATORS:
            children = [operand]
        case ast.BinOp(left=left, op=op, right=right):
            if type(op) not in OPERATORS:
                raise source.refusal(origin[left.end_col_offset or 0], "is not allowed")
            children = [left, right]
        case ast.Call(func=ast.Name() as func, args=args):
            function, start = words[func.col_offset], origin[func.col_offset]
            if function not in FUNCTIONS and function not in REDUCTIONS:
                raise source.refusal(start, "is not a function known here")
            if (len(args) < 2) if function in REDUCTIONS else (len(args) != 1):
                wanted = "at least two values" if function in REDUCTIONS else "one value"
                raise source.refusal(start, f"takes {wanted}, not {len(args)}")
            children = args
        case _:
            raise source.refusal(origin[node.col_offset], "is not allowed")
    for child in children:
        _check(child, source, names)


def _refusal(text: str, start: int, why: str, grammar: Grammar) -> UserError:
    piece = re.compile(r"`[^`]*`|\w+|\S|$").search(text, start)
    found = piece.group() if piece else ""
    what = (
        f"{found!r} at character {piece.start() + 1} {why}"
        if piece and found
        else "something is missing at its end"
    )
    return UserError(f"the {grammar.kind} {text!r}: {what}; {grammar.allowed}")
