"""What ``docs/devices.md`` shows: one device and several, one process and two, have the same numbers."""

import os
import re
import socket
import subprocess
import sys

import numpy as np
import pytest
from pages import ROOT, blocks

PAGE = ROOT / "docs" / "devices.md"
NUMBER = re.compile(r"-?\d[\d.e+-]*")


def script(first, folder):
    """The file of the page that begins with this line, in a folder."""
    (text,) = (body for body, _ in blocks(PAGE) if body.startswith(first))
    path = folder / "shown.py"
    path.write_text(text)
    return path


def started(path, num_devices, *arguments):
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={num_devices}"
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, str(path), *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=path.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process):
    printed, problems = process.communicate(timeout=300)
    assert process.returncode == 0, problems
    return printed


def numbers(text):
    return np.array([float(found) for found in NUMBER.findall(text)])


@pytest.mark.slow
def test_numbers_are_those_of_the_page_on_one_two_and_four_devices(tmp_path):
    path = script("import jax\n", tmp_path)
    (shown,) = (numbers(body) for body, _ in blocks(PAGE) if body.startswith("loss"))
    for num_devices in (1, 2, 4):
        *found, used = numbers(finished(started(path, num_devices)))
        np.testing.assert_allclose(found, shown[:-1], rtol=1e-6)  # of rounding, over 20 steps of a fit
        assert used == num_devices


@pytest.mark.slow
def test_two_processes_share_the_work(tmp_path):
    path = script("import sys\n", tmp_path)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        coordinator = f"localhost:{free.getsockname()[1]}"
    both = [started(path, 2, coordinator, 2, number) for number in (0, 1)]
    first, second = map(finished, both)
    (shown,) = (body for body, _ in blocks(PAGE) if body.startswith("4 devices"))
    assert shown.strip() in first and "loss" not in second


@pytest.mark.slow
def test_two_tasks_of_a_job_share_the_work(tmp_path):
    script("import sys\n", tmp_path).rename(tmp_path / "hosts.py")
    path = script("import submitit\n", tmp_path)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        path.write_text(path.read_text().replace("9912", str(free.getsockname()[1])))
    (shown,) = (body for body, _ in blocks(PAGE) if body.startswith("8 seeds"))
    assert finished(started(path, 2)) == shown
