"""Results of these experiments on this machine, a line of JSON each: what was measured once is read again."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from experiments.benchmark.fingerprint import fingerprint_of_source
from experiments.benchmark.kept import read
from experiments.decide.worlds import FOLDER

HOST = {f"jaxsl.host.decision.{name}" for name in ("estimate", "known", "optimal", "programs")}


class Kept:
    """Results in ``outputs/decide/NAME.jsonl``, found by what they are of and by the code that makes them.

    Args:
        name: of the file.
        modules: whose source, with all that they import of the core and the experiments, makes a result;
            the files of the host that decide count too.
    """

    def __init__(self, name: str, modules: set[str]):
        self.path, self.code = FOLDER / f"{name}.jsonl", fingerprint_of_source({*modules, *HOST})
        self.done: dict[str, dict] = read(self.path)

    def __call__(self, of: list[Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of these settings: read, or measured and written."""
        key = hashlib.sha256(json.dumps([self.code, *of]).encode()).hexdigest()[:20]
        if key not in self.done:
            self.done[key] = measure() | {"fingerprint": key}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as file:
                file.write(json.dumps(self.done[key]) + "\n")
        return self.done[key]
