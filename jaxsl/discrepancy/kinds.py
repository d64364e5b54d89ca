"""The kinds of components: kernel and size of the discrepancy, and whether runs may be bad."""

from itertools import product

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.along import Along
from jaxsl.discrepancy.field import BROWNIAN, SMOOTH


class Kinds(eqx.Module):
    """Kinds of components, and what is thought of them before the runs.

    Attributes:
        sizes: variances of the discrepancy in units of the noise's.
        holds, smooth, brownian: prior weights of no discrepancy and of the two kernels.
        doubt: prior weight of components in which runs may be bad.
        bad_share: share of bad runs in those.
        noise_count, noise_share: the prior of the noise is worth ``noise_count`` outcomes with a deviation of
            ``noise_share`` of that of the outcomes.
        alone: prior weight of errors along a run that are independent (``jaxsl.along``).
        shares, lengths: of those that are not, all of one with all of the other alike likely.
    """

    sizes: tuple[float, ...] = eqx.field(static=True, default=(1.0, 10.0, 100.0, 1000.0))
    holds: float | Array = 0.25
    smooth: float | Array = 0.25
    brownian: float | Array = 0.5
    doubt: float | Array = 0.2
    bad_share: float | Array = 0.05
    noise_count: float | Array = 1.0
    noise_share: float | Array = 0.02
    alone: float | Array = 0.25
    shares: tuple[float, ...] = eqx.field(static=True, default=(0.1, 0.3, 0.5, 0.7, 0.9, 0.97))
    lengths: tuple[float, ...] = eqx.field(static=True, default=(0.3, 1.0, 3.0))

    @property
    def forms(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Kernel, size and whether runs may be bad, ``(kind,)`` each; the first kind is the law alone."""
        forms = [(SMOOTH, 0.0), *product((SMOOTH, BROWNIAN), self.sizes)]
        every = [(*form, doubt) for doubt in (False, True) for form in forms]
        kernel, size, doubt = zip(*every, strict=True)
        return np.array(kernel), np.array(size), np.array(doubt)

    @property
    def log_prior(self) -> Array:
        """Logarithm of the prior weight of every kind, ``(kind,)``."""
        kernel, size, doubt = self.forms
        of_kernel = jnp.stack([jnp.asarray(part) for part in (self.smooth, self.brownian)])
        some = of_kernel[kernel] / len(self.sizes)
        weight = jnp.where(size == 0, self.holds, some) * jnp.where(doubt, self.doubt, 1 - self.doubt)
        return jnp.log(weight)

    @property
    def alongs(self) -> tuple[Along, Array]:
        """How errors along a run may hang together, ``(form,)``, and logarithms of the prior weights."""
        share, length = np.array([(0.0, 1.0), *product(self.shares, self.lengths)]).T
        prior = jnp.where(share == 0, self.alone, (1 - self.alone) / (len(share) - 1))
        return Along(jnp.asarray(share), jnp.asarray(length)), jnp.log(prior)
