"""A quantity, what is believed of it, and the view of a belief in which it is the target.

With ``q`` in its coordinates (logarithms where ``log``) and a component's curves ``f_u``, ``u ~ N(0, I)``,

    delta method    q ~ N(q(f_0), G G^T),   G = dq(f_u)/du at 0

is a posterior of one row a quantity, and a candidate's row has its root in the same factors: an acquisition
that scores the fall of the target's variance scores that of the quantity unchanged.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.decision.curve import Curves, Predict
from jaxsl.pool import Target, uniform_target
from jaxsl.posterior import Posterior, Predictive, Tabulated


class Quantity(eqx.Module):
    """A pure function of a law's prediction.

    Attributes:
        function: ``(predict) -> (k,)`` where ``predict`` is ``x (row, feature) -> (row, output)``.
        names, units: of its components; ``log`` says which of them are positive and judged by ratios.

    Example:
        >>> import jax.numpy as jnp
        >>> ratio = lambda predict: (predict(jnp.array([[2.0]])) / predict(jnp.array([[1.0]])))[0]
        >>> fall = Quantity(ratio, ("fall",), ("",), (True,))
        >>> fall(lambda x: x**2).item(), round(fall.coordinates(lambda x: x**2).item(), 3)
        (4.0, 1.386)
    """

    function: Callable[[Predict], Array]
    names: tuple[str, ...] = eqx.field(static=True)
    units: tuple[str, ...] = eqx.field(static=True)
    log: tuple[bool, ...] = eqx.field(static=True)

    def __call__(self, predict: Predict) -> Array:
        """Its values, ``(k,)``."""
        return self.function(predict)

    def coordinates(self, predict: Predict) -> Array:
        """The same, with logarithms where it is judged by ratios."""
        value, log = self(predict), jnp.array(self.log)
        return jnp.where(log, jnp.log(jnp.where(log, value, 1.0)), value)


def delta(quantity: Quantity, possible: Curves) -> Predictive:
    """The quantity in every component by the delta method, in its coordinates.

    Returns:
        mean ``(component, k, 1)`` and root ``(component, k, 1, factor)``: quantities are rows of one output.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.decision.curve import curves
        >>> from jaxsl.acquisition import MSPE
        >>> from jaxsl.law import Law, params
        >>> from jaxsl.pool import Pool
        >>> from jaxsl.posterior import LawPosterior
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.ones((1, 2)), jnp.eye(2)[None], jnp.ones(1), jnp.ones(1))
        >>> u = jnp.array([[0.0, 0.0], [1.0, 0.0]])
        >>> zero = lambda predict: -predict(jnp.zeros((1, 1)))[0] / (predict(jnp.ones((1, 1)))[0]
        ...     - predict(jnp.zeros((1, 1)))[0])
        >>> crossing = Quantity(zero, ("x",), ("",), (False,))  # -a / b
        >>> @jax.jit
        ... def told():
        ...     possible = curves(belief, jnp.zeros(1))
        ...     found = delta(crossing, possible)
        ...     table, target, row = aimed(belief, found, jnp.array([[0.0], [5.0]]))
        ...     some = draws(crossing, possible, jnp.zeros(2, int), u)
        ...     return found, some, MSPE()(table, Pool(row, jnp.ones(2)), target)
        >>> found, some, score = told()
        >>> found.mean.ravel().tolist(), found.root.ravel().tolist()
        ([-1.0], [-1.0, 1.0])
        >>> some.tolist()
        [[-1.0], [-2.0]]
        >>> score.round(2).tolist()
        [0.5, 0.59]
    """
    nothing = jnp.zeros(possible.num_factors, possible.weight.dtype)

    def one(index):
        def both(u):
            value = quantity.coordinates(possible.curve(index, u))
            return value, value

        slope, value = jax.jacfwd(both, has_aux=True)(nothing)
        return value[:, None], slope[:, None]

    return Predictive(*jax.lax.map(one, jnp.arange(possible.weight.shape[0])))


def draws(quantity: Quantity, possible: Curves, index: Array, u: Array, batch: int = 256) -> Array:
    """The quantity of drawn curves, in its coordinates.

    Args:
        quantity: what.
        possible: curves.
        index: component of each draw, ``(draw,)`` of int.
        u: ``(draw, factor)``, standard normal.
        batch: draws worked on at once.

    Returns:
        ``(draw, k)``; not finite where a curve has none.
    """
    return jax.lax.map(lambda draw: quantity.coordinates(possible.curve(*draw)), (index, u), batch_size=batch)


def aimed(posterior: Posterior, found: Predictive, x: Array) -> tuple[Tabulated, Target, Array]:
    """A posterior whose target is a quantity: for any acquisition, as it stands.

    Args:
        posterior: the belief.
        found: the quantity by ``delta`` of the same belief, ``(component, k, 1)``.
        x: candidates, ``(row, feature)``.

    Returns:
        the posterior as a table, the quantities as its target, of equal weight, and candidates as its rows
        ``(row, 1)``.
    """
    here = posterior.at(x)
    num, outputs = found.mean.shape[1], here.mean.shape[2]
    # An acquisition takes the mean over outputs; a quantity is one number, in the first of them.
    aside = [(0, 0), (0, 0), (0, outputs - 1)]
    mean = jnp.pad(found.mean, aside) * outputs**0.5
    root = jnp.pad(found.root, [*aside, (0, here.root.shape[3] - found.root.shape[3])]) * outputs**0.5
    rows = jnp.arange(num + x.shape[0], dtype=x.dtype)[:, None]
    table = Tabulated(
        posterior.weight,
        posterior.noise,
        jnp.concatenate([mean, here.mean], axis=1),
        jnp.concatenate([root, here.root], axis=1),
    )
    return table, uniform_target(rows[:num]), rows[num:]
