"""The benchmark's laws against an independent evaluation of the same formulas.

``laws_golden.npz`` beside this file holds three parameter vectors and two configurations of each law; the
whole of it, laws.npz with thirty and eight, is used where it is.
"""

import functools
import os
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxsl.precision import double_precision
from laws import LAWS

FOLDERS = {
    "data_con": "data_constrained_scaling_law",
    "domain": "domain_mixture_scaling_law",
    "farseer": "farseer_scaling_law",
    "lr_bsz": "lr_bsz_scaling_law",
    "moe": "moe_scaling_law",
    "parallel": "parallel_scaling_law",
    "sparsity": "sparsity_scaling_law",
    "vocab": "vocab_scaling_law",
}
BENCHMARK = [law for law in LAWS if law.name.partition("/")[0] in FOLDERS]


@functools.cache
def golden():
    folder = Path(os.environ.get("JAXSL_GOLDEN", Path(__file__).parents[1] / "../shared/golden"))
    path = folder / "laws.npz"
    return np.load(path if path.is_file() else Path(__file__).parent / "laws_golden.npz")


@pytest.mark.parametrize("law", BENCHMARK, ids=lambda law: law.name)
def test_values_and_derivatives_agree_with_the_golden_file(law):
    task, _, number = law.name.partition("/")
    entry = f"{FOLDERS[task]}/{number}/"
    both = {
        key: np.concatenate([golden()[f"{entry}{key}"], golden()[f"{entry}tame/{key}"]])
        for key in ("theta", "pred", "jac_true")
    }
    theta, x = both["theta"], golden()[f"{entry}X"]
    assert theta.shape[1] == law.num_params
    expected = both["pred"].reshape(len(theta), len(x), law.num_outputs)
    expected_jacobian = both["jac_true"].reshape(*expected.shape, law.num_params)

    @jax.jit
    def evaluate(theta, x):
        return jax.vmap(lambda one: (law.predict(one, x), law.jacobian(one, x)))(theta)

    with double_precision():
        values, jacobian = map(np.asarray, evaluate(theta, x))
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    largest = np.max(np.abs(expected_jacobian), axis=-1, keepdims=True)
    error = np.abs(jacobian - expected_jacobian) - 1e-6 * np.abs(expected_jacobian)
    assert np.all(error <= 1e-12 * largest)
