"""The parameters of a fit as a report says them: those left free, and those that follow from them."""

import numpy as np

from jaxsl.constrain import Constrained
from jaxsl.host.answer.fit_report import Parameter
from jaxsl.host.answer.local_gaussian import ends, in_logs, quantile
from jaxsl.host.programs.learning import Lesson
from jaxsl.law import Law, Param
from jaxsl.precision import double_precision, to_numpy
from jaxsl.transform import box


def parameters(law: Law, lesson: Lesson, level: float) -> list[tuple[Parameter, ...]]:
    """All parameters of a law, in each basin, at ``level`` per cent, in the order of the law as it was.

    A parameter that was fixed or tied has ``given``, the relation. Its interval is that of what it follows
    from; where that is more than one parameter, of their local Gaussian.
    """
    basins, (low, high), told = lesson.learned.basins, ends(law, lesson, level), _told(law, lesson)
    found = [
        tuple(
            Parameter(
                name=param.name,
                value=float(basins.theta[basin, i]),
                low=float(low[basin, i]),
                high=float(high[basin, i]),
                lower=param.lower,
                upper=param.upper,
                told=float(told[basin, i]),
                bound="lower" if lesson.lower[basin, i] else "upper" if lesson.upper[basin, i] else "",
            )
            for i, param in enumerate(law.params)
        )
        for basin in range(int(np.sum(basins.weight > 0)))
    ]
    if not isinstance(law, Constrained) or law.original is None:
        return found
    half = quantile(lesson, level)
    return [_with_given(law, free, np.asarray(basins.root[k]), half) for k, free in enumerate(found)]


def _told(law: Law, lesson: Lesson) -> np.ndarray:
    """Share of the prior deviation of every parameter that the runs took away, ``(basin, param)``."""
    _, deviation = in_logs(law, lesson.learned.basins)
    with double_precision():
        return 1 - deviation / to_numpy(box(law)).width


def _with_given(
    law: Constrained, free: tuple[Parameter, ...], root: np.ndarray, half: float
) -> tuple[Parameter, ...]:
    """The ``free`` parameters of one basin and those that follow from them; ``half`` in deviations."""
    assert law.original is not None
    named = {one.name: one for one in free}

    def given(param: Param, row: np.ndarray, constant: float, relation: str) -> Parameter:
        """A parameter ``row @ free + constant``."""
        value, parts = float(row @ [one.value for one in free] + constant), np.flatnonzero(row)
        if len(parts) > 1:
            width = half * float(np.linalg.norm(row @ root))
            low, high = value - width, value + width
        else:
            each = ([one.low for one in free], [one.high for one in free])
            low, high = sorted(float(row @ end + constant) for end in each)
        told = min((free[i].told for i in parts), default=1.0)
        return Parameter(param.name, value, low, high, param.lower, param.upper, told, "", relation)

    rows = zip(law.original.params, law.original.matrix, law.original.constant, strict=True)
    return tuple(
        given(param, row, constant, relation) if relation else named[param.name]
        for (param, row, constant), relation in zip(rows, law.original.relation, strict=True)
    )
