"""Sobol's sequence against SciPy's."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import qmc

from jaxsl.sobol import sobol


@pytest.mark.parametrize(
    ("num_points", "num_dims", "seed"), [(64, 53, 0), (1, 3, 0), (256, 2, 7), (8, 60, 1)]
)
def test_the_points_are_those_of_scipy(num_points, num_dims, seed):
    order = max(num_points - 1, 1).bit_length()
    expected = qmc.Sobol(num_dims, seed=seed).random_base2(order)[:num_points]
    np.testing.assert_array_equal(sobol(num_points, num_dims, seed), expected)


@pytest.mark.slow
def test_starting_points_are_drawn_without_scipys_statistics():
    script = (
        "import sys, jax; from jaxsl.starts import random_starts; from laws.kaplan import SIZE\n"
        "random_starts(jax.random.key(0), SIZE, 4); print('scipy.stats' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
