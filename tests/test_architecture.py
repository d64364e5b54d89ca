"""Imports go downwards, importing has no effects, files stay short."""

import ast
import functools
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("jaxsl", "laws", "experiments")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
# The stages of the core, in the order data walks through them: each imports from itself and those before it.
STAGES = {
    "laws and runs": "_linalg precision quantile law one_of constrain error_scale unit transform along pool",
    "posterior": "posterior moments conditioned",
    "fit": "noise residual sobol starts solver fit cluster basins",
    "trust": "standard_errors identify profile sensitivity deletion bootstrap chaining",
    "belief": "belief discrepancy paper turns decision",
    "choice": "quadrature acquisition choice lookahead batch continuous curves checkpoints design episode",
    "worth": "linear_model quadratic_minimum resample link two_stage ess misspecification allocation",
}
# The rooms of the host, each above what it may import. Reports show themselves in notebooks, and what stops a
# study writes numbers as the tables do: these parts lie deeper than the rooms they are in.
PARTS = ("html.display", "show.grid", "show.console")
ROOMS = (
    *("errors", "trusted", "writing", "compiled", "html.display", "programs", "input", "laws", "answer"),
    *("show.grid", "show.console", "decision", "ess", "allocation", "tuning", "study", "show", "plots"),
    *("html", "cli", "entry"),
)


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@functools.cache
def imported(path):
    """Every module named by an import statement anywhere in the file, ``from a import b`` as ``a.b`` too."""
    package = module(path) if path.name == "__init__.py" else module(path).rpartition(".")[0]
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, *([base] if base else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(names)


def within(name, *packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def broken(paths, allowed):
    return [
        f"{module(path)} imports {name}" for path in paths for name in imported(path) if not allowed(name)
    ]


def test_core_never_imports_host():
    core = [
        path for path in FILES if within(module(path), "jaxsl") and not within(module(path), "jaxsl.host")
    ]
    assert len(core) > 20
    assert not broken(core, lambda name: not within(name, "jaxsl.host"))


def stage(name):
    """The stage of the core that a module belongs to, by number."""
    part = name.removeprefix("jaxsl.").partition(".")[0]
    return next((number for number, parts in enumerate(STAGES.values()) if part in parts.split()), None)


def test_every_file_of_the_core_belongs_to_a_stage_and_imports_from_those_before_it():
    core = [
        path for path in FILES if within(module(path), "jaxsl") and not within(module(path), "jaxsl.host")
    ]
    core = [path for path in core if module(path) not in ("jaxsl", "jaxsl.data")]
    assert not [module(path) for path in core if stage(module(path)) is None]
    assert not [
        f"{module(path)} imports {name}"
        for path in core
        for name in imported(path)
        if within(name, "jaxsl") and stage(name) is not None and stage(name) > stage(module(path))
    ]


def room(name):
    """The room of the host that a module lies in; the parts that lower rooms use are rooms of their own."""
    inside = name.removeprefix("jaxsl.host.")
    return next((part for part in PARTS if within(inside, part)), inside.partition(".")[0])


def test_every_file_of_the_host_lies_in_a_room():
    host = [module(path) for path in FILES if within(module(path), "jaxsl.host")]
    assert {room(name) for name in host if name != "jaxsl.host"} == set(ROOMS)
    flat = {path.stem for path in (ROOT / "jaxsl" / "host").glob("*.py")}
    assert flat == {"__init__", "errors", "trusted", "writing", "entry"}


def test_rooms_of_the_host_import_rooms_below_them_alone():
    upwards = [
        f"{module(path)} imports {name}"
        for path in FILES
        if within(module(path), "jaxsl.host") and module(path) != "jaxsl.host"
        for name in imported(path)
        if within(name, "jaxsl.host") and name != "jaxsl.host" and room(name) in ROOMS
        if ROOMS.index(room(name)) > ROOMS.index(room(module(path)))
    ]
    assert not upwards


def test_nothing_but_commands_imports_the_command_line():
    commands = "jaxsl.host.cli", "jaxsl.host.entry", "experiments.robust.public"  # the options of `replay`
    others = [path for path in FILES if not within(module(path), *commands)]
    assert not broken(others, lambda name: not within(name, "jaxsl.host.cli"))


def test_jaxsl_never_imports_laws_or_experiments_or_tests():
    engine = [path for path in FILES if within(module(path), "jaxsl")]
    assert not broken(engine, lambda name: not within(name, "laws", "experiments", "tests"))


def test_laws_import_jaxsl_law_and_numerics_alone():
    zoo = [path for path in FILES if within(module(path), "laws")]
    allowed = (
        "jaxsl.law",
        "laws",
        "jax",
        "numpy",
        "dataclasses",
        "functools",
        "collections",
        "math",
        "typing",
    )
    assert zoo and not broken(zoo, lambda name: within(name, *allowed) or name == "jaxsl")
    assert not broken(zoo, lambda name: name != "jaxsl" or any("jaxsl.law" in imported(path) for path in zoo))


def test_only_one_file_imports_jaxopt():
    users = [module(path) for path in FILES if any(within(name, "jaxopt") for name in imported(path))]
    assert users in ([], ["jaxsl.solver.lbfgsb"])


def test_jaxsl_solves_no_triangular_system_by_lapack():
    """Of a batch on a CPU two of these at once may wait for each other for ever (``jaxsl._linalg``)."""
    names = {"triangular_solve", "solve_triangular", "cho_solve"}
    for path in FILES:
        used = {
            getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(ast.parse(path.read_text()))
        }
        assert not (within(module(path), "jaxsl") and used & names), path


def test_the_core_prints_nothing_and_opens_nothing():
    core = [
        path for path in FILES if within(module(path), "jaxsl") and not within(module(path), "jaxsl.host")
    ]
    calls = [
        f"{module(path)}:{node.lineno} calls {node.func.id}"
        for path in core
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("print", "open")
    ]
    assert not calls
    forbidden = ("time", "os", "pathlib", "sys", "random", "rich", "typer", "logging")
    assert not broken(core, lambda name: not within(name, *forbidden))


def test_no_import_cycle():
    names = {module(path) for path in FILES}
    graph = {}
    for path in FILES:
        edges = set(imported(path)) & names
        # `from package import module` needs the module; its package is imported first in any case.
        packages = {name.rpartition(".")[0] for name in edges}
        graph[module(path)] = edges - packages - {module(path)}
    assert len(tuple(TopologicalSorter(graph).static_order())) == len(FILES)


def test_no_file_is_long():
    """At most 300 lines, of tests 400."""
    most = {path: 300 for path in FILES} | {path: 400 for path in (ROOT / "tests").glob("*.py")}
    long = {path: len(path.read_text().splitlines()) for path in most}
    assert not {str(path.relative_to(ROOT)): long[path] for path in most if long[path] > most[path]}


@pytest.mark.slow
def test_importing_flips_no_setting_and_starts_no_backend():
    script = """
import importlib, pkgutil, sys
import jax
before = dict(jax.config.values)
import jaxsl, laws
for package in (jaxsl, laws):
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
from jax._src import xla_bridge
assert not xla_bridge.backends_are_initialized(), "importing started a backend"
changed = {key for key, value in jax.config.values.items() if before[key] != value}
assert not changed, f"importing changed {changed}"
ours = [name for name in sys.modules if name.partition(".")[0] in ("jaxsl", "laws")]
arrays = [f"{name}.{key}" for name in ours for key, value in vars(sys.modules[name]).items()
          if isinstance(value, jax.Array)]
assert not arrays, f"arrays made on import: {arrays}"
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_warning_filter_is_set_outside_a_scope_that_restores_it():
    def filters(node):
        """Calls that set a filter, but not inside ``with warnings.catch_warnings()``."""
        if isinstance(node, ast.With) and "catch_warnings" in ast.unparse(node.items[0]):
            return
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if call and node.func.attr in ("filterwarnings", "simplefilter"):
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from filters(child)

    assert not {
        module(path): found for path in FILES if (found := list(filters(ast.parse(path.read_text()))))
    }
