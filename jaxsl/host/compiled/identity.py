"""What a program is known by: everything that tracing it again would look at, as one digest.

Values are taken for what they hold, and a function of a law for its code, its defaults, what it closes over
and the globals that its code names, through and through. Functions and classes of jaxsl, and of the packages
it stands on, go by their names: their code is in ``surroundings``. Of all else nothing is known.
"""

import ast
import functools
import hashlib
import os
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxsl
from jaxsl.host.compiled.executable import machine

PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "scipy")  # those that laws and programs are made of
# Where JAX keeps its programs, and how much it says, changes none.
SILENT = ("cache", "log", "traceback", "debug_info", "dump")


class UnknownError(Exception):
    """Something of which it is not known what tracing would see in it."""


def digest(*values: Any) -> str:
    """Digest of values, the same in every process.

    Raises:
        UnknownError: when one of them, or what it is made of, cannot be taken for what it holds.

    Example:
        >>> digest((1, "a")) == digest((1, "a")), digest(1.0) == digest(1)
        (True, False)
        >>> [digest(lambda x, a=a: x + a) == digest(lambda x, a=2: x + a) for a in (1, 2)]
        [False, True]
    """
    seen: dict[int, tuple[int, Any]] = {}
    hashed = hashlib.sha256()
    for piece in _pieces(values, seen):
        hashed.update(piece)
        hashed.update(b"\0")
    return hashed.hexdigest()


@functools.cache
def surroundings() -> str:
    """Digest of jaxsl's own code, of the versions of what it stands on, of XLA's flags and of the device."""
    root = Path(jaxsl.__file__).parent
    hashed = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        hashed.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    device = jax.devices()[0]
    return digest(
        hashed.hexdigest(),
        sys.version,
        [(name, import_module(name).__version__) for name in PACKAGES],
        os.environ.get("XLA_FLAGS", ""),
        (device.platform, device.device_kind, jax.device_count(), machine()),
    )


def settings() -> tuple[tuple[str, str], ...]:
    """Those of JAX's settings that may change a program, as they are in this thread."""
    return tuple((name, repr(getattr(jax.config, name, None))) for name in _telling(len(jax.config.values)))


@functools.cache
def _telling(num: int) -> tuple[str, ...]:
    """Names of the settings that may change a program, among ``num`` that there are."""
    return tuple(name for name in jax.config.values if not any(part in name for part in SILENT))


def _pieces(value: Any, seen: dict[int, tuple[int, Any]]) -> Iterator[bytes]:
    """What a value holds, piece by piece; ``seen`` are those that were gone through, kept alive."""
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes, range, type(Ellipsis)):
        yield f"{kind.__name__} {value!r}".encode()
        return
    if id(value) in seen:
        yield b"again %d" % seen[id(value)][0]
        return
    seen[id(value)] = len(seen), value
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        yield from _array(value)
    elif kind in (tuple, list):
        yield b"%d" % len(value)
        for item in value:
            yield from _pieces(item, seen)
    elif kind in (set, frozenset):
        yield from _pieces(sorted(value, key=repr), seen)
    elif isinstance(value, Mapping):
        yield from _pieces([(key, value[key]) for key in value], seen)
    elif isinstance(value, functools.partial):
        yield from _pieces((value.func, value.args, value.keywords), seen)
    elif isinstance(value, types.MethodType):
        yield from _pieces((value.__self__, value.__func__), seen)
    elif isinstance(value, types.FunctionType):
        yield from _function(value, seen)
    elif isinstance(value, ast.AST):
        yield ast.dump(value).encode()
    elif isinstance(value, np.dtype):
        yield value.str.encode()
    elif is_dataclass(kind) and _is_ours(kind.__module__):
        yield from _pieces([(one.name, getattr(value, one.name)) for one in fields(value)], seen)
    elif isinstance(value, tuple) and _is_ours(kind.__module__):
        yield from _pieces(tuple(value), seen)
    elif kind.__name__ == "PjitFunction" and not _is_known(value.__module__):
        yield from _pieces(value.__wrapped__, seen)
    elif isinstance(value, types.ModuleType | type) or callable(value):
        yield _known(value)
    else:
        raise UnknownError(f"a {kind.__qualname__} of {kind.__module__}")


def _array(value: Any) -> Iterator[bytes]:
    if isinstance(value, jax.core.Tracer) or jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        raise UnknownError("an array without values")
    held = np.asarray(value)
    if held.dtype.hasobject:
        raise UnknownError("an array of objects")
    yield f"{held.dtype.str} {held.shape}".encode()
    yield held.tobytes()


def _function(value: types.FunctionType, seen: dict[int, tuple[int, Any]]) -> Iterator[bytes]:
    yield f"{value.__module__}.{value.__qualname__}".encode()
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    yield from _pieces((value.__defaults__, value.__kwdefaults__, cells), seen)
    if not _is_known(value.__module__):
        yield from _code(value.__code__)
        named = sorted(_names(value.__code__) & value.__globals__.keys())
        yield from _pieces([(name, value.__globals__[name]) for name in named], seen)


def _code(code: types.CodeType) -> Iterator[bytes]:
    """What code does, but not where it stands."""
    yield code.co_code
    yield repr((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_flags)).encode()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        else:
            yield from _pieces(constant, {})


def _names(code: types.CodeType) -> set[str]:
    """All names that code looks up, in functions inside it too."""
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType))
    return set(code.co_names).union(*inner)


def _known(value: Any) -> bytes:
    """The name of a module, a class or a function of the packages whose versions are known."""
    if isinstance(value, types.ModuleType):
        home, name = value.__name__, ""
    else:
        home, name = value.__module__, getattr(value, "__qualname__", getattr(value, "__name__", "<"))
    if not home or "<" in name or not _is_known(home):
        raise UnknownError(f"{value!r}")
    return f"{home}.{name}".encode()


def _is_known(module: str) -> bool:
    root = module.partition(".")[0]
    return _is_ours(module) or root in PACKAGES or root in sys.stdlib_module_names or root == "builtins"


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "jaxsl"
