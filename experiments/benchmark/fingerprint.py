"""Fingerprints by which a result is found again: of its data, of the code that makes it, of the whole."""

import ast
import hashlib
import importlib
import inspect
import json
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from experiments.benchmark.unit import Unit
from laws.tasks import find_task

if TYPE_CHECKING:
    from experiments.datasets import Group

PROTOCOL = "64 starts, warm 2.5 P / D to 2 %, gamma 0.4"


def digest(groups: dict[str, "Group"]) -> str:
    """Fingerprint of a task's runs."""
    total = hashlib.sha256()
    for name, group in groups.items():
        total.update(name.encode())
        for part in (*group.train, *group.test):
            total.update(np.ascontiguousarray(part).tobytes())
    return total.hexdigest()[:16]


class _Bare(ast.NodeTransformer):
    """Source without its docstrings, whose words change no result."""

    def visit_Expr(self, node):
        """Drop an expression that is a string alone."""
        return None if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str) else node


@cache
def code(task: str, several: bool = False) -> str:
    """Fingerprint of the source that an episode runs: the core, the task's laws and the methods."""
    laws = {law.function.__module__ for law in find_task(task).laws}
    return fingerprint_of_source({f"experiments.{'several' if several else 'benchmark'}.episode", *laws})


@cache
def code_of_robust() -> str:
    """The same for the comparison with blind choice: of its episodes, and of their scores."""
    return fingerprint_of_source({"experiments.robust.episode", "jaxsl.host.answer.scores"})


def fingerprint_of_source(names: set[str]) -> str:
    """Fingerprint of modules and all they import of the core and of the experiments, without docstrings."""
    total = hashlib.sha256()
    for source in _sources(names).values():
        total.update(ast.dump(_Bare().visit(ast.parse(source))).encode())
    return total.hexdigest()[:16]


def _sources(names: set[str]) -> dict[str, str]:
    """Sources by name of modules and of all they import of the core and of the benchmark's episodes."""
    found: dict[str, str] = {}
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = inspect.getsource(importlib.import_module(name))
        for node in ast.walk(ast.parse(found[name])):
            if isinstance(node, ast.ImportFrom) and node.module:
                core = node.module.startswith("jaxsl.") and not node.module.startswith("jaxsl.host")
                if core or node.module.startswith("experiments."):
                    waiting.append(node.module)
    return dict(sorted(found.items()))


def fingerprint(unit: Unit, data: str) -> str:
    """What a result is keyed by."""
    made = code(unit.task, unit.several)
    text = json.dumps([*unit.__dict__.values(), PROTOCOL, data, made])
    return hashlib.sha256(text.encode()).hexdigest()[:20]
