"""Conditions on columns: the rows NumPy would take, and nothing but comparisons gets through."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsl.host.errors import UserError
from jaxsl.host.input.condition import parse_condition

NUMBERS = {
    "N": np.array([1.0, 2.0, np.nan]),
    "D": np.array([30.0, 4.0, 5.0]),
    "val/loss": np.array([3.0, 5.0, 2.0]),
}
WORDS = {"who": ["ann", "", "it's"]}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("N < 2", [1, 0, 0]),
        ("D/N > 5 and val/loss < 4", [1, 0, 0]),
        ("N >= 2 or D == 5", [0, 1, 1]),
        ("not N >= 2", [1, 0, 1]),
        ("4 <= D < 30", [0, 1, 1]),
        ("(N < 2 or D < 5) and not (val/loss > 4)", [1, 0, 0]),
        ("who == 'ann'", [1, 0, 0]),
        ("who != 'ann' and `val/loss` != 5", [0, 0, 1]),
        ('"it\'s" == who', [0, 0, 1]),
        ("log10(D^2) > 2*log10(5)", [1, 0, 0]),
        ("N != 7", [1, 1, 0]),
    ],
)
def test_a_condition_takes_the_rows_that_it_says(text, rows):
    condition = parse_condition(text, [*NUMBERS, *WORDS])
    found = condition.holds(NUMBERS, WORDS)
    np.testing.assert_array_equal(np.broadcast_to(found, 3), np.array(rows, bool))


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("L < 4", [1, 0, 1]),
        ("not L < 4", [0, 1, 1]),
        ("L < 4 and N < 2", [1, 0, 0]),
        ("L < 4 or N < 2", [1, 0, 1]),
    ],
)
def test_an_outcome_that_is_not_known_yet_speaks_neither_for_nor_against_a_row(text, rows):
    columns = {"L": np.array([3.0, 5.0, np.nan]), "N": np.array([1.0, 2.0, 2.0])}
    found = parse_condition(text).holds(columns, {}, {"L"}, np.isnan(columns["L"]))
    np.testing.assert_array_equal(found, np.array(rows, bool))


@pytest.mark.slow
@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(*[st.sampled_from([1.0, 2.0, 3.0])] * 2), min_size=1, max_size=5), st.data())
def test_any_condition_agrees_with_python(rows, data):
    pieces = st.sampled_from(["a < b", "a >= 2", "b == 2", "a != b", "a + b > 3", "1 < a < b"])
    text = data.draw(
        st.recursive(
            pieces,
            lambda inner: st.tuples(inner, inner, st.sampled_from(["and", "or"])).map(
                lambda parts: f"(not {parts[0]}) {parts[2]} ({parts[1]})"
            ),
            max_leaves=4,
        )
    )
    a, b = np.array(rows).T
    expected = [eval(text, {"a": x, "b": y}) for x, y in rows]
    np.testing.assert_array_equal(parse_condition(text).holds({"a": a, "b": b}, {}), expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the condition is empty"),
        ("N", "'N' at character 1 is not compared with anything"),
        ("N > 1 and D", "'D' at character 11 is not compared with anything"),
        ("N = 1", "'=' at character 3 is not allowed; comparisons (< <= > >= == !=) joined by and, or, not"),
        ("N > 100M", "'100M' at character 5 is not allowed"),
        ("who > 'a'", "'who' at character 1 is compared with text, for which there are == and !="),
        ("'a' == 'a'", "is no column of text"),
        ("N*2 == 'a'", "is no column of text"),
        ("N in (1, 2)", "'in' at character 3"),
        ("N is D", "'is' at character 3"),
        ("open('x') > 1", "'open' at character 1 is not a function known here"),
        ("N < ", "something is missing at its end"),
        ("N < 3 and", "something is missing at its end"),
        ("(lambda: 1) < 2", "is not allowed"),
        ("N < 2; D", "';' at character 6"),
        ("[N] < 2", "'[' at character 1"),
    ],
)
def test_anything_else_is_refused_with_the_piece_and_its_place(text, said):
    with pytest.raises(UserError) as error:
        parse_condition(text)
    assert said in str(error.value)


@settings(deadline=None, derandomize=True)
@given(st.text(alphabet="ND1.<>=!&|()'\"`andornt *", max_size=20))
def test_any_text_is_a_condition_or_a_user_error(text):
    try:
        condition = parse_condition(text)
    except UserError:
        return
    numbers = {name: np.array([2.0, 3.0]) for name in condition.names}
    condition.holds(numbers, {name: ["x", "y"] for name in condition.words})
