"""How what a program returns is put together: as plain data, so that it can be again without tracing.

Arrays go by their number, objects of jaxsl by their class and fields, and what the program was given, such as
a law, by its number among the parts of the arguments.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import jax
import numpy as np

PLAIN = (type(None), bool, int, float, str)
ARRAYS = (jax.Array, np.ndarray, np.generic)


def parts(tree: Any) -> list[Any]:
    """Everything in a tree of arguments that is neither an array nor plain, in a fixed order.

    Example:
        >>> parts(({"law": len}, [np.ones(2), 3]))[2:]
        [<built-in function len>, [array([1., 1.]), 3]]
    """
    return list(_parts(tree))


def taken_apart(tree: Any, given: Sequence[Any]) -> tuple[list[Any], Any]:
    """The arrays of a tree, and the layout that ``put_together`` takes, ready for JSON.

    Raises:
        TypeError: for what is neither an array, nor plain, nor an object of jaxsl, nor among ``given``.

    Example:
        >>> taken_apart({"mean": np.ones(2), "law": len, "num": 3}, [len])[1]
        {'dict': {'mean': {'array': 0}, 'law': {'given': 0}, 'num': {'plain': 3}}}
    """
    arrays: list[Any] = []
    return arrays, _layout(tree, arrays, {id(one): place for place, one in enumerate(given)})


def put_together(layout: Any, arrays: Sequence[Any], given: Sequence[Any]) -> Any:
    """The tree again.

    Example:
        >>> put_together({"tuple": [{"array": 0}, {"given": 0}]}, [1.5], [len])
        (1.5, <built-in function len>)
    """
    # No function inside, which would close over itself and hold the arrays until cycles are collected.
    match layout:
        case {"array": place}:
            return arrays[place]
        case {"plain": held}:
            return held
        case {"given": place}:
            return given[place]
        case {"tuple": items}:
            return tuple(put_together(item, arrays, given) for item in items)
        case {"list": items}:
            return [put_together(item, arrays, given) for item in items]
        case {"dict": items}:
            return {key: put_together(item, arrays, given) for key, item in items.items()}
        case {"object": [module, name], "fields": held}:
            own = {key: put_together(item, arrays, given) for key, item in held.items()}
            return _made(_class(module, name), own)
    raise ValueError(f"no layout: {layout}")


def _layout(value: Any, arrays: list[Any], places: Mapping[int, int]) -> dict[str, Any]:
    """The layout of a value, whose arrays are put behind those that there are."""
    if isinstance(value, ARRAYS):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if type(value) in PLAIN:
        return {"plain": value}
    if id(value) in places:
        return {"given": places[id(value)]}
    kind = type(value)
    if kind in (tuple, list):
        return {kind.__name__: [_layout(item, arrays, places) for item in value]}
    if kind is dict and all(isinstance(key, str) for key in value):
        return {"dict": {key: _layout(item, arrays, places) for key, item in value.items()}}
    if _class(kind.__module__, kind.__qualname__) is kind:
        held = {name: _layout(getattr(value, name), arrays, places) for name in _names(kind)}
        return {"object": [kind.__module__, kind.__qualname__], "fields": held}
    raise TypeError(f"a {kind.__qualname__} has no layout")


def _parts(value: Any) -> Iterator[Any]:
    kind = type(value)
    if isinstance(value, ARRAYS) or kind in PLAIN:
        return
    yield value
    if kind in (tuple, list):
        inside = list(value)
    elif kind is dict:
        inside = list(value.values())
    elif _class(kind.__module__, kind.__qualname__) is kind:
        inside = [getattr(value, name) for name in _names(kind)]
    else:
        inside = []
    for item in inside:
        yield from _parts(item)


def _class(module: str, name: str) -> Any:
    """A class of jaxsl that holds fields; None if there is no such one."""
    if module.partition(".")[0] != "jaxsl":
        return None
    found = getattr(import_module(module), name, None)
    return found if isinstance(found, type) and (is_dataclass(found) or hasattr(found, "_fields")) else None


def _names(kind: Any) -> list[str]:
    return [one.name for one in fields(kind)] if is_dataclass(kind) else list(kind._fields)


def _made(kind: type[Any], held: dict[str, Any]) -> Any:
    """An object with these fields, which its class checked when it was traced."""
    if not is_dataclass(kind):
        return kind(**held)
    made: Any = object.__new__(kind)
    for name, value in held.items():
        object.__setattr__(made, name, value)
    return made
