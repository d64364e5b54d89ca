"""The parameters of a fit as a report says them: those left free, and those that follow from them."""

import numpy as np

from jaxsl.constrain import Constrained
from jaxsl.host.answer.fit_report import Parameter
from jaxsl.host.programs.learning import Lesson
from jaxsl.law import Law


def parameters(law: Law, lesson: Lesson, basin: int, level: float) -> tuple[Parameter, ...]:
    """All parameters of a law in one basin, at ``level`` per cent, in the order of the law as it was.

    A parameter that was fixed or tied has ``given``, the relation. Its interval is that of what it follows
    from; where that is more than one parameter, of their local Gaussian.
    """
    found = lesson.parameters
    free = {
        param.name: Parameter(
            name=param.name,
            value=float(found.value[basin, i]),
            low=float(found.low[basin, i]),
            high=float(found.high[basin, i]),
            lower=param.lower,
            upper=param.upper,
            told=float(1 - found.deviation[basin, i]),
            bound="lower" if found.lower[basin, i] else "upper" if found.upper[basin, i] else "",
        )
        for i, param in enumerate(law.params)
    }
    if not isinstance(law, Constrained) or law.original is None:
        return tuple(free.values())
    rows = zip(law.original.params, law.original.matrix, law.original.constant, strict=True)
    return tuple(
        free[param.name]
        if not relation
        else _given(param.name, (param.lower, param.upper), row, constant, relation, lesson, basin, level)
        for (param, row, constant), relation in zip(rows, law.original.relation, strict=True)
    )


def _given(
    name: str,
    box: tuple[float, float],
    row: np.ndarray,
    constant: float,
    relation: str,
    lesson: Lesson,
    basin: int,
    level: float,
) -> Parameter:
    """A parameter ``row @ free + constant``."""
    found, learned = lesson.parameters, lesson.learned
    value = float(row @ found.value[basin] + constant)
    parts = np.flatnonzero(row)
    if len(parts) > 1:
        from scipy.special import stdtrit

        quantile = stdtrit(min(float(learned.dof), 1e6), (1 + level / 100) / 2)
        half = quantile * float(np.linalg.norm(row @ learned.basins.root[basin]))
        ends = [value - half, value + half]
    else:
        ends = sorted(float(row @ end[basin] + constant) for end in (found.low, found.high))
    told = min((1 - float(found.deviation[basin, i]) for i in parts), default=1.0)
    return Parameter(
        name=name,
        value=value,
        low=ends[0],
        high=ends[1],
        lower=box[0],
        upper=box[1],
        told=told,
        bound="",
        given=relation,
    )
