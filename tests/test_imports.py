"""What each command imports: nothing heavy before it is needed, no JAX to say what is wrong with a table."""

import os
import subprocess
import sys

import pytest

HEAVY = {
    *("jax", "equinox", "numpy", "scipy", "pandas"),
    *("scipy.linalg", "scipy.special", "scipy.stats", "scipy.optimize"),
    *("pyarrow", "pyarrow.parquet", "matplotlib", "jinja2", "optax", "jaxopt", "sklearn", "mlflow", "wandb"),
}
TABLE = {"numpy", "pyarrow"}  # what it takes to read one
ENGINE = {*TABLE, "jax", "equinox", "scipy"}  # scipy alone, for two modules of it that hold LAPACK
RUNS = "N,D,loss\n" + "".join(
    f"{n:g},{d:g},{3 + 100 / n**0.3 + 100 / d**0.3:.4f}\n" for n in (1e6, 2e6, 4e6) for d in (1e8, 4e8)
)
SCRIPT = """
import sys
from jaxsl.host.cli import main
sys.argv = ["jaxsl", *sys.argv[2:]]
try:
    main()
except SystemExit as end:
    status = end.code
print(*sorted(set({heavy!r}) & sys.modules.keys()), file=open({out!r}, "w"))
sys.exit(status)
"""


@pytest.fixture
def imported(tmp_path):
    """Which heavy modules a command has imported when it ends, how it ended and what it said."""
    (tmp_path / "runs.csv").write_text(RUNS)
    (tmp_path / "renamed.csv").write_text(RUNS.replace("loss", "value"))
    (tmp_path / "bad.csv").write_text(RUNS.replace("4e+06", "four"))
    out = tmp_path / "imported.txt"

    def run(*arguments):
        script = SCRIPT.format(heavy=HEAVY, out=str(out))
        done = subprocess.run(
            [sys.executable, "-c", script, "jaxsl", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ,
        )
        return set(out.read_text().split()), done.returncode, done.stderr

    return run


@pytest.mark.parametrize("command", [["--help"], ["fit", "--help"], ["study", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(imported, command):
    assert imported(*command)[:2] == (set(), 0)


FIT = ["--law", "chinchilla"]
NEXT = [*FIT, "--target", "N=1e9,D=2e10", "--cost"]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["fit", "nowhere.csv", *FIT], "cannot read nowhere.csv"),
        (["fit", "renamed.csv", *FIT], "no column for the outcome 'loss'"),
        (["fit", "bad.csv", *FIT], "'four"),
        (["fit", "runs.csv", "--law", "chinchila"], "did you mean chinchilla"),
        (["fit", "runs.csv", *FIT, "--map", "N=6*"], "6*"),
        (["fit", "runs.csv", *FIT, "--map", "N=params"], "has no column 'params'"),
        (["fit", "runs.csv", *FIT, "--where", "N > 1e99"], "no row"),
        (["fit", "runs.csv", *FIT, "--target", "nowhere"], "--target nowhere"),
        (["fit", "renamed.csv", *FIT, "--law", "kaplan/nd"], "no column for the outcome 'loss'"),
        (["next", "runs.csv", *NEXT, "6*N*D"], "no candidate"),
        (["next", "runs.csv", *NEXT, "6*N*X"], "no column 'X'"),
        (["next", "runs.csv", *NEXT[:-1]], "no column 'cost'"),
        (["laws", "rank", "renamed.csv", *FIT], "no column for the outcome 'loss'"),
        (["report", "renamed.csv", *FIT], "no column for the outcome 'loss'"),
        (["replay", "renamed.csv", *FIT, "--target", "N=1e9,D=2e10"], "no column for the outcome 'loss'"),
        (["compare", "renamed.csv", "--law", "chinchilla@epoch"], "no column for the outcome 'loss'"),
        (["optimal", "renamed.csv", *FIT, "--budget", "1e22"], "no column for the outcome 'loss'"),
        (["reach", "renamed.csv", *FIT, "--loss", "2"], "no column for the outcome 'loss'"),
        (["isoflop", "renamed.csv"], "no column for the outcome 'loss'"),
        (["multiplier", "runs.csv", "renamed.csv", *FIT, "--budget", "1e22"], "no column for the outcome"),
        (["tune", "nowhere.csv", "--over", "lr", "--by", "N"], "cannot read nowhere.csv"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_what_is_wrong_with_a_table_is_said_before_jax_is_imported(imported, command, words):
    modules, status, said = imported(*command)
    assert status == 2 and words in said and said.startswith("error: ")
    assert modules <= TABLE


@pytest.mark.slow
def test_a_fit_imports_the_engine_and_no_more(imported):
    for _ in range(2):  # the first keeps its programs, whose starting points SciPy draws
        modules, status, said = imported("fit", "runs.csv", "--law", "kaplan/n")
    assert status == 0, said
    assert modules == ENGINE


def test_lapack_is_found_without_the_package_around_it_which_can_be_imported_later():
    script = """
import sys
import jax.numpy as jnp
import numpy as np
from jaxsl.host.compiled.lapack import find_lapack
find_lapack()
assert "scipy.linalg" not in sys.modules
factor = jnp.linalg.cholesky(jnp.array([[4.0, 2.0], [2.0, 5.0]]))
import scipy.linalg
from scipy.linalg import cython_lapack
np.testing.assert_allclose(factor, scipy.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]], lower=True))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_completion_offers_every_verb():
    from jaxsl import host

    assert {*host.__all__} <= {*dir(host)}
