"""The pages about laws: their code runs, and their tables say what the tests hold."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from test_laws_numerics import NEEDS_FLOAT64
from typer.testing import CliRunner

from jaxsl.host.cli import app
from laws import LAWS

DOCS = Path(__file__).parents[1] / "docs"
RUNS = "N,D,loss\n" + "".join(
    f"{N:g},{D:g},{1.7 + 400 * N**-0.34 + 400 * (D + 1e8) ** -0.28:.6f}\n"
    for N in (1e7, 3e7, 1e8, 3e8)
    for D in (1e9, 4e9, 1.6e10)
)


def blocks(page, kind):
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


@pytest.fixture
def law_file(tmp_path, monkeypatch):
    (text,) = blocks("write-a-law.md", "python")
    (tmp_path / "mylaw.py").write_text(text)
    (tmp_path / "runs.csv").write_text(RUNS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.slow
def test_the_page_on_writing_a_law_says_what_happens(law_file):
    text = "\n".join(blocks("write-a-law.md", "pycon"))
    test = doctest.DocTestParser().get_doctest(text, {}, "write-a-law.md", None, 0)
    assert len(test.examples) > 10
    report = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.slow
def test_its_commands_run(law_file):
    commands = [line.removeprefix("$ ") for line in blocks("write-a-law.md", "console")[0].splitlines()]
    assert [command.split()[1] for command in commands] == ["laws", "laws", "fit"]
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"


def test_the_zoo_page_lists_the_laws_that_need_float64_and_counts_right():
    text = (DOCS / "laws.md").read_text()
    table = dict(re.findall(r"^\| (\S+/sl_\d+) \| (.*) \|$", text, re.MULTILINE))
    assert table == NEEDS_FLOAT64
    benchmark = [law for law in LAWS if re.search(r"/sl_\d+$", law.name)]
    assert f"**{len(benchmark)} laws of the benchmark**" in text
    assert f"**{len(LAWS) - len(benchmark)} laws from the literature**" in text
