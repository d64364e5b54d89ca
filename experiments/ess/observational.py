"""The paper's real data: public models' benchmark scores, the OPT family, four emergent tasks.

Y is the first principal component of the benchmark scores, learned without the target (OPT 66B). The line
runs over the seven smaller OPT models in X = log(6 N D), the floored logistic link over the models of other
families. Cost is 0.3 N with N in billions: the paper's ``0.3 e^x`` leaves out the factor 6 D that X has.

The models are those with results on the emergent tasks, without those that joined the data after its first
release (``LATER``): 64 and the target. The paper counts 72 and does not list them.
"""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from experiments.datasets import find
from jaxsl import ess, linear_model, link, two_stage
from jaxsl.allocation import Region, uniform_region
from jaxsl.host.ess.capability import capability
from jaxsl.host.input.table import read
from jaxsl.precision import double_precision

TASKS = {
    "word unscramble": "word_unscrambling_2_exact_match",
    "Persian QA": "parsinlu_qa_2_acc",
    "3-digit subtraction": "arithmetic_3ds_2_acc",
    "2-digit multiplication": "arithmetic_2dm_2_acc",
}
BENCHMARKS = ("MMLU", "ARC-C", "HellaSwag", "Winograd", "TruthfulQA", "GSM8K", "XWinograd", "HumanEval")
FAMILY, TARGET = "OPT", "facebook/opt-66b"
PRICE, TOKENS = 0.3, 0.18  # cost of a billion parameters; trillions of tokens OPT was trained on
DRAWS = 4000
# In the data today, but not in its first release, which the paper's figures fit.
LATER_FAMILIES = ("Llama-3.1", "Qwen2", "DeepSeek-V2", "DeepSeek-Coder-V2", "Yi-1.5", "Gemma-2", "Jamba")
LATER_MODELS = ("Qwen/Qwen1.5-110B", "mistralai/Mixtral-8x22B-v0.1", "mistralai/Mistral-Nemo-Base-2407")


@dataclass(frozen=True)
class Models:
    """Public models, in the order of the benchmark table.

    Attributes:
        name, family: ``(model,)``.
        size: billions of parameters, ``(model,)``.
        score: capability, ``(model,)``; explained: share of variance of its component.
        performance: by task, ``(model,)``, not a number where not measured.
    """

    name: np.ndarray
    family: np.ndarray
    size: np.ndarray
    score: np.ndarray
    explained: float
    performance: dict[str, np.ndarray]

    @property
    def line(self) -> np.ndarray:
        """Rows of the seven small OPT models, by size."""
        rows = np.flatnonzero((self.family == FAMILY) & (self.name != TARGET))
        return rows[np.argsort(self.size[rows])]

    @property
    def target(self) -> int:
        """Row of the target."""
        return int(np.flatnonzero(self.name == TARGET)[0])

    def others(self, task: str) -> np.ndarray:
        """Rows of the models of other families that were measured on a task."""
        return np.flatnonzero((self.family != FAMILY) & ~np.isnan(self.performance[task]))

    def x(self, rows: np.ndarray) -> np.ndarray:
        """``log(6 N D)`` of OPT models."""
        return np.log(6 * self.size[rows] * TOKENS)

    def cost(self, rows: np.ndarray) -> np.ndarray:
        """``0.3 N``."""
        return PRICE * self.size[rows]

    @property
    def region(self) -> Region:
        """The target as a region."""
        at = float(self.x(np.array([self.target]))[0])
        return uniform_region(at, at)


