"""Links from the critical quantity Y to the performance P, learned from models of other families.

A link holds settings only: ``link.fit(y, p, weight) -> curve`` and ``curve(y) -> p``. A ``weight`` counts a
model that many times, 0 for one that is held out; so a bootstrap is one ``vmap`` over weights.

("Extrapolating Large Models from the Small", Eq. 2, Remark 1, Appendices D.1 and E.3.)
"""

from jaxsl.link.base import Curve, IdentityCurve, IdentityLink, Link
from jaxsl.link.logistic import LogisticCurve, LogisticLink
from jaxsl.link.resampling import HeldOut, at, bootstrap_curves, leave_one_family_out
from jaxsl.link.smoother import KernelCurve, KernelLink, NeighbourCurve, NeighbourLink

__all__ = [
    "Curve",
    "HeldOut",
    "IdentityCurve",
    "IdentityLink",
    "KernelCurve",
    "KernelLink",
    "Link",
    "LogisticCurve",
    "LogisticLink",
    "NeighbourCurve",
    "NeighbourLink",
    "at",
    "bootstrap_curves",
    "leave_one_family_out",
]
