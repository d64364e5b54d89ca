"""Expressions on columns: right values, and nothing but arithmetic gets through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsl.host.errors import UserError
from jaxsl.host.input.expression import LONGEST, parse

COLUMNS = {"N": np.array([1e6, 4.0]), "D": np.array([2e7, 9.0]), "tokens seen": np.array([8.0, 2.0])}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("6*N*D", [1.2e14, 216.0]),
        ("  N + 1 ", [1e6 + 1, 5.0]),
        ("-N^2", [-1e12, -16.0]),
        ("2^3**2", [512.0, 512.0]),
        ("(N - D) / 2.5e-1", [-7.6e7, -20.0]),
        ("`tokens seen` ** -1", [0.125, 0.5]),
        ("log10(N) + log(exp(1)) + sqrt(`tokens seen`/2)", [9.0, np.log10(4) + 2]),
        ("max(N, D, 1e7) - min(N, 5)", [2e7 - 5, 1e7 - 4]),
        ("+.5*N + 1.", [5e5 + 1, 3.0]),
    ],
)
def test_arithmetic_has_the_value_numpy_gives(text, value):
    result = np.broadcast_to(parse(text).evaluate(COLUMNS), 2)
    np.testing.assert_allclose(result, value, rtol=1e-15)


def test_names_are_the_columns_once_each_in_order_and_no_functions():
    assert parse("log(D) + N*D + log").names == ("D", "N", "log")
    assert parse("`tokens seen` * µ").names == ("tokens seen", "µ")
    assert parse("6e3").names == ()


def test_an_expression_is_frozen_and_equal_by_text():
    assert parse("N+D") == parse("N+D") != parse("N + D")
    with pytest.raises(AttributeError):
        parse("N").text = "D"


def test_arithmetic_without_an_answer_is_not_finite_and_silent():
    assert np.isnan(parse("log(-N)").evaluate(COLUMNS)).all()
    assert np.isinf(parse("1/0").evaluate({}))


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("__import__('os').system('true')", '"\'" at character 12'),
        ("f(N)", "'f' at character 1 is not a function"),
        ("2*eval(N)", "'eval' at character 3 is not a function"),
        ("N.real", "'.' at character 2"),
        ("N[0]", "'[' at character 2"),
        ("N//2", "'/' at character 2"),
        ("N % 2", "'%' at character 3"),
        ("N < D", "'<' at character 3"),
        ("N if D else 2", "'if' at character 3"),
        ("N and D", "'and' at character 3"),
        ("lambda: 3", "':' at character 7"),
        ("(N, D)", "'(' at character 1"),
        ("max(*N, D)", "'*' at character 5"),
        ("min(N)", "'min' at character 1 takes at least two values, not 1"),
        ("3 + log(N, D)", "'log' at character 5 takes one value, not 2"),
        ("log(x=3)", "'=' at character 6"),
        ("5(N)", "'5' at character 1"),
        ("1_000*N", "'1_000' at character 1"),
        ("0x1f", "'0x1f' at character 1"),
        ("3N", "'3N' at character 1"),
        ("6 N D", "'N' at character 3"),
        ("6×N", "'×' at character 2"),
        ("6*N*", "missing at its end"),
        ("((N", "'(' at character 2"),
        ("`N", "'`' at character 1"),
        ("N # D", "'#' at character 3"),
    ],
)
def test_anything_else_is_refused_with_the_piece_and_its_place(text, piece):
    with pytest.raises(UserError) as error:
        parse(text)
    assert piece in str(error.value)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("text", ["", "   ", "+".join(["N"] * LONGEST), "(" * 240 + "N" + ")" * 240])
def test_empty_and_endless_expressions_are_refused(text):
    with pytest.raises(UserError):
        parse(text)


def test_the_deepest_expression_that_is_read_can_be_evaluated():
    assert parse("-" * (LONGEST - 2) + "7").evaluate({}) == 7.0


@pytest.mark.slow
@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="ND1.e+-*/^(),` _logmaxif[]:=\n", max_size=20) | st.text(max_size=12))
def test_any_text_is_a_value_or_a_user_error(text):
    try:
        expression = parse(text)
    except UserError:
        return
    expression.evaluate({name: np.array([2.0, 3.0]) for name in expression.names})
