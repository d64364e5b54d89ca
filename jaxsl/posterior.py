"""What is believed about any configuration: a weighted mixture of local Gaussians.

A posterior is anything with ``weight (basin,)``, ``noise (basin,)`` and ``at(x) -> Predictive``. Acquisitions
see nothing else, so several laws, or a user's own model, become one posterior by ``Mixture``.

In basin k an outcome at x is ``N(mean_k(x), root_k(x) root_k(x)^T + noise_k I)`` and the covariance between
two configurations is ``root_k(x) root_k(x')^T``: ``root = df/dtheta Sigma^(1/2)``.
"""

from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from jaxsl.one_of import AnyLaw


class Predictive(eqx.Module):
    """Local Gaussians at given configurations.

    Attributes:
        mean: ``(basin, row, output)``.
        root: ``(basin, row, output, factor)``; noise is not in it.
    """

    mean: Array
    root: Array


class Posterior(Protocol):
    """A mixture of local Gaussians over outcomes at any configuration."""

    @property
    def weight(self) -> Array:
        """Weights of the basins, ``(basin,)``, summing to one; zero for an empty slot."""

    @property
    def noise(self) -> Array:
        """Noise variance of each basin, ``(basin,)``."""

    def at(self, x: Array) -> Predictive:
        """The local Gaussians at ``x (row, feature)``."""


class LawPosterior(eqx.Module):
    """The basins of one law.

    Attributes:
        law: the law.
        theta: parameters of each basin, ``(basin, param)``.
        root: ``d theta / d z Sigma^(1/2)``, ``(basin, param, param)``: a root of the covariance of theta.
        weight, noise: ``(basin,)``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> line = lambda theta, x: theta[0] + theta[1] * x[0]
        >>> law = Law("line", line, ("x",), params(a=(-9, 9), b=(-9, 9)))
        >>> theta, root = jnp.array([[1.0, 2.0]]), 0.1 * jnp.eye(2)[None]
        >>> belief = LawPosterior(law, theta, root, jnp.ones(1), jnp.array([0.01]))
        >>> mixed = Mixture((belief, belief), jnp.array([0.25, 0.75]))
        >>> mixed.weight.tolist(), Heaviest(mixed).weight.tolist()
        ([0.25, 0.75], [1.0])
        >>> both = jax.jit(predict)(mixed, jnp.array([[3.0], [jnp.nan]]))
        >>> finite(both).tolist(), [part.mean.shape for part in split(both, 1)]
        ([True, False], [(2, 1, 1), (2, 1, 1)])
        >>> known(both).tolist()
        [[True, False], [True, False]]
    """

    law: AnyLaw
    theta: Array
    root: Array
    weight: Array
    noise: Array

    def at(self, x: Array) -> Predictive:
        """The law and its linearisation at ``x (row, feature)``, in every basin."""

        def one(theta, root):
            mean, jacobian = self.law.linearise(theta, x)
            return mean, jacobian @ root

        return Predictive(*jax.vmap(one)(self.theta, self.root))


class Mixture(eqx.Module):
    """Several posteriors as one, such as those of several laws.

    Attributes:
        parts: posteriors over the same inputs and outputs.
        share: weight of each part, ``(part,)``, summing to one.
    """

    parts: tuple
    share: Array

    @property
    def weight(self) -> Array:
        """Weights of all basins, ``(basin,)``."""
        return jnp.concatenate(
            [part.weight * share for part, share in zip(self.parts, self.share, strict=True)]
        )

    @property
    def noise(self) -> Array:
        """Noise variances of all basins, ``(basin,)``."""
        return jnp.concatenate([part.noise for part in self.parts])

    def at(self, x: Array) -> Predictive:
        """The basins of all parts; factors are padded with zeros to the longest."""
        each = [part.at(x) for part in self.parts]
        factors = max(part.root.shape[-1] for part in each)
        roots = [jnp.pad(part.root, [(0, 0)] * 3 + [(0, factors - part.root.shape[-1])]) for part in each]
        return Predictive(jnp.concatenate([part.mean for part in each]), jnp.concatenate(roots))


