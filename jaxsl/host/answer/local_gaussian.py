"""Parameters by the local Gaussian of their basin: deviations, and intervals by Student's t."""

import numpy as np

from jaxsl.basins import Basins
from jaxsl.host.programs.learning import Lesson, student
from jaxsl.law import Law
from jaxsl.precision import double_precision

MOST_DOF = 1e6  # of more, Student's t is the normal distribution


def in_logs(law: Law, basins: Basins) -> tuple[np.ndarray, np.ndarray]:
    """Parameters and their deviations, ``(basin, param)``: of the logarithm where the box has one."""
    theta = np.asarray(basins.theta)
    inside = np.where(law.log, theta, 1.0)
    return np.where(law.log, np.log(inside), theta), np.linalg.norm(basins.root, axis=2) / inside


def quantile(lesson: Lesson, level: float) -> float:
    """Of Student's t, at the upper end of a central interval at ``level`` per cent."""
    with double_precision():
        dof = np.minimum(np.asarray(lesson.learned.dof, float), MOST_DOF)
        return float(student(np.asarray((1 + level / 100) / 2), dof))


def ends(law: Law, lesson: Lesson, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Central intervals at ``level`` per cent within the box, ``(basin, param)`` each."""
    at, deviation = in_logs(law, lesson.learned.basins)
    half = quantile(lesson, level) * deviation

    def back(value: np.ndarray) -> np.ndarray:
        value = np.where(law.log, np.exp(np.where(law.log, value, 0.0)), value)
        return np.clip(value, law.lower, law.upper)

    return back(at - half), back(at + half)
