"""Can JAX trace a law, and does it return what it declares? If not, why not, in one message."""

import traceback

import jax
import jax.numpy as jnp

from jaxsl.host.errors import UserError
from jaxsl.law import Law
from jaxsl.precision import double_precision

# From the narrower to the wider class.
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (
        jax.errors.TracerArrayConversionError,
        "it hands a parameter or an input to NumPy or SciPy; use jax.numpy and jax.scipy",
    ),
    (
        jax.errors.TracerBoolConversionError,
        "it branches on the value of a parameter or an input (if, and, or, min, max); "
        "use jnp.where, jnp.minimum and jnp.maximum",
    ),
    (jax.errors.NonConcreteBooleanIndexError, "it selects entries by a mask; use jnp.where"),
    (
        jax.errors.ConcretizationTypeError,
        "it turns a parameter or an input into a Python number (float, int, math.*); use jax.numpy",
    ),
)


def check_traceable(law: Law) -> None:
    """Trace the law and its derivative once, on shapes alone.

    Raises:
        UserError: when JAX cannot trace it, or it returns another number of outputs than it declares.
    """
    with double_precision():
        theta = jax.ShapeDtypeStruct((law.num_params,), jnp.float64)
        x = jax.ShapeDtypeStruct((len(law.inputs),), jnp.float64)
        try:
            out = jax.eval_shape(law.function, theta, x)
        except Exception as error:
            raise UserError(
                f"law {law.name} cannot be traced by JAX{_place(law, error)}: {_reason(error)}"
            ) from None
        leaves = jax.tree.leaves(out)
        if len(leaves) != 1 or leaves[0].size != law.num_outputs:
            shapes = " and ".join(str(leaf.shape) for leaf in leaves) or "nothing"
            raise UserError(
                f"law {law.name} returns {shapes} for one configuration, but declares {law.num_outputs} "
                f"output(s) ({', '.join(law.outputs)}); return one number per output, for one theta and one x"
            )
        try:
            jax.eval_shape(jax.jacfwd(law.point), theta, x)
        except Exception as error:
            raise UserError(
                f"law {law.name} cannot be differentiated by JAX{_place(law, error)}: {_reason(error)}"
            ) from None


def _place(law: Law, error: Exception) -> str:
    """The last line of the law's own file on the way to the error."""
    code = getattr(law.function, "__code__", None)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if code and frame.filename == code.co_filename
    ]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def _reason(error: Exception) -> str:
    for kind, reason in REASONS:
        if isinstance(error, kind):
            return reason
    if "immutable" in str(error):
        return "it assigns into an array; build the array with jnp.stack, or use array.at[index].set(value)"
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
