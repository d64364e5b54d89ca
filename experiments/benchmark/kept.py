"""Results on this machine and, without what tables do not need, in one small file of the checkout.

``python -m experiments keep`` puts the results that this code made into that file, which is committed; every
command that measures reads them back where the key still holds: a key is of task or environment, law, method,
seed, and of the data and the code. What was measured by other code is dropped when the file is written again.
"""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import typer

from experiments.benchmark.fingerprint import code, code_of_robust
from experiments.benchmark.unit import Unit
from experiments.report import CHECKOUT, OUTPUTS
from jaxsl.host.errors import UserError

KEPT = CHECKOUT / "docs" / "results" / "kept.jsonl.gz"
FILES = "benchmark.jsonl", "robust.jsonl"
LONG = "theta", "bought", "interval", "budget", "curve"  # what no table shows
DIGITS = 6
MOST = 1_000_000  # bytes of the file


def read(path: Path) -> dict[str, dict]:
    """Results by fingerprint; a half-written last line is cut off the file."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return _by_fingerprint(whole)


def known(path: Path, needs: Iterable[str] = ()) -> dict[str, dict]:
    """Results of a file and those that are kept, of which some lack what a figure ``needs``."""
    kept = _by_fingerprint(gzip.decompress(KEPT.read_bytes())) if KEPT.exists() else {}
    return {key: one for key, one in kept.items() if {*needs} <= {*one}} | read(path)


def keep() -> None:
    """Keep the results of this code in the checkout, in place of those of earlier code."""
    found = [one for name in FILES for one in known(OUTPUTS / name).values()]
    mine = {one["fingerprint"]: _short(one) for one in found if _is_of_this_code(one) and "error" not in one}
    content = pack(mine)
    if len(content) > MOST:
        raise UserError(
            f"{len(mine)} results take {len(content):,} bytes and {MOST:,} is the most for a file that is "
            "committed; take out of outputs/ what no table of the documentation shows"
        )
    KEPT.write_bytes(content)
    typer.echo(f"{KEPT}: {len(mine)} results, {len(content):,} bytes; {len(found)} looked at")


def pack(results: dict[str, dict]) -> bytes:
    """Results as a file that is the same whenever they are."""
    lines = "".join(json.dumps(results[key], sort_keys=True) + "\n" for key in sorted(results))
    return gzip.compress(lines.encode(), mtime=0)


def _by_fingerprint(content: bytes) -> dict[str, dict]:
    results = [json.loads(line) for line in content.splitlines()]
    return {result["fingerprint"]: result for result in results}


def _short(result: dict) -> dict:
    """A result without its long columns, its numbers rounded."""
    return {name: _rounded(value) for name, value in result.items() if name not in LONG}


def _rounded(value):
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _is_of_this_code(result: dict) -> bool:
    """Whether the code that made a result is still the same."""
    if "environment" in result:
        return result.get("code") == code_of_robust()
    unit = Unit(result["task"], result["law"], result["method"], result["seed"])
    return result.get("code") == code(unit.task, unit.several)
