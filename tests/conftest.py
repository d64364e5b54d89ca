"""Fixtures shared by the tests of the core."""

import pytest

from jaxsl.precision import double_precision


@pytest.fixture(autouse=False)
def float64():
    """The scope of double precision that the host enters for the core."""
    with double_precision():
        yield
