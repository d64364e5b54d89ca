"""A function of the host as a program: found where it was kept, else traced, kept and compiled."""

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import equinox as eqx
import jax

from jaxsl.host.compiled.executable import Executable, compiled_alone, loaded
from jaxsl.host.compiled.identity import UnknownError, digest, settings, surroundings
from jaxsl.host.compiled.lapack import find_lapack
from jaxsl.host.compiled.layout import ARRAYS, parts, put_together, taken_apart
from jaxsl.host.compiled.options import accepted, level_is_open
from jaxsl.host.trusted import folder, load, save

R = TypeVar("R")
# How many numbers may go into a program that is compiled quickly: five calls or more cost what compiling it
# saves. Scores of a hundred candidates take 0.02 s a call longer and save 1.2 s, decisions of a thousand
# drawn curves 0.1 to 0.3 s and 0.7 to 1.5 s.
SMALL = 2**17
FEW = 2**12  # of one that fits, and goes through its runs thousands of times: of 512, 0.2 s and 2.7 s


_held: list[dict[Any, "Kept | None"]] = []  # the programs of this process, a function each


def num_held() -> int:
    """How many programs this process holds, apart from those that JAX does."""
    return sum(map(len, _held))


def forget() -> None:
    """Let go of them, as ``jax.clear_caches`` of JAX's: what is wanted again is loaded again."""
    for programs in _held:
        programs.clear()


class Kept(NamedTuple):
    """A program for arguments of some shapes.

    Attributes:
        program: from the arrays among the arguments to those of what is returned.
        layout: of what is returned. given: the parts of the arguments that it may refer to.
    """

    program: Executable
    layout: Any
    given: list[Any]

    def __call__(self, arrays: list[Any]) -> Any:
        """What the function returns."""
        return put_together(self.layout, self.program(arrays), self.given)


def compiled(function: Callable[..., R], small: int = SMALL, of: int | None = None) -> Callable[..., R]:
    """``eqx.filter_jit`` with ``accepted`` options, for a function that is called and never traced.

    Arrays may be NumPy's or JAX's. Of a function of jaxsl's the program is kept, see ``jaxsl.host.compiled``.

    Args:
        function: from any arguments to arrays.
        small: how many numbers may go into a program that is compiled quickly, and runs two to four times as
            long. Of jaxsl's functions alone: what others do with few numbers may be whole episodes.
        of: the argument whose numbers count; all when None.
    """
    ours = function.__module__.startswith("jaxsl.")
    named = ours and "<" not in function.__qualname__
    programs: dict[Any, Kept | None] = {}
    _held.append(programs)

    @cache
    def traced(quick: bool) -> Callable[..., R]:
        jit: Any = eqx.filter_jit  # whose annotations leave out what it hands on to jax.jit
        return jit(function, compiler_options=accepted(quick))

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> R:
        elsewhere = getattr(jax.config, "jax_default_device", None)  # executables are for the first device
        place = folder() if named and elsewhere is None else None
        leaves, tree = jax.tree.flatten((args, kwargs))
        size = _num_numbers(leaves if of is None else jax.tree.leaves(args[of]))
        quick = ours and size <= small and level_is_open()
        if place is None or not all(map(_is_plain, leaves)):
            return traced(quick)(*args, **kwargs)
        called = Called(function, leaves, tree, quick)
        known = called.known
        if known not in programs:
            programs[known] = called.kept(place)
        program = programs[known]
        return traced(quick)(*args, **kwargs) if program is None else program(called.arrays)

    return call


def compiled_fit(function: Callable[..., R]) -> Callable[..., R]:
    """``compiled``, for a function that fits: the runs, which follow the law, decide how long it works."""
    return compiled(function, FEW, of=1)


def compiled_often(function: Callable[..., R]) -> Callable[..., R]:
    """The function of ``compiled`` as another program, for hundreds of calls: never compiled quickly."""
    return compiled(function.__wrapped__, 0)  # type: ignore[attr-defined]


class Called(NamedTuple):
    """A function with its arguments, as leaves of a tree, and whether to compile it quickly."""

    function: Callable[..., Any]
    leaves: list[Any]
    tree: Any
    quick: bool

    @property
    def arrays(self) -> list[Any]:
        """Those of the leaves that are arrays."""
        return [leaf for leaf in self.leaves if isinstance(leaf, ARRAYS)]

    @property
    def shapes(self) -> tuple[Any, ...]:
        """The leaves as a program is made for them: arrays by shape and type, all others as they are."""
        return tuple(
            (leaf.shape, str(leaf.dtype), getattr(leaf, "weak_type", False))
            if isinstance(leaf, ARRAYS)
            else (type(leaf).__name__, leaf)
            for leaf in self.leaves
        )

    @property
    def known(self) -> Any:
        """What the program is known by in this process."""
        return self.tree, self.shapes, settings()

    def with_arrays(self, arrays: Any) -> Any:
        """The arguments with other arrays, as ``(args, kwargs)``."""
        others = iter(arrays)
        leaves = [next(others) if isinstance(leaf, ARRAYS) else leaf for leaf in self.leaves]
        return jax.tree.unflatten(self.tree, leaves)

    def kept(self, place: Path) -> Kept | None:
        """The program from a folder, or traced and kept there; None where it cannot be kept."""
        empty = self.with_arrays([None] * len(self.arrays))
        try:
            name = f"{self.function.__module__}.{self.function.__qualname__}"
            path = place / digest(name, empty, self.shapes, self.quick, settings(), surroundings())
        except (UnknownError, ImportError, AttributeError):  # the last two of a jaxlib that says no machine
            return None
        given = parts(empty)
        return self._loaded(path, given) or self._traced(path, given)

    def _loaded(self, path: Path, given: list[Any]) -> Kept | None:
        found = load(path)
        if found is None:
            return None
        facts, content = found
        try:
            return Kept(loaded(content), facts["layout"], given)
        except Exception:  # whatever it is, tracing goes around it
            return None

    def _traced(self, path: Path, given: list[Any]) -> Kept | None:
        layouts = []

        def program(*arrays: Any) -> list[Any]:
            args, kwargs = self.with_arrays(arrays)
            leaves, layout = taken_apart(self.function(*args, **kwargs), given)
            layouts.append(layout)
            return leaves

        program.__name__ = self.function.__name__
        try:
            find_lapack()  # as lowering would, with all of SciPy's linear algebra
            lowered = jax.jit(program, keep_unused=True).lower(*self.arrays)
            found = compiled_alone(lowered, accepted(self.quick))
        except Exception:  # an error of the function itself comes again where it is called
            return None
        if found is None:
            return None
        executable, content = found
        save(path, {"layout": layouts[0]}, content)
        return Kept(executable, layouts[0], given)


def _num_numbers(leaves: list[Any]) -> int:
    return sum(leaf.size for leaf in leaves if isinstance(leaf, ARRAYS))


def _is_plain(leaf: Any) -> bool:
    """Whether a leaf is hashable, and no tracer nor anywhere but on the first device."""
    if isinstance(leaf, jax.core.Tracer):
        return False
    if isinstance(leaf, jax.Array):
        return leaf.sharding.device_set == {jax.devices()[0]}
    return isinstance(leaf, ARRAYS) or type(leaf).__hash__ is not None
