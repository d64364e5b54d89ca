"""The wheel and the sdist: what is in them, and the program from an installed copy outside the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import jaxsl

ROOT = Path(__file__).parents[1]
PACKAGES = ("jaxsl", "laws")
IN_SDIST = {
    *(*PACKAGES, "experiments", "tests", "docs", "notebooks"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml"),
    *("PKG-INFO", ".gitignore"),  # which the builder adds
}


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder of both archives, built without a network."""
    pytest.importorskip("hatchling", reason="the builder is not installed")
    folder = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "hatchling", "build", "-d", str(folder), cwd=ROOT)
    assert len(list(folder.iterdir())) == 2, done
    return folder


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """The Python of an environment that holds the wheel alone, and sees its dependencies where they are."""
    uv = shutil.which("uv") or pytest.skip("uv, which installs the wheel, is not on the path")
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=os.name != "nt")
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = shutil.which("python", path=str(scripts))
    (wheel,) = dist.glob("*.whl")
    run(uv, "pip", "install", "-q", "--offline", "--no-deps", "--python", python, str(wheel))
    own = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A path, whose own .pth files are not read: the checkout, which they name, stays out of sight.
    (Path(own) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return scripts


def run(*command, cwd=None):
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files(*folders):
    """What a folder of the checkout holds, but for what Python makes."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_both_packages_with_their_data_and_nothing_else(dist):
    (wheel,) = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    told = f"jaxsl-{jaxsl.__version__}.dist-info"
    about = {name for name in names if name.startswith(told)}
    assert names - about == files(*PACKAGES)
    assert {"jaxsl/data/pilot_runs.csv", "jaxsl/host/html/templates/report.css"} <= names
    assert {name.removeprefix(f"{told}/") for name in about} == {
        *("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }


def test_the_sdist_holds_what_a_clone_does_but_for_its_ci(dist):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {name.partition("/")[0] for name in names} == IN_SDIST
    assert files(*PACKAGES, "experiments", "tests") <= names


def test_the_version_stands_in_one_place(dist):
    assert all(f"-{jaxsl.__version__}" in path.name for path in dist.iterdir())
    assert f"## {jaxsl.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    assert f'"{jaxsl.__version__}"' not in (ROOT / "pyproject.toml").read_text()


@pytest.mark.slow
def test_an_installed_copy_answers_from_any_folder(installed, tmp_path):
    program = shutil.which("jaxsl", path=str(installed))
    python = shutil.which("python", path=str(installed))
    for package in PACKAGES:
        place = Path(run(python, "-c", f"import {package}; print({package}.__file__)", cwd=tmp_path).strip())
        assert installed.parent in place.parents and ROOT not in place.parents
    assert run(program, "--version", cwd=tmp_path) == f"jaxsl {jaxsl.__version__}\n"
    assert "chinchilla" in run(program, "laws", cwd=tmp_path)
    rows = [(n, d, 1.7 + 400 * n**-0.34 + 400 * d**-0.28) for n in (1e7, 1e8, 1e9) for d in (1e9, 1e10, 1e11)]
    table = tmp_path / "runs.csv"
    table.write_text("\n".join(["N,D,loss", *(f"{n},{d},{loss}" for n, d, loss in rows)]))
    assert "alpha" in run(program, "fit", "runs.csv", "--law", "chinchilla", cwd=tmp_path)
    page = run(program, "report", "runs.csv", "--law", "chinchilla", "-o", "page.html", cwd=tmp_path)
    assert "page.html" in page and "<style>" in (tmp_path / "page.html").read_text()
    assert "R² on the target" in run(program, "demo", "--share", "0.02", cwd=tmp_path)
