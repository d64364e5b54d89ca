"""What a design is judged by: the risk R of Eq. 5, or ``t^2 R`` for designs of few runs.

An interval's squared length is ``4 q^2 sigma^2 R``. With sigma estimated, q is a quantile of Student's t with
``n - p`` degrees of freedom, so minimising R alone picks designs that leave none: at C = 5.44 Eq. 3's
optimum of three runs has ``t^2 R = 732``, eight runs reach 33.
"""

import numpy as np
from scipy.special import ndtri, stdtrit

from jaxsl.allocation.design import Region
from jaxsl.linear_model import weighted_risk

RISK, T_RISK = "risk", "t_risk"
CRITERIA = (RISK, T_RISK)


def line_risk(
    num: np.ndarray, total: np.ndarray, squares: np.ndarray, region: Region, ddof: int = 0
) -> np.ndarray:
    """Eq. 5 over sigma^2 from the number of runs, the sums of X and of X^2; infinite without spread.

    ``ddof=1`` reproduces the subset the paper prints, which its own Eq. 3 does not pick: an empirical
    variance with ``n - 1`` in its denominator. Under it, adding a run can raise the "variance".

    Example:
        >>> from jaxsl.allocation.design import uniform_region
        >>> x = np.array([0.0, 1.0, 2.0, 3.0])
        >>> float(line_risk(np.array(4), x.sum(), (x**2).sum(), uniform_region(6, 6)))
        4.3
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / num
        spread = squares - total * mean
        variance = spread / (num - ddof)
        risk = weighted_risk(num, mean, variance, region.mean, region.variance)
        usable = (num > max(1, ddof)) & (spread > 1e-12 * (squares + region.mean**2))
    return np.where(usable, risk, np.inf)


def factor(num: np.ndarray | int, criterion: str, delta: float = 0.05, num_features: int = 2) -> np.ndarray:
    """What R is multiplied by: 1, or ``t^2_{n-p, 1-delta/2}``, infinite without a degree of freedom.

    Example:
        >>> float(factor(7, RISK)), round(float(factor(7, T_RISK)), 2)  # t of five degrees, squared
        (1.0, 6.61)
    """
    num = np.asarray(num)
    if criterion == RISK:
        return np.ones(num.shape)
    dof = num - num_features
    return np.where(dof > 0, stdtrit(np.maximum(dof, 1), 1 - delta / 2) ** 2, np.inf)


def half_width(risk: float, dof: float, sigma: float, delta: float = 0.05, known: bool = False) -> float:
    """Half of the interval for the mean: ``q sigma sqrt(R)``, q from Student's t unless sigma is known.

    Example:
        >>> round(half_width(1.0, 5, 0.2, known=True), 3), round(half_width(1.0, 5, 0.2), 3)
        (0.392, 0.514)
    """
    q = ndtri(1 - delta / 2) if known else stdtrit(dof, 1 - delta / 2) if dof > 0 else np.inf
    return float(q * sigma * np.sqrt(risk))
