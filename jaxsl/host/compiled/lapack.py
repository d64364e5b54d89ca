"""SciPy's LAPACK for jaxlib, without the package around it.

Programs that factor a matrix call LAPACK by pointers that two modules of ``scipy.linalg`` hold. To import
that package takes 0.15 s, a twelfth of a command whose programs are kept; the two alone take 0.01 s.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec, module_from_spec

import numpy as np


@cache
def find_lapack() -> None:
    """Let jaxlib look for LAPACK's functions, once for all of them."""
    from jaxlib import lapack

    with _unexecuted("scipy.linalg"):
        lapack.prepare_lapack_call("potrf_ffi", np.dtype(float))


@contextmanager
def _unexecuted(name: str) -> Iterator[None]:
    """Take a package for imported, so that its modules are without it; afterwards it is not imported yet."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is None:
        yield
        return
    sys.modules[name] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[name]
