"""The documentation is built without a warning, its code runs, and it leaves out no module and no command."""

import doctest
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import jaxsl
from jaxsl.host.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Packages without a page of their own, private helpers, and the host, of which the pages list a part.
INSIDE = re.compile(r"jaxsl\.(_|acquisition$|decision$|solver$|host\.(?!plots)|host$)")


@pytest.mark.slow
def test_sphinx_builds_without_a_warning(tmp_path):
    pytest.importorskip("myst_nb", reason="the extra `docs` is not installed")
    pytest.importorskip("latex2mathml", reason="the extra `docs` is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    method = (tmp_path / "method.html").read_text()
    assert method.count("<math") > 30 and not re.findall(r'<script[^>]*src="(?:https?:)?//', method)
    assert "jaxsl.fit.fit" in (tmp_path / "api" / "fit.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["quickstart.md", "sharp-bits.md", "fits.md"])
def test_the_code_of_a_page_does_what_it_says(page):
    text = "\n".join(re.findall(r"```pycon\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))
    test = doctest.DocTestParser().get_doctest(text, {}, page, None, 0)
    assert test.examples
    report = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


def test_every_module_of_the_core_is_in_the_reference():
    listed = set(
        re.findall(r"automodule:: (\S+)", "".join(page.read_text() for page in DOCS.glob("api/*.md")))
    )
    modules = {found.name for found in pkgutil.walk_packages(jaxsl.__path__, "jaxsl.")}
    assert listed <= modules
    missing = {name for name in modules - listed if not INSIDE.match(name)}
    assert not missing, "add them to a page of docs/api"


def test_every_command_is_on_the_page_of_commands():
    text = (DOCS / "commands.md").read_text()
    names = typer.main.get_command(app).commands
    assert len(names) >= 8 and not [name for name in names if f"`jaxsl {name}" not in text]


def test_every_page_is_reached_from_the_first():
    index = (DOCS / "index.md").read_text() + (DOCS / "api" / "index.md").read_text()
    pages = [page.stem for page in [*DOCS.glob("*.md"), *DOCS.glob("api/*.md")] if page.stem != "index"]
    pages += [f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.py")]
    assert not [page for page in pages if not re.search(rf"^{page}$", index, re.MULTILINE)]