@cache
def models(data: Path | None = None, everything: bool = False) -> Models:
    """Read both tables and score the models.

    Args:
        data: folder that holds ``obsscaling/``.
        everything: learn the capability from every model of the data, the link from every one measured.
    """
    benchmarks = read(find("obsscaling/base_llm_benchmark_eval.csv", data))
    emergent = read(find("obsscaling/base_llm_emergent_capability_eval.csv", data))
    name = np.array(benchmarks.text("Model"))
    family = np.array(benchmarks.text("Model Family"))
    row = {model: i for i, model in enumerate(emergent.text("Model"))}
    place = [row.get(model, -1) for model in name]
    performance = {task: np.append(emergent.numbers(column), np.nan)[place] for task, column in TASKS.items()}
    kept = np.full(name.size, True)
    if not everything:
        measured = ~np.isnan(list(performance.values())).all(axis=0)
        kept = measured & ~np.isin(family, LATER_FAMILIES) & ~np.isin(name, LATER_MODELS)
    scores = np.stack([benchmarks.numbers(benchmark) for benchmark in BENCHMARKS], axis=1)
    learned = capability(scores, kept & (name != TARGET), BENCHMARKS)
    return Models(
        name=name[kept],
        family=family[kept],
        size=benchmarks.numbers("Model Size (B)")[kept],
        score=learned.score[kept],
        explained=learned.explained,
        performance={task: values[kept] for task, values in performance.items()},
    )


@dataclass(frozen=True)
class Forecast:
    """What a subset of the OPT models says about the target.

    Attributes:
        point, lower, upper: the predicted performance and its 95 % interval.
        hoeffding, clopper_pearson: equivalent sample sizes.
    """

    point: float
    lower: float
    upper: float
    hoeffding: float
    clopper_pearson: float


@partial(jax.jit, static_argnames=("bootstrapped", "known"))
def _forecast(x, y, weight, at, curve, curves, sigma, bootstrapped, known):
    features = linear_model.line_terms(x[:, None])
    fitted = linear_model.fit(features, y, weight)
    found = two_stage.plug_in(
        fitted,
        linear_model.line_terms(at[:, None]),
        curve,
        curves if bootstrapped else None,
        sigma=sigma if known else None,
    )
    worth = ess.from_interval(found.lower, found.upper, found.point)
    return found.point, found.lower, found.upper, worth.hoeffding, worth.clopper_pearson


class Study:
    """Forecasts for one task, all from the same draws of the link.

    Args:
        data: the models.
        task: a key of ``TASKS``.
        seed: of the bootstrap.
        draws: of the bootstrap.
    """

    def __init__(self, data: Models, task: str, seed: int = 0, draws: int = DRAWS):
        rows = data.others(task)
        with double_precision():
            y, p = jnp.asarray(data.score[rows]), jnp.asarray(data.performance[task][rows])
            self.curve, self.curves = _link(jax.random.key(seed), y, p, draws)
            line = linear_model.line_terms(jnp.asarray(data.x(data.line))[:, None])
            self.sigma = float(linear_model.fit(line, jnp.asarray(data.score[data.line])).sigma)
        self.data, self.truth = data, float(data.performance[task][data.target])

    def forecast(
        self, index: np.ndarray, bootstrapped: bool = True, quantile: str = "z", own_sigma: bool = False
    ) -> Forecast:
        """From the small OPT models ``index`` (of the seven, by size).

        Args:
            index: which.
            bootstrapped: whether the link's own uncertainty counts.
            quantile: ``z`` with sigma from all seven models, as in the paper; ``t`` with the subset's.
            own_sigma: ``z`` with the subset's own sigma: a trap, since few models have small residuals.
        """
        rows = self.data.line
        weight = np.isin(np.arange(rows.size), index).astype(float)
        with double_precision():
            x, y = jnp.asarray(self.data.x(rows)), jnp.asarray(self.data.score[rows])
            sigma = self.sigma
            if own_sigma:
                features = linear_model.line_terms(x[:, None])
                sigma = float(linear_model.fit(features, y, jnp.asarray(weight)).sigma)
            at = jnp.array([self.data.region.mean])
            found = _forecast(x, y, weight, at, self.curve, self.curves, sigma, bootstrapped, quantile == "z")
            return Forecast(*(float(value[0]) for value in found))


@partial(jax.jit, static_argnames="draws")
def _link(key, y, p, draws):
    settings = link.LogisticLink(floored=True)
    return settings.fit(y, p, jnp.ones_like(y)), link.bootstrap_curves(settings, key, y, p, draws)
