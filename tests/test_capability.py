"""Capability scores: the first principal component, never learned from the target."""

import numpy as np
import pytest

from jaxsl.host.errors import UserError
from jaxsl.host.ess.capability import capability

RNG = np.random.default_rng(0)
ABILITY = RNG.normal(size=30)
SCORES = 0.5 + 0.1 * np.outer(ABILITY, [1.0, 0.5, 2.0, -0.3]) + 0.005 * RNG.normal(size=(30, 4))
LEARN = np.arange(30) < 25


def test_the_score_is_the_first_component_of_the_standardised_table():
    found = capability(SCORES, LEARN)
    standardised = (SCORES - SCORES[LEARN].mean(axis=0)) / SCORES[LEARN].std(axis=0)
    _, values, vectors = np.linalg.svd(standardised[LEARN], full_matrices=False)
    np.testing.assert_allclose(np.abs(found.score), np.abs(standardised @ vectors[0]), rtol=1e-10)
    assert found.explained == pytest.approx(values[0] ** 2 / (values**2).sum())
    assert np.corrcoef(found.score, ABILITY)[0, 1] > 0.99  # larger is better
    assert np.linalg.norm(found.loading) == pytest.approx(1)


def test_the_models_left_out_change_nothing_but_their_own_scores():
    other = SCORES.copy()
    other[~LEARN] = 9.0
    np.testing.assert_array_equal(
        capability(other, LEARN).score[LEARN], capability(SCORES, LEARN).score[LEARN]
    )


def test_gaps_are_filled_by_what_the_component_says():
    holes = SCORES.copy()
    holes[2, 0] = holes[5, 2] = holes[27, 1] = np.nan
    found = capability(holes, LEARN)
    for row, column in ((2, 0), (5, 2), (27, 1)):
        assert found.imputed[row, column] == pytest.approx(SCORES[row, column], abs=0.04)
        mean = np.nanmean(holes[LEARN, column])
        assert abs(found.imputed[row, column] - SCORES[row, column]) < abs(mean - SCORES[row, column])
    assert np.array_equal(found.imputed[~np.isnan(holes)], holes[~np.isnan(holes)])


@pytest.mark.parametrize(
    ("scores", "learn", "part"),
    [
        (SCORES[:, :1], LEARN, "two benchmarks"),
        (SCORES, np.arange(30) < 2, "three models"),
        (np.where(np.arange(4) == 1, 0.5, SCORES), LEARN, "no two different"),
        (np.where((np.arange(30) == 28)[:, None], np.nan, SCORES), LEARN, "model number 29"),
    ],
)
def test_tables_that_have_no_component_are_refused(scores, learn, part):
    with pytest.raises(UserError, match=part):
        capability(scores, learn)
