"""How the host's programs are compiled, and how they are kept so that none is traced twice.

A function of the host under ``compiled`` is traced when it is first called with arrays of some shapes. Where
JAX keeps its compiled programs on disk (``jax_compilation_cache_dir``, which the command line sets), the
``executable`` is kept beside them, and the next process runs that: ``identity`` says what a program is
known by, ``layout`` how what it returns is put together, and ``program`` keeps and finds it. Whatever cannot
be kept or read is traced as ever. ``options`` are XLA's.
"""

from jaxsl.host.compiled.options import accepted
from jaxsl.host.compiled.program import compiled, compiled_fit, compiled_often, forget, num_held

__all__ = ["accepted", "compiled", "compiled_fit", "compiled_often", "forget", "num_held"]
