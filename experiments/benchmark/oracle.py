"""The only holder of hidden outcomes."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array


class Oracle(eqx.Module):
    """Outcomes of a pool, revealed one at a time.

    Nothing that chooses is given an oracle: an episode calls ``reveal`` with the index it has just bought,
    and the order of purchases is in its trace.
    """

    _y: Array

    def reveal(self, index: Array) -> Array:
        """The outcome ``(output,)`` of the run at ``index``."""
        return self._y[index]

    def reveal_all(self, bought: Array) -> tuple[Array, Array]:
        """Outcomes of the runs marked in ``bought (pool,)``, zeros elsewhere, and the mark."""
        return jnp.where(bought[:, None], self._y, 0.0), bought

    def variance(self, num_runs: int) -> float:
        """Variance of the first ``num_runs`` outcomes, bought or not: for the method that leaks, alone."""
        return float(jnp.mean(jnp.var(self._y[:num_runs], axis=0)))


def oracle(y: np.ndarray) -> Oracle:
    """An oracle of outcomes ``(pool, output)``."""
    return Oracle(jnp.asarray(y))
