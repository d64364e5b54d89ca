"""No command writes over an input or a journal; over other files only when told; whole or not at all."""

import ast
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import jaxsl
from jaxsl.host.cli import app
from jaxsl.host.errors import UserError
from jaxsl.host.study import Study
from jaxsl.host.writing import check_output, is_journal, write_file, write_text

RUNS = "N,D,loss\n" + "".join(f"{n}e6,{d}e8,{4 - n / 10 - d / 10}\n" for n in (1, 2, 4) for d in (1, 2))
LAW = "from jaxsl.law import Law, params\n"
LAW += "MINE = Law('mine', lambda t, x: t[0] + x[0], ('N',), params(E=(0, 5)))\n"
TARGET = ("--target", "N=1e9,D=2e10")


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs.csv").write_text(RUNS)
    (tmp_path / "aim.csv").write_text("N,D\n1e9,2e10\n")
    (tmp_path / "law.py").write_text(LAW)
    Study.create("p.jsonl", "chinchilla", target=TARGET[1], candidates="runs.csv", cost="6*N*D")
    Study.create("own.jsonl", "law.py:MINE", target="N=1e9", candidates="runs.csv", cost="6*N*D")
    (tmp_path / "link.csv").symlink_to("runs.csv")
    os.link("p.jsonl", "hard.csv")
    os.link("law.py", "law.csv")
    (tmp_path / "sub").mkdir()
    return tmp_path


REPORT = ("report", "runs.csv", "--law", "chinchilla")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*REPORT, "-o", "runs.csv"), "runs.csv is read here"),
        ((*REPORT, "-o", "sub/../runs.csv"), "is read here"),
        ((*REPORT, "-o", "link.csv"), "link.csv is read here"),
        ((*REPORT, "--target", "aim.csv", "-o", "aim.csv"), "aim.csv is read here"),
        (("report", "runs.csv", "--law", "law.py:MINE", "-o", "law.py"), "law.py is read here"),
        ((*REPORT, "-o", "p.jsonl"), "p.jsonl is a study's journal"),
        ((*REPORT, "-o", "hard.csv"), "hard.csv is a study's journal"),
        (("report", "p.jsonl", "-o", "p.jsonl"), "p.jsonl is read here"),
        (("study", "export", "p.jsonl", "hard.csv"), "hard.csv is read here"),
        (("study", "export", "own.jsonl", "hard.csv"), "hard.csv is a study's journal"),
        (("report", "own.jsonl", "-o", "law.py"), "law.py is read here"),
        (("study", "export", "own.jsonl", "law.csv"), "law.csv is read here"),
        ((*REPORT, "-o", "sub"), "sub is a folder"),
    ],
)
def test_an_input_and_a_journal_are_never_written_over(folder, words, said):
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for extra in ((), ("--force",)):
        result = invoke(*words, *extra)
        assert result.exit_code == 2 and said in result.stderr and result.stderr.count("\n") == 1
        assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_another_file_is_replaced_only_when_told(folder):
    refused = invoke("study", "export", "p.jsonl", "runs.csv")
    assert refused.exit_code == 2 and "--force replaces it" in refused.stderr
    assert (folder / "runs.csv").read_text() == RUNS
    assert invoke(*REPORT, "-o", "aim.csv").exit_code == 2 and (folder / "aim.csv").read_text()[0] == "N"
    assert invoke("study", "export", "p.jsonl", "runs.csv", "--force").exit_code == 0
    assert (folder / "runs.csv").read_text().startswith('"id","status"')
    assert not list(folder.glob("*.part"))


def test_what_fails_half_way_changes_nothing(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("old")

    def full(partial):
        partial.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match=r"cannot write .*No space left on device; nothing was changed"):
        write_file(page, full, force=True)
    with pytest.raises(UserError, match="cannot write"):
        write_text(tmp_path / "no" / "page.html", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"] and page.read_text() == "old"


def test_a_link_stays_a_link_and_a_pipe_is_written_to(tmp_path):
    (tmp_path / "real.html").write_text("old")
    (tmp_path / "link.html").symlink_to("real.html")
    write_text(tmp_path / "link.html", "new", force=True)
    assert (tmp_path / "link.html").is_symlink() and (tmp_path / "real.html").read_text() == "new"
    write_text("/dev/null", "gone")


def test_a_journal_is_known_by_its_first_line_even_when_that_is_cut_off(tmp_path):
    journal = tmp_path / "p.jsonl"
    Study.create(journal, "chinchilla", target=TARGET[1], space=["N = 1e8", "D = 1e9"], cost="6*N*D")
    journal.write_bytes(journal.read_bytes()[:60])
    assert is_journal(journal) and not is_journal(tmp_path) and not is_journal(tmp_path / "none")
    with pytest.raises(UserError, match="is a study's journal"):
        check_output(journal, force=True)


def test_nothing_but_the_journal_and_its_kin_writes_a_file_otherwise():
    """Whoever adds an output is led to ``write_file``; what may be written besides stands here."""
    allowed = {"writing.py", "journal.py", "lock.py", "provenance.py"}  # the last writes into memory
    writers = {"write_bytes", "write_csv", "savefig", "to_csv", "to_parquet"}
    ours = {"write_text", "write_table"}  # functions of writing.py, and methods of others
    found = set()
    for path in Path(jaxsl.__file__).parent.rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            mode = call.args[1].value if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) else ""
            opens = name == "open" and isinstance(mode, str) and set("wx+") & set(mode)
            method = name in ours and isinstance(call.func, ast.Attribute)
            if path.name not in allowed and (opens or method or name in writers):
                found.add((path.name, name))
    assert not found
