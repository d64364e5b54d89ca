"""Programs that are kept: known by what they are made of, put together as they were, trusted with care."""

import gc
import json
import os
import subprocess
import sys
import weakref
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.design import Design
from jaxsl.host import trusted
from jaxsl.host.compiled import accepted, executable
from jaxsl.host.compiled.executable import compiled_alone, loaded
from jaxsl.host.compiled.identity import UnknownError, digest, settings, surroundings
from jaxsl.host.compiled.layout import parts, put_together, taken_apart
from jaxsl.host.programs import law_values
from jaxsl.host.programs.law_values import floors
from jaxsl.law import Law, params
from jaxsl.one_of import OneOf
from jaxsl.precision import double_precision
from laws import LAWS
from laws.kaplan import DATA, SIZE

FACTOR = 2.0


def line(theta, x):
    """y = a x"""
    return FACTOR * theta[0] * x[0]


def law(function, **changes):
    return Law("line", function, ("x",), params(a=(0, 9)), **changes)


def test_every_law_has_a_digest_of_its_own_that_another_process_finds_too():
    found = [digest(one) for one in LAWS]
    assert len(set(found)) == len(LAWS)
    script = (
        "from laws import LAWS\nfrom jaxsl.host.compiled.identity import digest\nprint(*map(digest, LAWS))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == found


def made(factor, default=1.0):
    """A law function that closes over a number."""

    def function(theta, x, default=default):
        return factor * theta[0] * x[0] + default

    return function


def test_a_digest_sees_code_closures_defaults_globals_and_the_box(monkeypatch):
    found = digest(law(line))
    assert digest(law(line)) == found
    assert digest(law(line, nonnegative=("x",))) != found
    assert digest(Law("line", line, ("x",), params(a=(0, 8)))) != found
    monkeypatch.setattr(sys.modules[__name__], "FACTOR", 3.0)
    assert digest(law(line)) != found
    assert digest(made(1.0)) == digest(made(1.0)) != digest(made(2.0)) != digest(made(2.0, 2.0))
    assert digest(partial(line, x=1)) != digest(partial(line, x=2))
    assert digest(np.ones(2)) != digest(np.ones(2, np.float32)) != digest(np.ones((2, 1), np.float32))
    assert digest(jax.jit(line)) == digest(jax.jit(line))


def test_what_cannot_be_looked_into_has_no_digest():
    class Own:
        pass

    for value in (Own(), Own, jax.random.key(0), np.array([None]), sys.modules[__name__], open):
        if value is open:
            assert digest(value)  # of a package whose version is known
        else:
            with pytest.raises(UnknownError):
                digest(value)


def test_settings_of_jax_are_part_of_what_a_program_is_known_by():
    with double_precision():
        inside = settings()
    assert inside != settings() and len(surroundings()) == 64


def test_what_a_program_returns_is_put_together_as_it_was():
    given = parts((Design((SIZE,)), 3))
    posterior = OneOf((SIZE, DATA), np.array(1))
    tree = {"design": Design((SIZE,)), "many": [np.ones(2), (None, True, 0.5, "a")], "law": SIZE}
    arrays, layout = taken_apart(tree, given)
    again = put_together(json.loads(json.dumps(layout)), arrays, given)
    assert again["design"].laws[0] is SIZE and again["law"] is SIZE
    assert jax.tree.structure(again) == jax.tree.structure(tree)
    assert again["many"][0] is tree["many"][0]
    with pytest.raises(TypeError, match="layout"):
        taken_apart(posterior, given)  # DATA was not given


def test_what_was_put_together_is_let_go_of_without_a_collection():
    gc.disable()
    try:
        arrays = [np.ones(3)]
        held = weakref.ref(arrays[0])
        layout = taken_apart({"a": [arrays[0]]}, [])[1]
        again = put_together(layout, arrays, [])
        del arrays, again
        assert held() is None
    finally:
        gc.enable()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A folder of programs of the test's own."""
    before = jax.config.jax_compilation_cache_dir
    trusted._made.cache_clear()
    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "cache"))
    yield tmp_path / "cache" / "programs"
    jax.config.update("jax_compilation_cache_dir", before)


def again(monkeypatch, count):
    """``floors`` as another process has it, which counts how often it is traced."""

    def added(law, x):
        count.append(law.name)
        return jnp.isin(jnp.arange(law.num_params), jnp.array(law.linear_index))

    monkeypatch.setattr(law_values, "added", added)
    from jaxsl.host.compiled.program import compiled

    return compiled(floors.__wrapped__)


def test_a_program_is_traced_once_for_all_processes(kept, monkeypatch):
    count, x = [], np.ones((3, 2))
    with double_precision():
        first = np.asarray(again(monkeypatch, count)(LAWS[0], x))
        assert count == [LAWS[0].name] and len(list(kept.iterdir())) == 1
        np.testing.assert_array_equal(again(monkeypatch, count)(LAWS[0], x), first)
        assert len(count) == 1
        again(monkeypatch, count)(LAWS[0], np.ones((4, 2)))  # of another shape
        again(monkeypatch, count)(LAWS[1], x)  # or of another law
    again(monkeypatch, count)(LAWS[0], np.ones((3, 2), np.float32))
    assert len(count) == 4 and len(list(kept.iterdir())) == 4


