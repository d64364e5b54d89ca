"""What is wrong with a law before any run is paid for: its whole box tried on a pool of configurations."""

from dataclasses import dataclass

import jax
import numpy as np

from jaxsl.host.laws.traceable import check_traceable
from jaxsl.host.laws.trial import NUM_INSIDE, Trial, tried, typical_rows
from jaxsl.law import Law
from jaxsl.precision import double_precision

NUM_RANKS = 48
ALIKE = 1e-11  # singular value of unit columns under which they are one direction
SELDOM = 0.55  # share of the box, a half and some rounding, from which on a parameter without effect is named
UNSEEN = 1e-15  # effect relative to the prediction that float64 cannot show
LARGE = 1e6  # predictions no outcome of a training run comes near
FLOAT32 = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Finding:
    """One thing to change.

    Attributes:
        kind: ``"not finite"``, ``"separable"``, ``"no effect"``, ``"redundant"``, ``"linear"`` or
            ``"scale"``.
        parameters: the parameters concerned.
        message: what was found.
        advice: what to change.
    """

    kind: str
    parameters: tuple[str, ...]
    message: str
    advice: str


def check(law: Law, x: np.ndarray | None = None, seed: int = 0) -> tuple[Finding, ...]:
    """What to change in a law, the worst first; empty when nothing was found.

    Args:
        law: the law.
        x: configurations it will be used at, ``(row, feature)``; by default ``typical_rows``.

    Raises:
        UserError: when JAX cannot trace the law at all.
    """
    check_traceable(law)
    trial = tried(law, typical_rows(law) if x is None else np.asarray(x, float), np.random.default_rng(seed))
    checks = (_not_finite, _separable, _no_effect, _redundant, _linear, _scale)
    return tuple(finding for look in checks for finding in look(trial))


def _not_finite(trial: Trial) -> list[Finding]:
    bad = ~trial.finite
    if not bad.any():
        return []
    shape = (len(trial.theta), len(trial.x), -1)
    values, derivatives = (
        ~np.isfinite(part).reshape(shape).all((0, 2)) for part in (trial.values, trial.effect)
    )
    row = trial.x[np.argmax(values if values.any() else derivatives)]
    where = ", ".join(f"{name}={value:g}" for name, value in zip(trial.law.inputs, row, strict=True))
    place = trial.position[bad].mean(0) - 0.5
    worst = int(np.argmax(np.abs(place)))
    bound, (name,) = "upper" if place[worst] > 0 else "lower", trial.names([worst])
    mostly = f", mostly towards the {bound} bound of {name}" if abs(place[worst]) > 0.1 else ""
    if values.any():
        what = "the prediction is"
        advice = (
            f"move the {bound} bound of {name} inwards" if mostly else "correct the formula"
        ) + ", or keep arguments of exp below 700 and of log above 0"
    else:
        what = "derivatives are"
        advice = (
            "where a branch is not taken keep its argument harmless too: f(jnp.where(ok, z, 1.0)) inside "
            "jnp.where(ok, ..., ...); jaxsl.law.power does so for a base of 0"
        )
    message = f"{what} not finite at {bad.mean():.0%} of the box{mostly}, as at {where}"
    return [Finding("not finite", (name,) if mostly else (), message, advice)]


def _seen(trial: Trial) -> np.ndarray:
    """Whether a parameter changes any prediction, ``(finite inside draw, param)``."""
    inside = np.flatnonzero(trial.finite[:NUM_INSIDE])
    values = np.abs(trial.values[inside]).reshape(len(inside), trial.effect.shape[1], 1)
    return np.any(np.abs(trial.effect[inside]) > UNSEEN * values, axis=1)


def _separable(trial: Trial) -> list[Finding]:
    law = trial.law
    each, rest = divmod(law.num_params, law.num_outputs)
    if law.num_outputs == 1 or rest:
        return []
    effect = trial.effect[trial.finite].reshape(-1, law.num_outputs, law.num_params)
    foreign = np.arange(law.num_outputs)[:, None] != np.arange(law.num_params) // each
    across = np.any(effect * foreign != 0, axis=(0, 1))
    if law.separable and across.any():
        names = trial.names(np.flatnonzero(across))
        message = f"{', '.join(names)} move outputs of other stretches of parameters, against separable=True"
        return [Finding("separable", names, message, "leave out separable, or reorder the parameters")]
    if law.separable or across.any() or not len(effect):
        return []
    message = f"every output has {each} parameters of its own"
    advice = "declare separable=True: the outputs are then fitted one by one"
    return [Finding("separable", (), message, advice)]


