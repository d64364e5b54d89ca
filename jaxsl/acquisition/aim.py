"""What the basins of a posterior say of the target, made ready for many candidates."""

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from jaxsl.acquisition.bound import most_fall
from jaxsl.pool import Target
from jaxsl.posterior import Posterior, Predictive, finite, survey

FEW = 3  # basins that are scored by the smaller program


class Aim(eqx.Module):
    """The heaviest basins at the target.

    Attributes:
        basin: which they are, ``(basin,)`` of int.
        weight, noise: ``(basin,)``.
        mean, root: by ``target_stack``.
    """

    basin: Array
    weight: Array
    noise: Array
    mean: Array
    root: Array

    def most(self, here: Predictive) -> Array:
        """The bound (``jaxsl.acquisition.bound``) at candidates of one output, all finite: ``(row,)``."""
        mean, root = here.mean[self.basin, :, 0], here.root[self.basin, :, 0]
        return most_fall(self.weight, self.noise, self.mean, self.root, mean, root)


def aim(weight: Array, noise: Array, predictive: Predictive, target: Target, num: int) -> Aim:
    """The ``num`` heaviest basins; ``weight, noise (basin,)`` and their Gaussians at the target."""
    basin = jnp.argsort(-weight)[:num]
    noise = jnp.where(weight[basin] > 0, noise[basin], 1.0)
    kept = Predictive(predictive.mean[basin], predictive.root[basin])
    return Aim(basin, weight[basin], noise, *target_stack(weight[basin], kept, target))


def aims(posterior: Posterior, target: Target) -> tuple[Array, dict[int, Aim]]:
    """Weights of all basins, and for ``FEW`` of them and for all what they say of the target."""
    weight, at_target, _ = survey(posterior, target.x, target.x[:0])
    num = len(weight)
    return weight, {few: aim(weight, posterior.noise, at_target, target, few) for few in {min(FEW, num), num}}


def cleaned(here: Predictive) -> tuple[Array, Predictive]:
    """Where every basin is finite, ``(row,)`` of bool, and the same with zeros elsewhere."""
    known = finite(here)
    mean = jnp.where(known[:, None], here.mean, 0.0)
    return known, Predictive(mean, jnp.where(known[:, None, None], here.root, 0.0))


def target_stack(weight: Array, predictive: Predictive, target: Target) -> tuple[Array, Array]:
    """Means, centred, and roots on the target: ``(basin, row), (basin, row, factor)``.

    Rows are target configurations times outputs, scaled by the root of their weight. Only inner products
    over rows are ever taken, so many rows are replaced by their triangular factor: the cost of a score does
    not grow with the target.
    """
    basins, _, outputs, factors = predictive.root.shape
    scale = jnp.sqrt(target.weight / outputs)[:, None]
    centre = jnp.einsum("k,kto->to", weight, predictive.mean)
    mean = ((predictive.mean - centre) * scale).reshape(basins, -1)
    root = (predictive.root * scale[..., None]).reshape(basins, -1, factors)
    if mean.shape[1] <= basins * (1 + factors):
        return mean, root
    stacked = jnp.concatenate([mean[..., None], root], axis=-1)
    columns = jnp.moveaxis(stacked, 1, 0).reshape(mean.shape[1], -1)
    small = jnp.linalg.qr(columns, mode="r").reshape(-1, basins, 1 + factors)
    return jnp.moveaxis(small[..., 0], 0, 1), jnp.moveaxis(small[..., 1:], 0, 1)
