"""Small dense linear algebra, batched by ``vmap`` without a call per matrix."""

import jax
import jax.numpy as jnp
from jax import Array

# Below this size an elimination vectorised over the batch beats one LAPACK call per matrix.
SMALL = 16


def solve_lower(factor: Array, rhs: Array, transposed: bool = False) -> Array:
    """``L^-1 rhs``, or ``L^-T rhs``, for a lower triangular ``L (n, n)``, zero above, and ``rhs (n, ...)``.

    By substitution, a row at a time for the whole batch: as fast as LAPACK for the sizes here, and safe. On a
    CPU a batch of LAPACK's waits, in a thread of XLA's pool, for work that it gave to that pool, and as many
    batches at once as there are threads wait for ever (jaxlib 0.10: two of 2e5 operations each on two cores).

    Example:
        >>> import jax.numpy as jnp
        >>> lower = jnp.array([[2.0, 0.0], [1.0, 4.0]])
        >>> solve_lower(lower, jnp.array([2.0, 9.0])).tolist()
        [1.0, 2.0]
        >>> solve_lower(lower, jnp.array([4.0, 8.0]), transposed=True).tolist()
        [1.0, 2.0]
    """
    size = factor.shape[0]

    def substitute(step, solution):
        row = size - 1 - step if transposed else step
        known = factor[:, row] if transposed else factor[row]
        return solution.at[row].set((rhs[row] - known @ solution) / factor[row, row])

    return jax.lax.fori_loop(0, size, substitute, jnp.zeros_like(rhs))


def inverse_root(matrix: Array) -> Array:
    """Lower triangular ``W`` with ``W A W^T = I`` for a symmetric positive definite ``A (n, n)``.

    The inverse of Cholesky's factor: ``A^-1 = W^T W``, ``log|A| = -2 sum_i log W_ii``. One substitution, so
    that many right-hand sides, here or elsewhere, are products. A matrix that is not positive definite gives
    NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> inverse_root(jnp.array([[4.0, 2.0], [2.0, 17.0]])).tolist()
        [[0.5, 0.0], [-0.125, 0.25]]
    """
    factor = jax.lax.linalg.cholesky(matrix, symmetrize_input=False)
    return solve_lower(factor, jnp.eye(matrix.shape[0], dtype=matrix.dtype))


def solve_spd(matrix: Array, rhs: Array) -> Array:
    """``matrix^-1 rhs`` for a symmetric positive definite ``(n, n)`` matrix and ``(n,)`` right-hand side.

    The diagonal is equilibrated first. A matrix that is not positive definite gives non-finite or
    meaningless numbers and no error: callers test the step they get.

    Example:
        >>> import jax.numpy as jnp
        >>> solve_spd(jnp.array([[4.0, 0.0], [0.0, 2.0]]), jnp.array([4.0, 4.0])).tolist()
        [1.0, 2.0]
    """
    size = rhs.shape[0]
    scale = jax.lax.rsqrt(jnp.diagonal(matrix))
    matrix = matrix * scale[:, None] * scale
    rhs = rhs * scale
    if size > SMALL:
        factor = jax.lax.linalg.cholesky(matrix, symmetrize_input=False)
        return solve_lower(factor, solve_lower(factor, rhs), transposed=True) * scale
    index = jnp.arange(size)

    def eliminate(pivot, table):
        row = table[pivot] / table[pivot, pivot]
        return jnp.where((index == pivot)[:, None], row, table - table[:, pivot, None] * row)

    table = jnp.concatenate([matrix, rhs[:, None]], axis=1)
    return jax.lax.fori_loop(0, size, eliminate, table)[:, size] * scale


def symmetric_root(matrix: Array, floor: float = 1e-10) -> Array:
    """``R`` with ``R R^T = matrix^-1`` for a symmetric ``(n, n)`` matrix.

    By eigendecomposition, eigenvalues floored at ``floor`` times the largest (Spend Less, Fit Better,
    section 4.2: the local covariance).

    Example:
        >>> import jax.numpy as jnp
        >>> root = symmetric_root(jnp.diag(jnp.array([4.0, 16.0])))
        >>> (root @ root.T).round(4).tolist()
        [[0.25, 0.0], [0.0, 0.0625]]
    """
    values, vectors = jnp.linalg.eigh(matrix)
    values = jnp.maximum(values, floor * jnp.max(values))
    return vectors * jax.lax.rsqrt(values)