class Tabulated(eqx.Module):
    """A posterior whose configurations are row numbers of given arrays.

    Attributes:
        weight, noise: ``(basin,)``.
        mean: ``(basin, row, output)``.
        root: ``(basin, row, output, factor)``.
    """

    weight: Array
    noise: Array
    mean: Array
    root: Array

    def at(self, x: Array) -> Predictive:
        """The rows named by ``x (row, 1)``."""
        row = x[:, 0].astype(int)
        return Predictive(self.mean[:, row], self.root[:, row])


def tabulate(posterior: Posterior, x: Array) -> tuple[Tabulated, Array]:
    """What a posterior says at ``x (row, feature)``, looked up once, and numbers of the rows ``(row, 1)``.

    Whoever asks it several times then traces and compiles its laws once.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxsl.law import Law, params
        >>> law = Law("line", lambda theta, x: theta[0] + x[0], ("x",), params(a=(-9, 9)))
        >>> belief = LawPosterior(law, jnp.ones((1, 1)), jnp.ones((1, 1, 1)), jnp.ones(1), jnp.ones(1))
        >>> table, row = tabulate(belief, jnp.array([[3.0], [5.0]]))
        >>> table.at(row[1:]).mean.ravel().tolist()
        [6.0]
    """
    said = posterior.at(x)
    row = jnp.arange(x.shape[0], dtype=x.dtype)[:, None]
    return Tabulated(posterior.weight, posterior.noise, said.mean, said.root), row


class Heaviest(eqx.Module):
    """The heaviest basins of a posterior alone, with weights that sum to one again.

    One basin is what a single fit would believe; a few are all that an acquisition can afford of many laws.

    Attributes:
        whole: the posterior.
        num: basins that are kept.
        least: lighter ones are dropped too: far from its runs an unlikely law may claim more variance than
            any weight makes up for.
    """

    whole: Posterior
    num: int = eqx.field(static=True, default=1)
    least: float = 0.0

    @property
    def _kept(self) -> tuple[Array, Array]:
        weight, kept = jax.lax.top_k(self.whole.weight, min(self.num, self.whole.weight.shape[0]))
        return jnp.where((weight >= self.least) | (weight == weight[0]), weight, 0.0), kept

    @property
    def weight(self) -> Array:
        """``(num,)``."""
        weight, _ = self._kept
        return weight / jnp.sum(weight)

    @property
    def noise(self) -> Array:
        """Their noise variances, ``(num,)``."""
        return self.whole.noise[self._kept[1]]

    def at(self, x: Array) -> Predictive:
        """Their Gaussians at ``x``."""
        return at_some(self.whole, self._kept[1], x)


def at_some(posterior: Posterior, slot: Array, x: Array) -> Predictive:
    """The Gaussians of the basins at ``slot (basin,)`` alone; the others are not worked out if that can be.

    Example:
        >>> import jax.numpy as jnp
        >>> one, mean = jnp.ones(2), jnp.array([[[3.0]], [[4.0]]])
        >>> some = at_some(Tabulated(one, one, mean, mean[..., None]), jnp.array([1]), jnp.zeros((1, 1)))
        >>> some.mean.tolist(), of_used(jnp.zeros(1), some).mean.tolist()
        ([[[4.0]]], [[[0.0]]])
    """
    if isinstance(posterior, Mixture) and len(posterior.parts) == 1:
        return at_some(posterior.parts[0], slot, x)
    if hasattr(posterior, "some"):
        return posterior.some(slot).at(x)
    predictive = posterior.at(x)
    return Predictive(predictive.mean[slot], predictive.root[slot])


