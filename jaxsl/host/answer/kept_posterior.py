"""A posterior as plain arrays, for a file in which a fit is kept, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxsl.discrepancy.field import Field
from jaxsl.discrepancy.posterior import DiscrepantPosterior
from jaxsl.law import Law

KERNELS = 2  # of a field
KINDS = {"kernel": int, "plain": bool}  # arrays that are no floats


def written(posterior: DiscrepantPosterior) -> dict[str, Any]:
    """The arrays of a posterior; those of components without weight repeat the heaviest."""
    weight = np.asarray(posterior.weight)
    slot = np.flatnonzero(weight > 0)
    full = np.concatenate([slot, np.repeat(slot[:1], len(weight) - len(slot))])
    arrays = {
        name: np.asarray(value)[full]
        for name, value in vars(posterior).items()
        if name not in ("law", "field")
    }
    arrays["weight"][len(slot) :] = 0.0
    return arrays | {"field": vars(posterior.field)}


def read_posterior(law: Law, written: Mapping[str, Any]) -> DiscrepantPosterior:
    """The posterior of a law from its arrays.

    Raises:
        ValueError: for arrays of other shapes, or with what is no number. KeyError: when one is missing.
    """
    field, num = written["field"], len(written["weight"])
    size, aims, factors = len(field["whiten"][0]), len(field["aim_weight"]), len(written["root"][0][0])
    params, outputs, inputs = law.num_params, law.num_outputs, len(law.inputs)

    def array(values: Any, name: str, *shape: int) -> Any:
        found: np.ndarray = np.array(values[name], KINDS.get(name, float))
        if found.shape != shape or not np.isfinite(found).all():
            raise ValueError(f"{name} has no numbers in the shape {shape}")
        return found

    return DiscrepantPosterior(
        law=law,
        field=Field(
            plain=array(field, "plain", inputs),
            unit=array(field, "unit", inputs),
            aim=array(field, "aim", aims, inputs),
            aim_weight=array(field, "aim_weight", aims),
            landmark=array(field, "landmark", KERNELS, size, inputs),
            whiten=array(field, "whiten", KERNELS, size, size),
        ),
        theta=array(written, "theta", num, params),
        slope=array(written, "slope", num, params),
        shift=array(written, "shift", num, params),
        root=array(written, "root", num, params, factors),
        offset=array(written, "offset", num, size, outputs),
        cross=array(written, "cross", num, size, outputs, params),
        spread=array(written, "spread", num, size, size),
        kernel=array(written, "kernel", num),
        weight=array(written, "weight", num),
        noise=array(written, "noise", num),
    )
