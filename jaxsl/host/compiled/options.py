"""With which of XLA's options: fast, since on small arrays compiling takes far longer than running.

On a CPU, XLA's newer emitters of fused loops, its splitting of a program into many parts to compile side by
side and the last two of LLVM's levels of optimisation gain nothing there, and are half of the time to compile
a fit (``python -m experiments speed compile``). Without the first level too a program takes half as long to
compile and twice to three times as long to run: ``quick``, for one whose work is small. Only the host's
programs are compiled so: nothing global is set, and whoever calls the core compiles it as he likes, so with
``jax.jit(..., compiler_options=jaxsl.host.compiled.accepted())``.
"""

import os
from functools import cache

import jax
import jax.numpy as jnp

LEVEL = "xla_backend_optimization_level"
OPTIONS = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1, LEVEL: 1}


def level_is_open() -> bool:
    """Whether nobody said in ``XLA_FLAGS`` at which level all programs are optimised."""
    return LEVEL not in os.environ.get("XLA_FLAGS", "")


@cache
def accepted(quick: bool = False) -> dict[str, bool | int]:
    """Those of the options that the installed XLA knows: JAX promises none of them. None on a GPU.

    What the environment's ``XLA_FLAGS`` name is left as it is said there.

    Args:
        quick: with none of LLVM's levels, for work that is small.
    """
    if quick:
        return {name: 0 if name == LEVEL else value for name, value in accepted().items()}
    if jax.default_backend() != "cpu":
        return {}
    said = {flag.lstrip("-").partition("=")[0] for flag in os.environ.get("XLA_FLAGS", "").split()}

    def known(name: str) -> bool:
        try:
            jax.jit(jnp.negative, compiler_options={name: OPTIONS[name]}).lower(0.0).compile()
        except jax.errors.JaxRuntimeError:
            return False
        return True

    return {name: value for name, value in OPTIONS.items() if name not in said and known(name)}
