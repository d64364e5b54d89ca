"""Random beliefs with known numbers, to measure quadrature on."""

import jax.numpy as jnp
import numpy as np

from jaxsl.pool import Pool, Target
from jaxsl.posterior import Tabulated


def random_mixture(
    rng: np.random.Generator,
    num_basins: int,
    separation: float,
    ratio: float,
    num_pool: int = 64,
    num_target: int = 12,
    num_factors: int = 4,
    num_outputs: int = 1,
) -> tuple[Tabulated, Pool, Target]:
    """Basins whose means lie ``separation`` deviations apart and whose deviations span ``1..ratio``.

    The deviations, noise included, are drawn log-uniformly, for every candidate anew; half of the
    narrowest variance is noise. Weights are uniform on the simplex but at least 1/500.
    """
    rows = num_pool + num_target
    weight = np.maximum(rng.dirichlet(np.ones(num_basins)), 2e-3)
    deviation = np.exp(rng.uniform(0, np.log(ratio), (num_basins, rows, 1)))
    root = rng.normal(size=(num_basins, rows, num_outputs, num_factors))
    root *= (np.sqrt(deviation**2 - 0.5) / np.linalg.norm(root, axis=-1))[..., None]
    mean = rng.normal(size=(num_basins, rows, num_outputs)) * separation * deviation.mean(axis=0)
    numbers = weight / weight.sum(), np.full(num_basins, 0.5), mean, root
    x, share = np.arange(float(rows))[:, None], np.full(num_target, 1 / num_target)
    pool = Pool(jnp.asarray(x[:num_pool]), jnp.asarray(np.ones(num_pool)))
    return Tabulated(*map(jnp.asarray, numbers)), pool, Target(jnp.asarray(x[num_pool:]), jnp.asarray(share))