@pytest.mark.parametrize("content", [b"", b"{}\nmore", b"no JSON\nmore", b"cut"])
def test_a_damaged_program_is_traced_again(kept, monkeypatch, content):
    count, x = [], np.ones((3, 2), np.float32)
    again(monkeypatch, count)(LAWS[0], x)
    (file,) = kept.iterdir()
    file.write_bytes(file.read_bytes()[:-1] if content == b"cut" else content)
    assert trusted.load(file) is None
    again(monkeypatch, count)(LAWS[0], x)
    assert len(count) == 2 and trusted.load(file) is not None


def test_what_others_may_write_to_is_not_used(kept, monkeypatch):
    count, x = [], np.ones((3, 2), np.float32)
    again(monkeypatch, count)(LAWS[0], x)
    (file,) = kept.iterdir()
    file.chmod(0o666)
    assert trusted.load(file) is None
    file.chmod(0o600)
    assert trusted.load(file) is not None
    for folder in (kept, kept.parent):
        folder.chmod(0o777)
        trusted._made.cache_clear()
        assert trusted.folder() is None
        folder.chmod(0o700)
    again(monkeypatch, count)(LAWS[0], x)
    assert len(count) == 1 + 1  # without a folder it is traced


def test_where_jax_keeps_nothing_no_program_is_kept(kept, monkeypatch):
    jax.config.update("jax_compilation_cache_dir", None)
    assert trusted.folder() is None
    count = []
    again(monkeypatch, count)(LAWS[0], np.ones((5, 2), np.float32))
    assert count and not kept.exists()


def test_the_folder_stays_small_and_forgets_what_was_long_not_used(tmp_path):
    for age in range(5):
        file = tmp_path / f"program{age}"
        file.write_bytes(bytes(100))
        os.utime(file, (1e9 - age, 1e9 - age))
    trusted.prune(tmp_path, most_bytes=350)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program0", "program1", "program2"]
    trusted.prune(tmp_path, most_age=1.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["program0", "program1"]


def many(theta, seed, sizes):
    """A factor of a matrix too large for the core's own elimination, sizes that count, and a draw."""
    factor = jnp.linalg.cholesky(jnp.outer(theta, theta) + jnp.eye(theta.size))
    return {"factor": factor, "sizes": sizes * jnp.arange(3), "draw": jax.random.uniform(seed, (2,))}


def lowered(function, *arguments):
    leaves = jax.tree.leaves
    flat = jax.jit(lambda *arguments: leaves(function(*arguments)), keep_unused=True)
    return flat.lower(*arguments)


def test_an_executable_made_of_bytes_gives_what_it_gave():
    arguments = np.linspace(1, 2, 20, dtype=np.float32), jax.random.key(1), np.array([2, 3, 4], np.int32)
    first, content = compiled_alone(lowered(many, *arguments), accepted(quick=True))
    for program in (first, loaded(content)):
        found = dict(zip(("draw", "factor", "sizes"), program(arguments), strict=True))
        np.testing.assert_array_equal(found["draw"], jax.random.uniform(jax.random.key(1), (2,)))
        np.testing.assert_allclose(
            found["factor"] @ found["factor"].T, np.outer(arguments[0], arguments[0]) + np.eye(20), rtol=1e-5
        )
        assert found["sizes"].tolist() == [0, 3, 8]


def test_an_executable_that_calls_python_back_or_returns_keys_is_not_kept():
    def back(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), x.dtype), x)

    assert compiled_alone(lowered(back, np.float32(1)), {}) is None
    assert compiled_alone(lowered(jax.random.key, np.uint32(1)), {}) is None


def test_a_law_that_calls_python_back_is_traced_each_time(kept):
    def called_back(theta, x):
        shape = jax.ShapeDtypeStruct((), x.dtype)
        return jax.pure_callback(np.negative, shape, x[0], vmap_method="sequential") * theta[0]

    x, theta = np.array([[1.0], [np.inf], [2.0]], np.float32), np.ones((2, 1), np.float32)
    assert law_values.ever_finite(law(called_back), theta, x).tolist() == [True, False, True]
    assert not list(kept.iterdir())


def test_where_jaxlib_has_no_such_client_programs_are_traced(kept, monkeypatch):
    def missing():
        raise ImportError("xla_client")

    monkeypatch.setattr(executable, "_client", missing)
    surroundings.cache_clear()
    count, x = [], np.ones((6, 2), np.float32)
    again(monkeypatch, count)(LAWS[0], x)
    assert len(count) == 1 and not list(kept.iterdir())


def test_a_program_that_raises_raises_what_it_would_without_a_folder(kept, monkeypatch):
    def wrong(theta, x):
        raise ZeroDivisionError("in the law")

    with pytest.raises(ZeroDivisionError, match="in the law"):
        floors(law(wrong), np.ones((3, 1), np.float32))
    assert not list(kept.iterdir())
