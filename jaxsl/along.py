"""Errors along a run: rows of one run, such as its checkpoints, share a deviation of seed and data order.

With ``u`` the decimal logarithm of the tokens, errors of two rows of one run have

    cov(e_i, e_j) = sigma^2 [(1 - share) 1{i = j} + share exp(-|u_i - u_j| / length)]

and those of different runs none: an Ornstein-Uhlenbeck process a run, seen with noise. It has no memory but
where it is, so one pass along each run (Kalman 1960) tells of every row what is new in it: its innovation,
the row less what those before it say of their deviation. Innovations are independent, ``L^-1 e`` with
``L L^T`` the covariance, and cost as much as there are rows.

>>> import jax, jax.numpy as jnp
>>> course = Course(jnp.array([0, 0, -1]), jnp.array([9.0, 10.0, 9.0]))
>>> whiten = jax.jit(lambda rows: innovations(course, Along(jnp.array(0.5), jnp.array(1.0)))(rows))
>>> half = 0.5 * jnp.exp(-1.0)
>>> lower = jnp.linalg.cholesky(jnp.array([[1.0, half, 0.0], [half, 1.0, 0.0], [0.0, 0.0, 1.0]]))
>>> bool(jnp.allclose(whiten(jnp.eye(3)), jnp.linalg.inv(lower), atol=1e-6))
True
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike


class Course(eqx.Module):
    """Where on which run every row is.

    Attributes:
        run: number of the run, ``(row,)`` of int; negative for a row that shares its error with no other.
        place: decimal logarithm of the tokens, ``(row,)``.
    """

    run: Array
    place: Array

    def padded(self, size: int) -> "Course":
        """The same with rows of no run up to ``size``."""
        more = size - self.run.shape[0]
        return Course(
            jnp.concatenate([self.run, jnp.full(more, -1, self.run.dtype)]),
            jnp.concatenate([self.place, jnp.zeros(more, self.place.dtype)]),
        )

    def take(self, rows: ArrayLike) -> "Course":
        """Some of the rows, by index or by mask."""
        return Course(self.run[rows], self.place[rows])

    def at(self, here: Array, run: int | Array, place: float | Array) -> "Course":
        """The same but for rows that are ``here (row,)`` of bool."""
        return Course(jnp.where(here, run, self.run), jnp.where(here, place, self.place))


class Along(eqx.Module):
    """How the errors of one run's rows hang together.

    Attributes:
        share: of the error's variance that rows at the same place have in common, in [0, 1), a scalar.
        length: decades of tokens over which it is forgotten to ``1 / e``, a scalar.
    """

    share: Array
    length: Array

    def average(self, weight: Array) -> "Along":
        """Of several, ``(form,)`` in each field, by weights that sum to one: lengths by their logarithms."""
        return Along(weight @ self.share, jnp.exp(weight @ jnp.log(self.length)))


class Innovations(eqx.Module):
    """``L^-1``: rows as what is new in each, given those before it in its run.

    Attributes:
        order: rows run by run, ``(row,)`` of int; the other fields are in that order.
        kept, gain: what is expected of a row is ``kept`` of what was expected of the one before, and ``gain``
            of what that was; both are 0 at the beginning of a run.
        variance: of what is new, in units of a row's whole variance, ``(row,)``.
        times: root of how often each row counts, ``(row,)``.

    Example:
        >>> import jax.numpy as jnp
        >>> course, half = Course(jnp.zeros(2, int), jnp.full(2, 9.0)), jnp.array(0.5)
        >>> new = innovations(course, Along(half, jnp.array(1.0)))
        >>> isinstance(new, Innovations), new.variance.tolist()  # of the second, 1 - 0.5^2
        (True, [1.0, 0.75])
        >>> [round(float(part), 3) for part in new(jnp.array([2.0, 1.0]))]  # half of 2 was expected
        [2.0, 0.0]
    """

    order: Array
    kept: Array
    gain: Array
    variance: Array
    times: Array

    def __call__(self, rows: Array) -> Array:
        """``(row, ...)`` in and out, the latter with errors that are independent and of one variance."""
        flat = rows[self.order].reshape(rows.shape[0], -1) * self.times[:, None]

        def along(before: tuple[Array, Array], row: tuple[Array, Array, Array]):
            """What is expected of a row, by what was expected of the one before and what that was."""
            value, kept, gain = row
            expected = kept * before[0] + gain * before[1]
            return (expected, value), expected

        start = jnp.zeros_like(flat[0]), jnp.zeros_like(flat[0])
        _, expected = jax.lax.scan(along, start, (flat, self.kept, self.gain))
        new = (flat - expected) / (jnp.sqrt(self.variance) * self.times)[:, None]
        return jnp.zeros_like(new).at[self.order].set(new).reshape(rows.shape)

    @property
    def log_det(self) -> Array:
        """``log |L L^T|`` for rows that count once, a scalar."""
        return jnp.sum(jnp.log(self.variance))


def innovations(course: Course, along: Along, times: Array | None = None) -> Innovations:
    """What makes innovations of rows on a ``course``.

    Args:
        course: the rows.
        along: how their errors hang together.
        times: how often each counts, ``(row,)``: the errors' covariance is divided by the root of both rows'.
    """
    order = jnp.lexsort((course.place, course.run))
    run, place = course.run[order], course.place[order]
    goes_on = jnp.concatenate([jnp.zeros(1, bool), (run[1:] == run[:-1]) & (run[1:] >= 0)])
    step = jnp.concatenate([jnp.zeros_like(place[:1]), place[1:] - place[:-1]])
    alike = jnp.where(goes_on, jnp.exp(-jnp.where(goes_on, step, 0.0) / along.length), 0.0)
    share, own = along.share, 1 - along.share

    def one(carry, alike):
        """From the variance of the last row's deviation after it was seen, and how far it was believed."""
        left, believed = carry
        deviation = alike**2 * left + share * (1 - alike**2)
        new = (alike * (1 - believed), alike * believed, deviation + own)
        return (deviation * own / (deviation + own), deviation / (deviation + own)), new

    zero = jnp.zeros((), place.dtype)
    _, (kept, gain, variance) = jax.lax.scan(one, (zero, zero), alike)
    root = jnp.ones_like(place) if times is None else jnp.sqrt(jnp.where(times > 0, times, 1.0))[order]
    return Innovations(order, kept, gain, variance, root)