def _no_effect(trial: Trial) -> list[Finding]:
    seen = _seen(trial)
    share = 1 - seen.mean(0) if len(seen) else np.zeros(trial.law.num_params)
    never, seldom = trial.names(np.flatnonzero(share == 1)), np.flatnonzero((share > SELDOM) & (share < 1))
    findings = []
    if never:
        message, advice = (
            f"{', '.join(never)} never changes a prediction",
            "use it in the function, or remove it",
        )
        findings.append(Finding("no effect", never, message, advice))
    if len(seldom):
        parts = [f"{name} in {share[i]:.0%}" for name, i in zip(trial.names(seldom), seldom, strict=True)]
        message = f"no prediction changes with {', '.join(parts)} of the box"
        advice = "narrow the box to where it matters: starts outside it cannot find it"
        findings.append(Finding("no effect", trial.names(seldom), message, advice))
    return findings


def _redundant(trial: Trial) -> list[Finding]:
    """Directions no configuration can tell apart, at the draw that tells most."""
    seen = _seen(trial)
    inside = np.flatnonzero(trial.finite[:NUM_INSIDE])
    # One well-behaved draw settles the rank; at the others parts of the law may be out of sight.
    telling = np.argsort(-seen.sum(1), kind="stable")[:NUM_RANKS]
    cases = [(seen[i], _null(trial.effect[inside[i]][:, seen[i]])) for i in telling if seen[i].any()]
    if not cases:
        return []
    active, null = max(cases, key=lambda case: (case[0].sum(), -len(case[1])))
    if not len(null):
        return []
    names = trial.names(np.flatnonzero(active)[np.linalg.norm(null, axis=0) > 0.05])
    num = trial.effect.shape[1]
    if num < active.sum():
        message = f"{num} outcomes cannot tell {active.sum()} parameters apart"
        return [Finding("redundant", names, message, "check on more configurations, or fix parameters")]
    message = (
        f"{len(null)} direction(s) among {', '.join(names)} change no prediction on these configurations"
    )
    advice = f"fix or remove {len(null)} of them, or vary more inputs"
    return [Finding("redundant", names, message, advice)]


def _null(columns: np.ndarray) -> np.ndarray:
    """Directions in which columns of length one cancel, ``(row, column) -> (direction, column)``."""
    unit = columns / np.abs(columns).max(0)
    unit /= np.linalg.norm(unit, axis=0)
    _, size, rows = np.linalg.svd(np.linalg.qr(unit, mode="r"))
    size = np.pad(size, (0, len(rows) - len(size)))
    return rows[size < ALIKE * size[0]]


def _linear(trial: Trial) -> list[Finding]:
    law = trial.law
    useful: np.ndarray = np.any(_seen(trial), axis=0)
    predict = jax.jit(jax.vmap(law.predict, (0, None)))
    theta = trial.theta[np.flatnonzero(trial.finite[:NUM_INSIDE])]

    def is_affine(index):
        step = np.zeros_like(theta)
        signs = np.random.default_rng(0).uniform(-1, 1, (len(theta), len(index)))
        step[:, index] = (law.upper - law.lower)[index] * signs
        with double_precision(), np.errstate(all="ignore"):
            below, middle, above = (np.asarray(predict(theta + sign * step, trial.x)) for sign in (-1, 0, 1))
            size = np.abs(below) + np.abs(middle) + np.abs(above)
            return bool(np.all(np.abs(below + above - 2 * middle) <= 1e-9 * size))

    if not len(theta):
        return []
    declared = list(law.linear_index)
    if declared and not is_affine(declared):
        message = f"the prediction is not affine in {', '.join(law.linear)} together, as linear=(...) says"
        return [
            Finding(
                "linear", law.linear, message, "leave out of linear what is multiplied by another or bent"
            )
        ]
    found = list(declared)
    for i in range(law.num_params):
        if i not in found and useful[i] and is_affine([*found, i]):
            found.append(i)
    if found == declared:
        return []
    more, names = (
        trial.names(found[len(declared) :]),
        ", ".join(repr(name) for name in trial.names(sorted(found))),
    )
    message = f"the prediction is affine in {', '.join(more)} too"
    return [
        Finding("linear", more, message, f"declare linear=({names},): the fit then solves for them exactly")
    ]


def _scale(trial: Trial) -> list[Finding]:
    law, findings = trial.law, []
    inside = np.abs(trial.values[:NUM_INSIDE]).max((1, 2))
    share = np.mean(~(inside <= LARGE))
    if share > 0.25:
        message = f"predictions exceed {LARGE:g} in {share:.0%} of the box"
        findings.append(Finding("scale", (), message, "narrow the boxes of amplitudes and exponents"))
    for param in law.params:
        if param.lower == 0 and param.upper >= 1e3 and param.name not in law.linear:
            message = f"{param.name} is searched evenly up to {param.upper:g}: small values are hardly tried"
            advice = (
                f"give it a positive lower bound, such as {param.upper * 1e-8:g}, to search its logarithm"
            )
            findings.append(Finding("scale", (param.name,), message, advice))
    largest = max(
        (np.abs(part[np.isfinite(part)]).max(initial=0) for part in (trial.values, trial.effect)), default=0
    )
    if largest > FLOAT32:
        message = f"values or derivatives reach {largest:.0e} in the box, beyond float32"
        findings.append(Finding("scale", (), message, "fit in float64, the default, or narrow the box"))
    return findings
