"""Every printed table fits 60, 80 and 120 columns and loses nothing; NO_COLOR means no bold and no dim."""

import io
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from experiments.report import tell_table
from jaxsl.host.cli import app
from jaxsl.host.compiled.program import Kept
from jaxsl.host.show import console
from jaxsl.host.show.grid import Grid

RUNS = """N,D,loss,who
1e8,2e9,3.31,alexander
1e8,8e9,3.02,berenice
2e8,4e9,3.01,caspar
4e8,2e9,3.08,dorothea the second
4e8,8e9,2.76,emil
8e8,4e9,2.85,franziska
4e8,3e10,,a run on the large machine
1e9,1e10,,another run on the large machine
2e9,2e10,,
"""
DONE = RUNS.replace(",,", ",2.61,")
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
LINE = "x,y\n0,0.21\n1,0.29\n2,0.41\n3,0.49\n"
FIT = ("--law", "chinchilla", "--target", "N=7e10,D=1.4e12")
TWO = ("--law", "kaplan/nd", *FIT)
COST = ("--cost", "6*N*D")
PUBLISHED = ("--law", "chinchilla@epoch", "--law", "chinchilla@hoffmann", "--law", "kaplan/n@kaplan")
WORTH = ("--item-sd", "0.8")
COMMANDS = {
    "fit": ("fit", "runs.csv", *FIT),
    "next": ("next", "runs.csv", *FIT, *COST),
    "several fit": ("fit", "runs.csv", *TWO),
    "several next": ("next", "runs.csv", *TWO, *COST),
    "rank": ("laws", "rank", "runs.csv", *TWO),
    "replay": ("replay", "done.csv", "--law", "kaplan/n", "--target-share", "0.45", *COST, "--draws", "2"),
    "ess": ("ess", "line.csv", "--target", "4", "--cost", "exp(x)", "--items", "100", "--item-cost", "1"),
    "ess of a law": ("ess", "done.csv", *FIT, *WORTH),
    "plan": ("allocate", "--budget", "9.47", "--cost", "0.3*exp(x)", "--target", "4,7", "--line", "0,0.1"),
    "published": ("predict", *PUBLISHED, "--at", "N=1e9,D=2e10"),
    "compare": ("compare", "done.csv", *PUBLISHED),
    "tune": ("tune", "grids.csv", "--over", "lr", "--by", "N", "--at", "N=1e9"),
    "laws": ("laws",),
    "law": ("laws", "chinchilla"),
    "study ask": ("study", "ask", "{}.jsonl", "-n", "2"),
    "study show": ("study", "show", "{}.jsonl"),
    "demo": ("demo", "--runs", "demo.csv", "--share", "0.3"),
}
SLOW = {"replay", "demo", "study ask", "study show", "several fit", "several next", "rank", "ess of a law"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("printed")
    (folder / "runs.csv").write_text(RUNS)
    (folder / "done.csv").write_text(DONE)
    (folder / "line.csv").write_text(LINE)
    cells = [f"{n:g},{r:g},{3 + n * 1e-9 + np.log(r * n / 1e5) ** 2}" for n in (1e7, 4e7, 9e7) for r in RATES]
    (folder / "grids.csv").write_text("\n".join(["N,lr,loss", *cells, "1e6,1,1", "1e6,2,2"]))
    size, tokens = (grid.ravel() for grid in np.meshgrid(np.logspace(4, 6, 4), np.logspace(6, 8, 4)))
    loss = 1 + 30 * size**-0.34 + 300 * tokens**-0.4
    rows = np.stack([size, tokens, 6 * size * tokens, loss], axis=1)
    np.savetxt(folder / "demo.csv", rows, "%.6g", ",", header="N,D,flops,loss", comments="")
    return folder


@pytest.fixture
def computed_once(monkeypatch):
    """What a program said of some arrays it says again: every width is of the same numbers."""
    found, compute = {}, Kept.__call__

    def once(program, arrays):
        told = (
            jax.random.key_data(one) if jax.dtypes.issubdtype(one.dtype, jax.dtypes.prng_key) else one
            for one in arrays
        )
        key = id(program), *(np.asarray(one).tobytes() for one in told)
        if key not in found:
            found[key] = compute(program, arrays)
        return found[key]

    monkeypatch.setattr(Kept, "__call__", once)


def printed(command, folder, width, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(console, "PIPE_WIDTH", width)
    if "{}.jsonl" in command and not (folder / f"{width}.jsonl").exists():
        made = ("study", "new", f"{width}.jsonl", *FIT, *COST, "--candidates", "runs.csv", "--budget", "1e22")
        assert CliRunner().invoke(app, made).exit_code == 0
    result = CliRunner().invoke(app, [word.format(width) for word in command])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in COMMANDS]
)
def test_a_command_prints_the_same_numbers_at_every_width(name, folder, monkeypatch, computed_once):
    wide = printed(COMMANDS[name], folder, 200, monkeypatch)
    wide = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+", "", wide)  # each width has a journal of its own
    for width in (60, 80, 120):
        text = printed(COMMANDS[name], folder, width, monkeypatch)
        assert max(map(len, text.splitlines())) <= width
        assert "…" not in text and "..." not in text
        lost = set(re.findall(r"[\d.e+-]+|\w+", wide)) - set(re.findall(r"[\d.e+-]+|\w+", text)) - {"200"}
        assert not lost


