"""How long a study makes its user wait.

Command: ``python -m experiments speed study``. A journal of 10,000 results is opened; and on a list of 10,000
candidates with 25 results, one run and eight runs at once are asked for, with none and with eight pending.
Seconds of the clock, after the first ask of each kind has compiled; 2 cores.
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from experiments.report import OUTPUTS, provenance, write_table
from jaxsl.host.study.advisor import Advisor
from jaxsl.host.study.ledger import Ledger
from jaxsl.host.study.study import Study
from laws.chinchilla import CHINCHILLA

NUM = 10_000
NUM_RESULTS = 25
TARGET, COST = "N=7e10,D=1.4e12", "6*N*D"
REPEATS = 5


def truth(x: np.ndarray) -> np.ndarray:
    """Losses of a law in the class that is fitted."""
    return 1.7 + 400 * x[:, 0] ** -0.34 + 400 * x[:, 1] ** -0.28


def make(path: Path, num_results: int) -> Study:
    """A study with ``NUM`` candidates, of which the cheapest of every forty are done."""
    rng = np.random.default_rng(0)
    x = np.stack([10 ** rng.uniform(7, 10, NUM), 10 ** rng.uniform(9, 12, NUM)], axis=1)
    loss = np.full(NUM, np.nan)
    order = np.argsort(x[:, 0] * x[:, 1])
    done = order if num_results == NUM else order[: 16 * num_results : 16]
    loss[done] = truth(x[done]) + rng.normal(0, 0.01, len(done))
    table = {"N": x[:, 0], "D": x[:, 1], "loss": loss}
    return Study.create(path, CHINCHILLA, target=TARGET, candidates=table, cost=COST, budget=1e24)


def seconds(action: Callable[[], Any]) -> float:
    """Of the clock."""
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def fastest(action: Callable[[], Any]) -> float:
    """The shortest of some repetitions."""
    return min(seconds(action) for _ in range(REPEATS))


def ask_afresh(ledger: Ledger, count: int) -> None:
    """Fit and choose as a new process would, but for compilation."""
    Advisor((CHINCHILLA,)).ask(ledger, count)


def main(out: Annotated[Path, typer.Option(help="Folder of the table.")] = OUTPUTS) -> None:
    """Measure how long opening a study and asking take."""
    facts, rows = provenance("python -m experiments speed study", 0), []
    with tempfile.TemporaryDirectory() as folder:
        full = make(Path(folder) / "full.jsonl", NUM)
        size = full.journal.path.stat().st_size
        path = full.journal.path
        rows.append(
            {"what": f"open {NUM} results ({size / 1e6:.1f} MB)", "seconds": fastest(partial(Study, path))}
        )
        run, losses = next(iter(full.ledger.runs)), iter(np.linspace(3, 4, REPEATS))
        rows.append(
            {"what": f"tell one more of {NUM}", "seconds": fastest(lambda: full.tell(run, next(losses)))}
        )
        study = make(Path(folder) / "asking.jsonl", NUM_RESULTS)
        first = partial(Advisor((CHINCHILLA,)).ask, study.ledger, 1)
        rows.append({"what": "first ask, with compilation", "seconds": seconds(first)})
        for pending in (0, 8):
            for count in (1, 8):
                what = f"ask for {count} of {NUM} candidates, {pending} pending"
                rows.append({"what": what, "seconds": fastest(partial(ask_afresh, study.ledger, count))})
            study.ask(8)
        rows.append({"what": "look ahead, with compilation", "seconds": seconds(study.worth)})
        rows.append({"what": "look ahead at 32 more runs", "seconds": fastest(study.worth)})
    write_table("speed_study", rows, facts, out)
    console = Console()
    for row in rows:
        console.print(f"{row['what']:<50} {row['seconds']:8.3f} s")
    console.print("wrote speed_study.csv .md in", str(out))