class Widened(eqx.Module):
    """A posterior whose deviations are multiplied, as by a quantile of Student's t over a normal one.

    Attributes:
        whole: whose means and weights.
        factor: of every basin's deviation, noise included, ``(basin,)``.
    """

    whole: Posterior
    factor: Array

    @property
    def weight(self) -> Array:
        """``(basin,)``."""
        return self.whole.weight

    @property
    def noise(self) -> Array:
        """Noise variances, ``(basin,)``."""
        return self.whole.noise * self.factor**2

    def at(self, x: Array) -> Predictive:
        """The same means, with wider Gaussians."""
        predictive = self.whole.at(x)
        return Predictive(predictive.mean, predictive.root * self.factor[:, None, None, None])


def predict(posterior: Posterior, x: Array) -> Predictive:
    """The local Gaussians at ``x (row, feature)``, with zeros for empty slots whatever they predict."""
    return of_used(posterior.weight, posterior.at(x))


def survey(posterior: Posterior, aim: Array, x: Array) -> tuple[Array, Predictive, Predictive]:
    """What a posterior says of a target by the basins that can: weights, and Gaussians at ``aim`` and ``x``.

    A basin that predicts no finite number somewhere on the target ``aim (row, feature)`` says nothing of any
    run's worth there: it is dropped, and the weights ``(basin,)`` of the others sum to one again. All are
    kept where none is finite. At ``x (row, feature)`` see ``finite``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> mean = jnp.array([[[1.0], [2.0]], [[jnp.nan], [3.0]], [[5.0], [jnp.nan]]])
        >>> belief = Tabulated(jnp.array([0.6, 0.2, 0.2]), jnp.ones(3), mean, jnp.zeros((3, 2, 1, 1)))
        >>> weight, at_aim, here = jax.jit(survey)(belief, jnp.array([[0.0]]), jnp.array([[1.0]]))
        >>> weight.round(3).tolist(), here.mean.ravel().tolist()
        ([0.75, 0.0, 0.25], [2.0, 0.0, nan])
    """
    at_aim, here = split(posterior.at(jnp.concatenate([aim, x])), aim.shape[0])
    weight = renormalised(posterior.weight, jnp.all(known(at_aim), axis=1))
    return weight, of_used(weight, at_aim), of_used(weight, here)


def of_used(weight: Array, predictive: Predictive) -> Predictive:
    """The same with zeros for basins without ``weight (basin,)``, whatever they predict."""
    used = (weight > 0)[:, None, None]
    return Predictive(jnp.where(used, predictive.mean, 0.0), jnp.where(used[..., None], predictive.root, 0.0))


def known(predictive: Predictive) -> Array:
    """Where each basin predicts finite numbers, ``(basin, row)`` of bool."""
    each = jnp.all(jnp.isfinite(predictive.root), axis=-1) & jnp.isfinite(predictive.mean)
    return jnp.all(each, axis=2)


def renormalised(weight: Array, kept: Array) -> Array:
    """Weights of the basins that are ``kept``, both ``(basin, ...)``, as shares of theirs; all if none is.

    Example:
        >>> import jax.numpy as jnp
        >>> renormalised(jnp.array([0.5, 0.25, 0.25]), jnp.array([False, True, True])).tolist()
        [0.0, 0.5, 0.5]
    """
    left = jnp.where(kept, weight, 0.0)
    total = jnp.sum(left, axis=0)
    fewer = (total > 0) & jnp.any(~kept & (weight > 0), axis=0)
    return jnp.where(fewer, left / jnp.where(total > 0, total, 1.0), weight)


def finite(predictive: Predictive) -> Array:
    """Where every basin in use predicts finite numbers, ``(row,)`` of bool."""
    return jnp.all(known(predictive), axis=0)


def split(predictive: Predictive, num_rows: int) -> tuple[Predictive, Predictive]:
    """The first ``num_rows`` rows, and the rest."""
    head = Predictive(predictive.mean[:, :num_rows], predictive.root[:, :num_rows])
    return head, Predictive(predictive.mean[:, num_rows:], predictive.root[:, num_rows:])
