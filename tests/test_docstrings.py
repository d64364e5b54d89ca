"""Examples in docstrings run, and every function that a program may call has one."""

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

from jaxsl.precision import double_precision

ROOT = Path(__file__).parents[1]
FILES = sorted(path for path in (ROOT / "jaxsl").rglob("*.py"))
# Their examples would need a fit or a design that takes seconds to compile; tests and notebooks use them.
EXPENSIVE = {
    "jaxsl.acquisition.aim": "all",
    "jaxsl.acquisition.blocks": {"blocks", "rows_of"},
    "jaxsl.acquisition.expectation": "all",
    "jaxsl.allocation.certificate": {"certificate", "tangent_bound"},
    "jaxsl.allocation.exchange": {"exchange", "draw", "exchange_design"},
    "jaxsl.basins": {"BasinRule"},
    "jaxsl.batch": "all",
    "jaxsl.belief": {"Rule", "believe"},
    "jaxsl.bootstrap": {"Residuals", "Pairs", "Groups", "bootstrap"},
    "jaxsl.checkpoints": {"worth_going_on"},
    "jaxsl.conditioned": "all",
    "jaxsl.continuous": "all",
    "jaxsl.decision.curve": {"LawCurve", "Line", "Predict"},
    "jaxsl.decision.faithful": {"log_weights"},
    "jaxsl.decision.frontier": {"Regret"},
    "jaxsl.discrepancy.component": "all",
    "jaxsl.discrepancy.distinct": "all",
    "jaxsl.discrepancy.known": "all",
    "jaxsl.discrepancy.rule": "all",
    "jaxsl.discrepancy.weigh": "all",
    "jaxsl.episode": {"episode", "buy", "enlarge"},
    "jaxsl.ess": {"from_posterior"},
    "jaxsl.fit": {"fit"},
    "jaxsl.link.base": {"Curve"},
    "jaxsl.link.resampling": {"leave_one_family_out"},
    "jaxsl.link.smoother": {"KernelCurve", "NeighbourCurve"},
    "jaxsl.paper": {"PaperRule"},
    "jaxsl.profile": {"parameter_interval", "parameter_profile", "prediction_interval"},
    "jaxsl.resample": {"studentised_interval"},
    "jaxsl.residual": {"linearise"},
    "jaxsl.sensitivity": {"differentiable_fit", "polish", "influence", "leave_one_out"},
    "jaxsl.two_stage": {"joint_draws"},
}


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


WITH_EXAMPLES = [module(path) for path in FILES if ">>> " in path.read_text()]
CORE = [
    path
    for path in FILES
    if not module(path).startswith(("jaxsl.host", "jaxsl.solver")) and path.stem != "__init__"
]


def functions(path):
    """Public functions, and public classes that can be called as functions."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name
        if isinstance(node, ast.ClassDef) and any(
            isinstance(item, ast.FunctionDef) and item.name == "__call__" for item in node.body
        ):
            yield node.name


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    found = importlib.import_module(name)
    report, runner = [], doctest.DocTestRunner(verbose=False)
    with double_precision():
        for test in doctest.DocTestFinder(exclude_empty=True).find(found, name):
            runner.run(test, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("path", CORE, ids=module)
def test_every_function_of_the_core_is_shown_in_an_example(path):
    examples = "\n".join(re.findall(r"^\s*(?:>>>|\.\.\.) (.*)$", path.read_text(), re.MULTILINE))
    excused = EXPENSIVE.get(module(path), set())
    missing = {name for name in functions(path) if not re.search(rf"\b{name}\b", examples)}
    if excused != "all":
        assert missing <= excused, f"give them an Example: {sorted(missing - excused)}"


def test_most_of_the_core_has_examples():
    names = [name for path in CORE for name in functions(path)]
    excused = sum(
        len(list(functions(path))) if excused == "all" else len(excused)
        for path in CORE
        if (excused := EXPENSIVE.get(module(path), set()))
    )
    assert excused < 0.5 * len(names)
