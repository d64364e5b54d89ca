"""How often garbage is looked for: the command line decides it, an import does not."""

import subprocess
import sys


def threshold_after(code: str) -> int:
    """The first threshold of a fresh process that ran ``code``."""
    text = f"import gc\n{code}\nprint(gc.get_threshold()[0])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_the_command_line_looks_seldom_and_an_import_changes_nothing():
    assert threshold_after("import jaxsl.host, jaxsl.host.programs.garbage") == threshold_after("")
    start = "from jaxsl.host.cli import commands as cli; cli.app = lambda: None; cli.main()"
    assert threshold_after(start) > 10 * threshold_after("")
