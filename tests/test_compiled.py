"""The host's programs: compiled once for all calls of the same shapes, with what the installed XLA knows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsl.host.compiled import accepted, compiled, compiled_often
from jaxsl.host.compiled import options as module


def test_a_program_is_traced_once_and_gives_what_the_function_gives():
    traced = []

    @compiled
    def double(x, offset=0.0):
        """Twice."""
        traced.append(x.shape)
        return 2 * x + offset

    assert [float(double(jnp.asarray(x), offset=1.0)) for x in (1.0, 2.0)] == [3.0, 5.0]
    assert traced == [()] and double.__doc__ == "Twice."


def test_options_that_xla_does_not_know_are_left_out(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    of_this_release = module.OPTIONS if jax.default_backend() == "cpu" else {}
    assert accepted.__wrapped__() == of_this_release
    monkeypatch.setattr(module, "OPTIONS", {**module.OPTIONS, "xla_that_never_was": True})
    assert accepted.__wrapped__() == of_this_release


def test_what_the_environment_says_of_an_option_holds(monkeypatch):
    said = "xla_backend_optimization_level"
    monkeypatch.setenv("XLA_FLAGS", f"--xla_force_host_platform_device_count=1 --{said}=3")
    assert accepted.__wrapped__().keys() == (
        module.OPTIONS.keys() - {said} if jax.default_backend() == "cpu" else set()
    )


def test_only_the_level_of_optimisation_is_less_in_a_quick_program(monkeypatch):
    monkeypatch.setattr(module, "accepted", lambda: {"other": 1, module.LEVEL: 1})
    assert accepted.__wrapped__(quick=True) == {"other": 1, module.LEVEL: 0}


def test_what_little_goes_into_is_compiled_quickly_unless_it_is_called_often(monkeypatch):
    asked = []
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr("jaxsl.host.compiled.program.accepted", lambda quick: asked.append(quick) or {})

    def total(x, y):
        return jnp.sum(x) + y

    theirs = compiled(total, small=8)  # what others than jaxsl do with few numbers is not known
    total.__module__ = "jaxsl.somewhere"
    for program in (theirs, compiled(total, small=8)):
        for size in (7, 8, 7):  # with y, eight numbers go in, nine, and eight again
            assert float(program(np.ones(size), np.ones(()))) == size + 1
    second = compiled(total, small=8, of=1)
    for program in (second, compiled_often(second)):
        assert float(program(np.ones(9), np.ones(()))) == 10
    monkeypatch.setenv("XLA_FLAGS", f"--{module.LEVEL}=2")  # which then is everybody's
    assert float(compiled(total, small=8)(np.ones(3), np.ones(()))) == 4
    assert asked == [False, True, False, True, False, False]


def test_a_program_inside_another_is_refused(monkeypatch):
    """Or its options would be lost in silence; the core's functions are there for that."""
    if jax.default_backend() == "cpu":
        monkeypatch.setattr("jaxsl.host.compiled.program.accepted", lambda quick: module.OPTIONS)
    inner = compiled(jnp.sin)
    with pytest.raises(ValueError, match="top-level"):
        jax.jit(lambda x: inner(x))(1.0)


def test_on_a_gpu_xla_keeps_its_own_settings(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert accepted.__wrapped__() == {}
