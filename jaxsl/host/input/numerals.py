"""Numbers as people write them: ``70M``, ``1,400,000,000``, ``1 400 000``, ``45.2 %``, ``1,4e9``.

>>> number("1.3B"), number("1 400 000"), number("45.2 %"), number("3,62", ","), number("seven")
(1300000000.0, 1400000.0, 0.452, 3.62, None)
"""

import re
from collections.abc import Iterable, Sequence

import numpy as np

MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "Null", "null", "None", "none", "-", "–", "—")
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity|nan)", re.IGNORECASE)
TENS = {"k": 3, "m": 6, "mn": 6, "b": 9, "bn": 9, "g": 9, "t": 12, "tn": 12, "p": 15}  # powers of ten
TENS |= {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "%": -2}
ENDED = re.compile(rf"([^eE]*\d[.,]?)[ \u00a0\u202f]?({'|'.join(sorted(TENS, key=len, reverse=True))})", re.I)
BLANKS = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'’](?=\d{3}(?!\d))")
GROUPS = {
    ",": re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"),
    ".": re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"),
}
COMMA = re.compile(r"(?<![\w.,])[+-]?(\d+),(\d+)(?:[eE][+-]?\d+)?(?![\w.,])")


def number(cell: str, decimal: str = ".") -> float | None:
    """A cell as a number; ``None`` when it is none.

    Args:
        cell: what is written: a number, with thousands set apart by blanks, apostrophes or the other mark,
            and perhaps followed by k, M, B (G), T, P, a word for one of them, or a per cent sign.
        decimal: ``"."`` or ``","``.

    Example:
        >>> number("1.400.000,5", ","), number("70 million"), number("1e"), number("12 34")
        (1400000.5, 70000000.0, None, None)
    """
    text, thousands = cell.strip(), "." if decimal == "," else ","
    ended = ENDED.fullmatch(text)
    digits, power = (ended[1], f"e{TENS[ended[2].lower()]}") if ended else (text, "")
    digits = BLANKS.sub("", digits)
    if GROUPS[thousands].fullmatch(digits):
        digits = digits.replace(thousands, "")
    if decimal == ",":
        digits = digits.replace(",", ".") if "." not in digits else "" if "," in digits else digits
    if not PLAIN.fullmatch(digits):
        return None
    return float(digits + power)  # the nearest double, which a product need not be


def numbers(cells: Sequence[str], decimal: str = ".") -> tuple[np.ndarray, int | None]:
    """A column of cells, not a number where one is missing, and the first row that holds no number.

    In a table of decimal commas a column that is none with them may be one with decimal points.

    Example:
        >>> numbers(["70M", "-", "1.3B"])[0].tolist(), numbers(["1", "x"])[1]
        ([70000000.0, nan, 1300000000.0], 1)
        >>> numbers(["3.62", "3.5"], ",")[0].tolist()
        [3.62, 3.5]
    """
    found = [np.nan if cell in MISSING else number(cell, decimal) for cell in cells]
    if None not in found:
        return np.array(found, np.float64), None
    if decimal == ",":
        values, bad = numbers(cells)
        if bad is None:
            return values, None
    return np.full(len(cells), np.nan), found.index(None)


def decimal_mark(text: str) -> str:
    """The decimal mark of a text whose columns are not set apart by commas.

    ``3,62`` shows a comma, ``1,400,000`` and ``3.62`` a point; ``3,620`` alone is taken for a comma.

    Example:
        >>> decimal_mark("7e7;1,4e9"), decimal_mark("70,000,000;3.62"), decimal_mark("a;3.62")
        (',', '.', '.')
    """
    pairs = [found.groups() for found in COMMA.finditer(text)]
    if any(len(after) != 3 or len(before) > 3 or before.startswith("0") for before, after in pairs):
        return ","
    points = re.search(r"\d,\d{3},\d{3}|\d,\d{3}\.\d", text)
    return "," if pairs and not points else "."


def reading(cells: Iterable[str], values: Iterable[float]) -> str:
    """What the first cell that is no plain number was read as, ``70M read as 7e7``; empty if all are plain.

    Example:
        >>> reading(["3", "1,400"], [3.0, 1400.0])
        '1,400 read as 1400'
    """
    for cell, value in zip(cells, values, strict=True):
        if cell not in MISSING and not PLAIN.fullmatch(cell):
            return f"{cell} read as {brief(value)}"
    return ""


def brief(value: float) -> str:
    """A number with all its digits, in few characters.

    Example:
        >>> brief(7e7), brief(0.452), brief(1.4e-6)
        ('7e7', '0.452', '1.4e-6')
    """
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        return f"{value:.15g}"
    return np.format_float_scientific(value, trim="-", exp_digits=1).replace("e+", "e")
