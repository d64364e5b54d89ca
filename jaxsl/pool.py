"""What may be run, what to predict, and what has been observed: three types, and only one has outcomes."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.along import Course


class Rows(eqx.Module):
    """The rows that each candidate run tells of when it is bought, such as its checkpoints, in order.

    Attributes:
        x: configurations, ``(pool, row, feature)``; padded rows repeat a valid one.
        place: decimal logarithm of the tokens, ``(pool, row)``.
        mask: which rows are real, ``(pool, row)`` of bool.
        run: number of the run in the observations' ``course``, ``(pool,)`` of int. A run that has rows there
            is continued from the last of them; candidates of one run are several lengths of it.
        cost: from the row before to this one, with what it costs to evaluate it, ``(pool, row)``.
        restart: price of continuing a run, a scalar.
    """

    x: Array
    place: Array
    mask: Array
    run: Array
    cost: Array
    restart: Array


class Pool(eqx.Module):
    """Candidate runs. There is no outcome field, so nothing that sees a pool can peek.

    Attributes:
        x: configurations, ``(pool, feature)``; of a run that tells of several rows, that of its last.
        cost: cost of each, ``(pool,)``, in any one unit, ``>= 0``.
        rows: what each tells of; None where that is its own configuration alone.
    """

    x: Array
    cost: Array
    rows: Rows | None = None


class Target(eqx.Module):
    """The configurations to predict.

    Attributes:
        x: configurations, ``(target, feature)``.
        weight: importance of each, ``(target,)``, summing to one.
    """

    x: Array
    weight: Array


class Observations(eqx.Module):
    """Runs whose outcome was bought, in a buffer of fixed size.

    Attributes:
        x: configurations, ``(row, feature)``; padded rows repeat a valid configuration.
        y: outcomes, ``(row, output)``; padded rows are 0.
        mask: which rows are real, ``(row,)`` of bool.
        weight: how often each run counts, ``(row,)``, its noise having the variance ``sigma^2 / w``: a run of
            weight k is k runs of the same outcome; once each when None.
        course: where on which training run each row is, whose errors then hang together; None where every
            row is a run of its own.
    """

    x: Array
    y: Array
    mask: Array
    weight: Array | None = None
    course: Course | None = None

    @property
    def num_observed(self) -> Array:
        """Number of real rows, a scalar."""
        return jnp.sum(self.mask)

    def times(self, weight: Array | None = None) -> Array:
        """How often each run counts, ``(row,)``: its own weight, times ``weight``, never in padded rows."""
        own = jnp.ones(self.mask.shape, self.y.dtype) if self.weight is None else self.weight
        return jnp.where(self.mask, own if weight is None else own * weight, 0.0)

    def num_outcomes(self, weight: Array | None = None) -> Array:
        """``D sum_i w_i``, a scalar: the outcomes of all runs, those of a run of weight k as of k runs."""
        return jnp.sum(self.times(weight)) * self.y.shape[1]

    @property
    def is_full(self) -> Array:
        """Whether no row is free, a scalar of bool."""
        return jnp.all(jnp.asarray(self.mask))

    def require_room(self, num_runs: int | Array) -> None:
        """Refuse runs that do not fit, where that is known, which it is not under ``jit`` or ``vmap``.

        Raises:
            ValueError: when there are fewer free rows than ``num_runs``, a scalar.
        """
        size = self.mask.shape[0]
        short = num_runs > size - self.num_observed
        if not isinstance(short, jax.core.Tracer) and short:
            raise ValueError(
                f"no room for {int(num_runs)} more in a buffer of {size} that holds {int(self.num_observed)} "
                "runs, and an outcome would be lost: make it larger first, by jaxsl.episode.enlarge(state, "
                "size), or begin with more rows (jaxsl.pool.observe or empty)"
            )

    def add(
        self,
        x: Array,
        y: Array,
        when: bool | Array = True,
        run: int | Array = -1,
        place: float | Array = 0.0,
    ) -> "Observations":
        """One more run, ``x (feature,)``, ``y (output,)``, of weight one, in the first free row.

        Args:
            x: its configuration.
            y: its outcomes; a run with one that is not finite, which diverged, is not added.
            when: whether to add it at all, a scalar; the same observations otherwise.
            run, place: where on which training run it is, as of a ``Course``; a run of its own by default.

        Raises:
            ValueError: when the buffer is full. Under ``jit`` and ``vmap``, where that is not known yet, a
                full buffer is left as it is and the caller counts what is lost, as ``State.lost`` does: make
                it large enough beforehand (``buffer_size``, ``jaxsl.episode.enlarge``).
        """
        when = when & is_outcome(y)
        self.require_room(when)
        row = jnp.argmin(self.mask)
        here = (jnp.arange(self.mask.shape[0]) == row) & ~self.is_full & when
        return Observations(
            x=jnp.where(here[:, None], x, self.x),
            y=jnp.where(here[:, None], y, self.y),
            mask=self.mask | here,
            weight=None if self.weight is None else jnp.where(here, 1.0, self.weight),
            course=None if self.course is None else self.course.at(here, run, place),
        )


def on_course(observations: Observations) -> Observations:
    """The same with a course, on which every row is of its own run where there was none.

    Example:
        >>> import jax.numpy as jnp
        >>> on_course(empty(jnp.array([1.0]), 1, 2)).course.run.tolist()
        [-1, -1]
    """
    if observations.course is not None:
        return observations
    x, y, mask = observations.x, observations.y, observations.mask
    alone = Course(jnp.full(mask.shape, -1, int), jnp.zeros(mask.shape, x.dtype))
    return Observations(x, y, mask, observations.weight, alone)


def is_outcome(y: Array) -> Array:
    """Whether a run gave something to learn from: all its outcomes are finite, ``(..., output) -> (...,)``.

    Example:
        >>> import jax.numpy as jnp
        >>> is_outcome(jnp.array([[2.5, 0.4], [jnp.nan, 0.4]])).tolist()
        [True, False]
    """
    return jnp.all(jnp.isfinite(y), axis=-1)


def uniform_target(x: Array) -> Target:
    """A target region with equal weights, ``x (target, feature)``.

    Example:
        >>> import jax.numpy as jnp
        >>> uniform_target(jnp.array([[1e9], [1e10]])).weight.tolist()
        [0.5, 0.5]
    """
    return Target(x=x, weight=jnp.full(x.shape[0], 1.0 / x.shape[0], x.dtype))


def observe(
    x: Array,
    y: Array,
    size: int | None = None,
    weight: Array | None = None,
    course: Course | None = None,
) -> Observations:
    """Pack runs ``x (row, feature)``, ``y (row, output)``, ``weight (row,)`` into a buffer of ``size`` rows.

    Padded rows repeat the first configuration, where any law that is finite on the runs is finite. A run that
    diverged, with an outcome that is not finite, is padding too.

    Raises:
        ValueError: when the runs do not fit, or there is none to pad with.

    Example:
        >>> import jax.numpy as jnp
        >>> runs = observe(jnp.array([[1.0], [2.0]]), jnp.array([[3.0], [4.0]]), 4)
        >>> runs.mask.tolist(), runs.x[:, 0].tolist()
        ([True, True, False, False], [1.0, 2.0, 1.0, 1.0])
    """
    num, size = x.shape[0], x.shape[0] if size is None else size
    if num > size:
        raise ValueError(f"{num} runs do not fit in a buffer of {size}")
    if num == 0:
        raise ValueError("no run to observe; use `empty`")
    pad, known = size - num, is_outcome(y)
    return Observations(
        x=jnp.concatenate([x, jnp.broadcast_to(x[:1], (pad, x.shape[1]))]),
        y=jnp.concatenate([jnp.where(known[:, None], y, 0.0), jnp.zeros((pad, y.shape[1]), y.dtype)]),
        mask=jnp.concatenate([known, jnp.zeros(pad, bool)]),
        weight=None if weight is None else jnp.concatenate([weight, jnp.ones(pad, y.dtype)]),
        course=None if course is None else course.padded(size),
    )


def empty(x: Array, num_outputs: int, size: int) -> Observations:
    """A buffer without runs; ``x (feature,)`` is any configuration at which the law is finite.

    Example:
        >>> import jax.numpy as jnp
        >>> runs = empty(jnp.array([1.0]), 1, 3)
        >>> int(runs.add(jnp.array([5.0]), jnp.array([2.0])).num_observed)
        1
    """
    return Observations(
        x=jnp.broadcast_to(x, (size, x.shape[0])),
        y=jnp.zeros((size, num_outputs), x.dtype),
        mask=jnp.zeros(size, bool),
    )


def buffer_size(num_runs: int, smallest: int = 32) -> int:
    """The buffer for ``num_runs``: ``smallest`` times a power of four, so that few programs are compiled.

    Example:
        >>> buffer_size(20), buffer_size(33), buffer_size(1000)
        (32, 128, 2048)
    """
    size = smallest
    while size < num_runs:
        size *= 4
    return size
