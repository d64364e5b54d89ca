"""The profile likelihood of one parameter around a fit, for a plot."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from jaxsl.choice import BAD
from jaxsl.fit import PRIOR, Fit
from jaxsl.fit import fit as fit_law
from jaxsl.host.answer.plot_data import View
from jaxsl.host.answer.report import Report
from jaxsl.host.compiled import compiled_fit
from jaxsl.host.errors import UserError
from jaxsl.host.programs.least_squares import profiled
from jaxsl.host.programs.packing import pack_observations
from jaxsl.law import Law
from jaxsl.pool import Observations
from jaxsl.precision import double_precision
from jaxsl.profile import parameter_profile as least_loss
from jaxsl.transform import box

MARGIN = 0.3  # of the interval's length, shown beyond both its ends


@dataclass(frozen=True)
class ParameterProfile(Report):
    """The least root mean squared error with a parameter held at each of many values.

    Of the law alone, on the runs that are not bad. What the prior of the fit adds to the squared error is in
    it, since that is what the fit has minimised.

    Attributes:
        name: the parameter.
        log: whether it is searched in logarithms.
        best: its value at the optimum.
        values, rmse: ``(value,)`` each.
        low, high: ends of the interval; ``open_low``, ``open_high`` where the runs set none.
        limit: the root mean squared error at which the interval ends.
        level: its confidence, in per cent.
    """

    name: str
    log: bool
    best: float
    values: np.ndarray
    rmse: np.ndarray
    low: float
    high: float
    open_low: bool
    open_high: bool
    limit: float
    level: float


@compiled_fit
def _fit(law: Law, observations: Observations, starts: jax.Array) -> Fit:
    return fit_law(law, observations, starts, prior=PRIOR)


@compiled_fit
def _loss(law: Law, observations: Observations, fit: Fit, index: jax.Array, values: jax.Array) -> jax.Array:
    return least_loss(law, observations, fit, index, values)


def parameter_profile(
    view: View, name: str, level: float | None = None, num_values: int = 41
) -> ParameterProfile:
    """Profile the parameter ``name`` of the heaviest law of a view.

    Raises:
        UserError: when the law has no such parameter, or the runs leave no degree of freedom.
    """
    law = view.best
    share = (view.level if level is None else level) / 100
    names = [param.name for param in law.params]
    if name not in names:
        raise UserError(f"{law.name} has no parameter {name!r}; it has {', '.join(names)}")
    good = view.answer.found.bad[: len(view.seen.x)] < BAD
    count = view.seen.y[good].size
    if count <= law.num_params:
        raise UserError(
            f"{count} outcomes leave no degree of freedom beside {law.num_params} parameters: "
            "a profile needs one outcome more"
        )
    index = names.index(name)
    with double_precision():
        weight = None if view.seen.weight is None else view.seen.weight[good]
        observations = pack_observations(view.seen.x[good], view.answer.found.outcomes[good], weight)
        fit = _fit(law, observations, jnp.asarray(view.lesson.learned.fit.theta))
        found = profiled(law, observations, fit, jnp.asarray(index), share)
        bounds = box(law)
        ends = [bounds.scaled(theta)[index] for theta in np.asarray(found.theta)]
        margin = MARGIN * (ends[1] - ends[0])
        z = jnp.linspace(ends[0] - margin, ends[1] + margin, num_values)
        where = bounds.clip(jnp.repeat(bounds.scaled(fit.theta[:1]), num_values, axis=0).at[:, index].set(z))
        values = bounds.theta(where)[:, index]
        loss = np.asarray(_loss(law, observations, fit, jnp.asarray(index), values))
        best, limit = float(fit.objective[0]), float(found.limit)
    return ParameterProfile(
        name=name,
        log=bool(law.log[index]),
        best=float(found.value),
        values=np.asarray(values),
        rmse=np.sqrt(np.maximum(loss, best)),
        low=float(found.low),
        high=float(found.high),
        open_low=bool(found.open_low),
        open_high=bool(found.open_high),
        limit=limit**0.5,
        level=100 * share,
    )
