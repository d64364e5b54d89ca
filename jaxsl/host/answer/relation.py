"""A linear relation between parameters, read from text such as ``alpha = 2*beta``: never evaluated as code.

>>> read_relation("alpha = 2*beta + 0.1")
Relation(coefficients=(('alpha', 1.0), ('beta', -2.0)), value=0.1, text='alpha = 2*beta + 0.1')
"""

import numpy as np

from jaxsl.constrain import Relation
from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import Expression, parse

TRIED = (0.7, -1.3, 2.9)  # values at which a relation is tried for being linear


def read_relation(text: str) -> Relation:
    """Read ``LEFT = RIGHT``, both arithmetic on parameters.

    Raises:
        UserError: when it is no equation, or not linear.
    """
    left, equals, right = text.partition("=")
    if not (left.strip() and equals and right.strip()) or "=" in right:
        raise UserError(f"--tie {text}: write an equation, such as alpha=beta or 'alpha = 2*beta'")
    sides = parse(left), parse(right)
    names = tuple(dict.fromkeys(name for side in sides for name in side.names))
    if not names:
        raise UserError(f"--tie {text}: names no parameter; write an equation such as alpha=beta")
    constant = _difference(sides, names, np.zeros(len(names)))
    slopes = np.array([_difference(sides, names, unit) - constant for unit in np.eye(len(names))])
    for value in TRIED:
        at = value ** np.arange(1, len(names) + 1)
        found = _difference(sides, names, at)
        if not np.isclose(found, constant + slopes @ at, rtol=1e-9, atol=1e-9):
            raise UserError(
                f"--tie {text}: is not linear in {', '.join(names)}; a relation adds parameters times numbers"
            )
    pairs = tuple((name, float(slope)) for name, slope in zip(names, slopes, strict=True))
    return Relation(pairs, float(-constant) + 0.0, text)


def _difference(sides: tuple[Expression, Expression], names: tuple[str, ...], at: np.ndarray) -> float:
    columns = {name: np.asarray(value) for name, value in zip(names, at, strict=True)}
    return float(sides[0].evaluate(columns) - sides[1].evaluate(columns))
