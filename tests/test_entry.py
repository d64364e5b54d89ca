"""The program as a process: Ctrl-C is one line and status 130, an unwritable cache one line and no more."""

import os
import signal
import subprocess
import sys
import time

import pytest

START = "from jaxsl.host.entry import main; print('ready', flush=True); main()"


def started(words, before="", **settings):
    environment = os.environ | {"JAXSL_CACHE": ""} | settings
    command = [sys.executable, "-c", before + START, *map(str, words)]
    process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment)
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(
    "seconds", [0.05, 0.4, *(pytest.param(late, marks=pytest.mark.slow) for late in (2.0, 6.0))]
)
def test_an_interrupt_is_one_line_and_status_130_whenever_it_comes(seconds, tmp_path):
    with started(["demo"]) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (130, "interrupted\n")
    assert time.monotonic() - begin < 10  # also inside a compiler, which notices nothing


def test_a_process_in_the_background_goes_on():
    with started(["laws"], before="import signal; signal.signal(2, signal.SIG_IGN); ") as process:
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 0 and "chinchilla" in out and not error


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["a file", "below a file"])
def test_a_cache_that_cannot_be_written_is_one_line_and_the_command_goes_on(kind, tmp_path):
    (tmp_path / "taken").write_text("")
    folder = tmp_path / "taken" if kind == "a file" else tmp_path / "taken" / "sub"
    words = ["predict", "--law", "chinchilla@epoch", "--at", "N=7e10,D=1.4e12"]
    with started(words, JAXSL_CACHE=str(folder)) as process:
        out, error = process.communicate(timeout=120)
    assert process.returncode == 0 and "chinchilla@epoch: Besiroglu et al. 2024" in out
    assert (
        error.startswith(f"note: compiled programs cannot be kept in {folder} (") and error.count("\n") == 1
    )


def test_a_home_that_is_not_there_is_made_or_said(tmp_path):
    cache = {"XDG_CACHE_HOME": str(tmp_path / "new")}
    environment = {name: value for name, value in os.environ.items() if name != "JAXSL_CACHE"} | cache
    done = subprocess.run(
        [sys.executable, "-m", "jaxsl.host.entry", "--version"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stderr) == (0, "") and (tmp_path / "new" / "jaxsl").is_dir()
