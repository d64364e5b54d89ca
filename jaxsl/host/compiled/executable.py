"""Executables: compiled once, kept as bytes, and run by later processes that neither trace nor compile.

JAX's own cache on disk keeps them too, but finds them by the lowered program, and lowering is most of what
finding costs; and what it has found cannot be made bytes again (XLA then misses functions). So XLA's client
is called here, past that cache. All arrays are on the first device. Of all this jaxlib promises nothing:
where it has no such functions programs are traced.
"""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax

from jaxsl.host.compiled.lapack import find_lapack

CALLBACK = re.compile(rb"python_\w*callback")  # a function of Python, which belongs to its process

#: From all the arrays that a program is given to those that it returns.
Executable = Callable[[Sequence[Any]], list[Any]]


def machine() -> int:
    """Fingerprint of what XLA compiles for: the device, and of a CPU the instructions that it knows."""
    return _client().get_topology_for_devices(_device()).fingerprint()


def compiled_alone(
    lowered: jax.stages.Lowered, options: Mapping[str, Any]
) -> tuple[Executable, bytes] | None:
    """The executable of a program that uses all its arguments, and the same as bytes.

    None where it takes or returns what is no array of numbers, or calls Python back.
    """
    given, returned = jax.tree.leaves(lowered.in_avals), jax.tree.leaves(lowered.out_info)
    module = _without_places(lowered.compiler_ir("stablehlo"))
    asked = _client().CompileOptions()
    asked.env_option_overrides = list(options.items())
    xla = _device()[0].client
    executable = xla.compile_and_load(module, _client().DeviceList(_device()), asked)
    content = xla.serialize_executable(executable)
    hidden = len(executable.get_parameter_layouts()) - len(given)  # constants that JAX hands over beside them
    if hidden or any(map(_is_keys, returned)) or CALLBACK.search(content):
        return None
    return _called(executable), zlib.compress(content, 1)


def loaded(content: bytes) -> Executable:
    """The executable from its bytes."""
    content = zlib.decompress(content)
    if b"lapack_" in content:
        find_lapack()
    return _called(_device()[0].client.deserialize_executable(content, _client().DeviceList(_device())))


def _client() -> Any:
    from jaxlib import xla_client

    return xla_client


def _without_places(module: Any) -> Any:
    """The program without the lines of source that its operations come from: a seventh less to load."""
    from jaxlib.mlir.passmanager import PassManager

    with module.context:
        PassManager.parse("builtin.module(strip-debuginfo)").run(module.operation)
    return module


def _device() -> tuple[Any]:
    return (jax.devices()[0],)


def _called(executable: Any) -> Executable:
    def call(arrays: Sequence[Any]) -> list[Any]:
        words = [jax.random.key_data(array) if _is_keys(array) else array for array in arrays]
        found = executable.execute_sharded(jax.device_put(words, *_device()))
        return [one for (one,) in found.disassemble_into_single_device_arrays()]

    return call


def _is_keys(array: Any) -> bool:
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.extended)
