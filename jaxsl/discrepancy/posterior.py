"""What a law with its discrepancy says of any configuration: a component a local Gaussian."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxsl.discrepancy.field import Field
from jaxsl.one_of import AnyLaw
from jaxsl.posterior import Predictive


class DiscrepantPosterior(eqx.Module):
    """A posterior (``jaxsl.posterior``) whose basins are components of law and discrepancy.

    In component k, an output of the law at x is ``f(x; theta_k) + J(x) shift_k + phi(x) offset_k`` on
    average, and around it ``(J(x) - phi(x) cross_k) root_k`` and ``phi(x) spread_k`` times white noise, the
    latter of each output its own.

    Attributes:
        law: the law.
        field: features of the discrepancy.
        theta, slope: where it is linearised, and ``d theta / d z`` there, ``(component, param)``.
        shift: of the parameters' mean from there, in scaled coordinates, ``(component, param)``.
        root: of their covariance, ``(component, param, param)``.
        offset: ``(component, landmark, output)``. cross: ``(component, landmark, output, param)``.
        spread: ``(component, landmark, landmark)``.
        kernel: which of the field's kernels, ``(component,)`` of int.
        weight, noise: ``(component,)``.
    """

    law: AnyLaw
    field: Field
    theta: Array
    slope: Array
    shift: Array
    root: Array
    offset: Array
    cross: Array
    spread: Array
    kernel: Array
    weight: Array
    noise: Array

    def of(self, law: AnyLaw, place: tuple[int, ...]) -> "DiscrepantPosterior":
        """The same of ``law``, whose parameters stand at these places, as of ``jaxsl.one_of.places``."""
        rows = np.array(place)
        picked = {name: getattr(self, name)[:, rows] for name in ("theta", "slope", "shift", "root")}
        return replace(self, law=law, cross=self.cross[..., rows], **picked)

    def some(self, slot: Array) -> "DiscrepantPosterior":
        """The components at ``slot (component,)`` alone, with the weights that they have here."""
        shared = ("law", "field")
        picked = {name: value[slot] for name, value in vars(self).items() if name not in shared}
        return replace(self, **picked)

    def at(self, x: Array) -> Predictive:
        """The local Gaussians at ``x (row, feature)``."""
        outputs = self.law.num_outputs
        own = jnp.eye(outputs, dtype=self.theta.dtype)
        features = self.field.features(x)

        def one(theta, slope, shift, root, offset, cross, spread, kernel):
            value, jacobian = self.law.linearise(theta, x)
            jacobian, phi = jacobian * slope, features[kernel]
            mean = value + jacobian @ shift + phi @ offset
            told = (jacobian - jnp.einsum("rm,mdp->rdp", phi, cross)) @ root
            free = jnp.einsum("rm,de->rdem", phi @ spread, own).reshape(len(x), outputs, -1)
            return mean, jnp.concatenate([told, free], axis=2)

        return Predictive(
            *jax.vmap(one)(
                self.theta,
                self.slope,
                self.shift,
                self.root,
                self.offset,
                self.cross,
                self.spread,
                self.kernel,
            )
        )
