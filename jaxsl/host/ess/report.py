"""What ``jaxsl ess`` found, in plain NumPy: for display, JSON and Python."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from jaxsl.host.answer.fit_report import Prediction
from jaxsl.host.answer.report import Report
from jaxsl.host.answer.trust import Trust
from jaxsl.host.ess.link import Items


@dataclass(frozen=True)
class FamilyCheck(Report):
    """Leave one family out: does a link learned from the others hold for it?

    Attributes:
        families: their names.
        num_models: of each.
        covered: models of each whose performance lies inside the interval that the link claims.
        bias: mean of performance minus prediction, of each.
        coverage: share of all models that are covered.
        scattered, scattered_coverage: the same for the interval that counts the scatter of models around the
            link too; ``1 - delta`` where the link is universal.
    """

    families: tuple[str, ...]
    num_models: np.ndarray
    covered: np.ndarray
    bias: np.ndarray
    coverage: float
    scattered: np.ndarray
    scattered_coverage: float


@dataclass(frozen=True)
class Diagnosis(Report):
    """Whether the line holds: ``verdict`` is "not testable", "consistent" or "misspecified"."""

    verdict: str
    p_value: float


@dataclass(frozen=True)
class Choice(Report):
    """What to do for a prediction as good as a direct test.

    Attributes:
        items: test items that would be used.
        measure: which equivalent sample size is compared with them.
        worth: that of the prediction.
        advice: "predict", "test" or "train".
        cost_test: of testing the target directly, its training included unless it is there already.
        cost_train: of the small models to add, not a number where none suffice.
        x, count: sizes and numbers of those.
        limit: the worth if the line were known exactly: what no number of small models exceeds.
    """

    items: int
    measure: str
    worth: float
    advice: str
    cost_test: float
    cost_train: float
    x: np.ndarray
    count: np.ndarray
    limit: float


@dataclass(frozen=True)
class EssReport(Report):
    """A prediction and its worth.

    Attributes:
        num_runs, dof: runs and degrees of freedom of the line.
        intercept, slope, sigma: of the line.
        x_low, x_high, x_target: sizes of the runs, and of the target.
        leverage: variance of the predicted mean over sigma^2.
        y, y_low, y_high: the predicted critical quantity, at ``1 - delta``, or ``1 - delta/2`` with a link
            that was fitted.
        performance: the prediction and its equivalent sample sizes.
        link, link_models: the link, and how many models it was fitted to.
        delta, sides, noise: the settings of the interval.
        quantile: ``t`` with sigma estimated, ``z`` with sigma known, or ``bootstrap``.
        diagnosis, families, choice: ``None`` where not asked for.
        cost_runs, cost_target: of the runs that are there and of the target; not a number without a cost.
        notes: things worth saying.
    """

    num_runs: int
    dof: int
    intercept: float
    slope: float
    sigma: float
    x_low: float
    x_high: float
    x_target: float
    leverage: float
    y: float
    y_low: float
    y_high: float
    performance: Items
    link: str
    link_models: int
    delta: float
    sides: int
    noise: str
    quantile: str
    diagnosis: Diagnosis
    families: FamilyCheck | None
    choice: Choice | None
    cost_runs: float
    cost_target: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LawWorth(Report):
    """A law's prediction at one target, and its worth.

    Attributes:
        row_number: where a person finds the target.
        x: its configuration by input.
        y, y_low, y_high: median and interval of what is predicted, at ``1 - delta``, or ``1 - delta/2`` with
            a link that was fitted.
        performance: the prediction and its equivalent sample sizes.
    """

    row_number: int
    x: Mapping[str, float]
    y: float
    y_low: float
    y_high: float
    performance: Items


@dataclass(frozen=True)
class LawEssReport(Report):
    """Predictions of a fitted law and their worth.

    Attributes:
        law: its name; of several, all, heaviest first.
        num_runs, dof: runs with an outcome, and how many more they are than parameters of the heaviest law.
        noise: standard deviation of the noise around that law.
        prediction: at the targets, as ``jaxsl fit`` says it.
        worth: by target.
        link, link_models, delta, sides, families: as in ``EssReport``.
        trust: how far to believe it.
        notes: things worth saying.
    """

    law: str
    num_runs: int
    dof: int
    noise: float
    prediction: Prediction
    worth: tuple[LawWorth, ...]
    link: str
    link_models: int
    delta: float
    sides: int
    families: FamilyCheck | None
    trust: Trust
    notes: tuple[str, ...]