def drawn(grid, width):
    console = Console(width=width, file=io.StringIO(), markup=False)
    console.print(grid)
    return console.file.getvalue()


@pytest.mark.parametrize("width", range(24, 90, 3))
def test_a_grid_cuts_no_cell_at_any_width(width):
    columns = ["what it is", "a", "variance falls by", "[low, high]", "meaning"]
    rows = [["law one", "1.234e+05", "12.3%", "[-1, 2]", "what it means in some words"]]
    text = drawn(Grid(columns, rows, (0, 4)), width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    for cell in (*rows[0][:4], *" ".join([*columns, rows[0][4]]).split()):
        assert cell in text


def test_what_rows_are_of_begins_every_part_of_a_wide_table():
    columns = ["task", "budget", "R2", "paired error", "coverage"]
    text = drawn(Grid(columns, [["moe", "1", "0.5", "0.123", "0.9"]], (0,), 2), 30)
    assert [line.split() for line in text.splitlines() if "moe" in line] == [
        ["moe", "1", "0.5", "0.123"],
        ["moe", "1", "0.9"],
    ]


def test_a_table_of_the_experiments_is_printed_as_wide_as_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("jaxsl.host.show.console.PIPE_WIDTH", 44)
    row = {
        "environment": "target moe",
        "budget": 1,
        "R2": 0.51234,
        "coverage": 0.91,
        "best by any": "mspe",
        "interval score": 1.0,
    }
    tell_table("mine", [row], {"command": "python -m experiments mine"}, tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 44 and sum("target moe  " in line for line in lines) == 2
    assert "command: python -m experiments mine" in lines and (tmp_path / "mine.md").exists()


def test_numbers_stand_flush_right_and_texts_flush_left_under_their_headers():
    text = drawn(Grid(["law", "RMSE", "log evidence"], [["a", "0.1", "-37.8"], ["bcd", "0.25", "0.0"]]), 30)
    assert [line.rstrip() for line in text.splitlines()] == [
        "law  RMSE  log evidence",
        "a     0.1         -37.8",
        "bcd  0.25           0.0",
    ]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
@pytest.mark.parametrize("words", [("laws", "chinchilla"), ("--help",), ("fit",)])
def test_no_color_means_plain_text_on_a_terminal(words):
    coloured, plain = on_terminal(words, {}), on_terminal(words, {"NO_COLOR": "1"})
    assert b"\x1b[" in coloured and b"\x1b[" not in plain and len(plain) > 100


def on_terminal(words, settings):
    """What a command prints where it believes to be on a terminal."""
    import pty

    terminal, end = pty.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    environment = kept | {"TERM": "xterm-256color", "JAXSL_CACHE": ""} | settings
    command = [sys.executable, "-m", "jaxsl.host.cli", *words]
    with subprocess.Popen(command, stdin=end, stdout=end, stderr=end, env=environment):
        os.close(end)
        found = b""
        try:
            while piece := os.read(terminal, 4096):
                found += piece
        except OSError:  # how a terminal says that its other end is closed
            pass
    os.close(terminal)
    return found
