"""Laws from files, modules and packages: found where they are, refused with the reason where not."""

import json
import os
import re
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

import laws
from jaxsl.host.errors import UserError
from jaxsl.host.laws.declared import BROUGHT, as_declared, bring_along, declared, written
from jaxsl.host.laws.installed import packages
from jaxsl.host.laws.lookup import catalogue, describe, find
from jaxsl.host.laws.published import law_from_function
from jaxsl.host.laws.traceable import check_traceable
from jaxsl.law import Law, params
from jaxsl.precision import double_precision
from laws.chinchilla import CHINCHILLA

GOOD = '''
from jaxsl.law import Law, params, power

def loss(theta, x):
    """L = E + A N^-alpha"""
    E, A, alpha = theta
    (N,) = x
    return E + A * power(N, -alpha)

MINE = Law("mine", loss, inputs=("N",), params=params(E=(0, 10), A=(1, 1e6), alpha=(0.05, 2)))
TEXT = "no law"
'''

PACKAGE = """
import jax.numpy as jnp
from jaxsl.law import Law, params
BENT = Law("bent", lambda theta, x: theta[0] * x[0], inputs=("N",), params=params(A=(0, 1)))
LAWS = (BENT,)
"""


def law_file(folder, text):
    path = folder / "mylaw.py"
    path.write_text(text)
    return path


def refusal(name):
    with pytest.raises(UserError) as caught:
        find(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


def law_line(body, head="import numpy as np\nimport math\nimport jax.numpy as jnp\n"):
    return (
        f"{head}from jaxsl.law import Law, params\n"
        f"def f(theta, x):\n    {body}\n"
        "F = Law('f', f, inputs=('N',), params=params(A=(0, 1), b=(0, 1)))\n"
    )


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a package in a folder on the path: ``package(entry, text)``."""

    def install(entry, text=PACKAGE, name="lawpack"):
        (tmp_path / f"{name}.py").write_text(text)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[jaxsl.laws]\n{name} = {entry}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return install


def test_a_law_edited_within_a_second_is_the_new_one_and_no_bytecode_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    path = law_file(tmp_path, GOOD)
    assert find(f"{path}:MINE").params[2].upper == 2
    status = path.stat()
    path.write_text(GOOD.replace("alpha=(0.05, 2)", "alpha=(0.05, 3)"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert find(f"{path}:MINE").params[2].upper == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_law_is_found_in_a_file_and_in_a_module(tmp_path):
    law = find(f"{law_file(tmp_path, GOOD)}:MINE")
    assert (law.name, law.formula, law.num_params) == ("mine", "L = E + A N^-alpha", 3)
    assert find("laws.chinchilla:CHINCHILLA").name == "chinchilla"


def test_a_described_law_is_plain_data_and_complete():
    described = json.loads(json.dumps(describe(CHINCHILLA)))
    assert described["inputs"] == ["N", "D"] and described["outputs"] == ["loss"]
    assert described["formula"] == "L = E + A N^-alpha + B D^-beta"
    assert [param["name"] for param in described["parameters"]] == ["E", "A", "alpha", "B", "beta"]
    assert all(param["lower"] < param["upper"] for param in described["parameters"])
    assert "2203.15556" in described["source"] and described["estimates"]["epoch"][0] == 1.8172
    assert "2404.10102" in described["estimate_sources"]["epoch"]
    with pytest.raises(ValueError, match="estimate_sources names no estimate: ehpoc"):
        replace(CHINCHILLA, estimate_sources={"ehpoc": "Besiroglu et al. 2024"})


def test_an_installed_package_adds_its_laws(package):
    package("lawpack:LAWS")
    assert "bent" in catalogue()
    assert find("bent").num_params == 1
    assert "did you mean bent" in refusal("bemt")


def test_the_zoo_brings_along_what_its_laws_take():
    found = json.loads((Path(laws.__file__).parent / BROUGHT).read_text())["laws"]
    wanted = {law.name: json.loads(json.dumps(asdict(as_declared(law)))) for law in laws.LAWS}
    assert found == wanted and written() is not None, "run python -m jaxsl.host.laws.declared"


def test_what_a_package_brings_along_holds_until_the_package_changes(package, tmp_path):
    package("lawpack:LAWS")
    (entry,) = (one for one in packages() if one.name == "lawpack")
    assert written() is None
    bring_along(entry)
    del sys.modules["lawpack"]
    assert written()["bent"].inputs == ("N",) and {"chinchilla", "bent"} < written().keys()
    assert "lawpack" not in sys.modules
    (tmp_path / "lawpack.py").write_text(PACKAGE.replace('"N"', '"tokens"'))
    assert written() is None and declared()["bent"].inputs == ("tokens",)


@pytest.mark.parametrize(
    ("entry", "text", "words"),
    [
        ("lawpack:LAWS", "import not_there", "lawpack cannot be loaded: ModuleNotFoundError"),
        ("lawpack:LAWS", "LAWS = 3", "lawpack are no tuple of laws"),
        (
            "lawpack:TWICE",
            PACKAGE + "\nimport dataclasses\nTWICE = (BENT, dataclasses.replace(BENT))",
            "second",
        ),
    ],
    ids=["broken", "no tuple", "one id twice"],
)
def test_a_package_that_cannot_be_used_is_named(package, entry, text, words):
    package(entry, text)
    with pytest.raises(UserError, match=words):
        catalogue()


def test_without_any_installed_law_the_message_says_so(monkeypatch):
    monkeypatch.setattr("jaxsl.host.laws.lookup.packages", lambda: ())
    assert "no laws are installed" in refusal("chinchilla")


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        (GOOD, "MIME", "has no 'MIME'; did you mean MINE\\? its laws are MINE"),
        (GOOD, "TEXT", "TEXT of .* is a str and no Law; its laws are MINE"),
        ("x = 1", "MINE", "it defines no law; write NAME = Law"),
        (GOOD, "Law", "is a type and no Law"),
        (GOOD, "loss", r"is a function and no Law; .*INPUTS = \('N', 'D'\)"),
        ("def f(:", "f", "line 1: invalid syntax"),
        ("import not_there", "f", "line 1: ModuleNotFoundError: No module named 'not_there'"),
        ("\n1 / 0", "f", "line 2: ZeroDivisionError"),
        (GOOD.replace("(0, 10)", "(10, 0)"), "MINE", r"line 10: ValueError: parameter E: box \[10, 0\]"),
        (law_line("return theta"), "F", r"returns \(2,\) for one configuration, but declares 1 output"),
        (law_line("return None"), "F", "returns nothing"),
        (law_line("a, b, c = theta"), "F", "line 6.*not enough values to unpack"),
        (law_line("return np.exp(theta[0])"), "F", "line 6.*hands a parameter or an input to NumPy"),
        (law_line("return theta[0] if theta[1] > 0 else 0"), "F", "line 6.*branches on the value"),
        (law_line("return math.exp(theta[0])"), "F", "line 6.*into a Python number"),
        (law_line("return jnp.sum(theta[theta > 0])"), "F", "line 6.*selects entries by a mask"),
        (law_line("theta[0] = 1; return theta[0]"), "F", "line 6.*assigns into an array"),
    ],
)
def test_every_bad_law_file_gets_one_message(tmp_path, text, name, words):
    path = law_file(tmp_path, text)
    assert re.search(words, refusal(f"{path}:{name}"))


def test_names_that_lead_nowhere_get_one_message(tmp_path, monkeypatch):
    path = law_file(tmp_path, GOOD)
    assert "its laws are MINE" in refusal(str(path))
    assert "there is no law file" in refusal(f"{tmp_path / 'absent.py'}:MINE")
    assert "is no Python file" in refusal(f"{path.rename(tmp_path / 'mylaw.txt')}:MINE")
    assert "no installed module 'not_there.at_all'" in refusal("not_there.at_all:MINE")
    (tmp_path / "near.py").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert "for the file give near.py:NAME" in refusal("near:MINE")


PUBLISHED = '''
import numpy as np
from numpy import exp

def floor(params):
    return np.maximum(params[0], 0.0)

def law(data_points, params):
    """L = E + A (N + c)^-alpha"""
    X = np.atleast_2d(np.asarray(data_points, dtype=float))
    E, A, alpha, c = params
    return floor(params) + A * exp(-alpha * np.log(X[:, 0] + np.abs(c)))

INPUTS = ("N",)
PARAMS = {"E": (0, 10), "A": (1, 1e6), "alpha": (0.05, 2), "c": (0, 1e6)}
'''


def test_a_published_function_written_with_numpy_becomes_a_law_with_its_values(tmp_path):
    path = law_file(tmp_path, PUBLISHED)
    law = find(f"{path}:law")
    assert law.inputs == ("N",) and [param.name for param in law.params] == ["E", "A", "alpha", "c"]
    assert law.formula == "L = E + A (N + c)^-alpha"
    scope = {}
    exec(PUBLISHED, scope)
    theta, x = np.array([1.5, 300.0, 0.3, 100.0]), np.array([[1e6], [1e9]])
    with double_precision():
        values, jacobian = np.asarray(law.predict(theta, x)), np.asarray(law.jacobian(theta, x))
    np.testing.assert_allclose(values[:, 0], scope["law"](x, theta), rtol=1e-12)
    step = np.array([0, 0, 1e-6, 0])
    slope = (scope["law"](x, theta + step) - scope["law"](x, theta - step)) / 2e-6
    np.testing.assert_allclose(jacobian[:, 0, 2], slope, rtol=1e-6)
    assert scope["np"] is np  # the published module itself is left alone


def test_a_published_function_that_cannot_be_traced_is_refused_with_the_reason():
    def clamps(data_points, params):
        return max(params[0], 0.0) * data_points[:, 0]

    def fills(data_points, params):
        out = np.empty(len(data_points))
        out[:] = params[0] * data_points[:, 0]
        return out

    for function, words in ((clamps, "branches on the value"), (fills, "assigns into an array")):
        with pytest.raises(UserError, match=words):
            law_from_function(function, "published", ("N",), {"A": (0, 1)})


def test_a_published_file_without_usable_names_says_what_to_write(tmp_path):
    for bad in ("INPUTS = ()", "PARAMS = {'E': (1, 0)}", "PARAMS = ['E']"):
        path = law_file(tmp_path, f"{PUBLISHED}\n{bad}\n")
        assert "INPUTS lists names, PARAMS maps names to (lower, upper)" in refusal(f"{path}:law")


def test_a_law_without_python_source_is_checked_too():
    law = Law("dot", np.dot, inputs=("N",), params=params(A=(0, 1)))
    with pytest.raises(UserError, match="law dot cannot be traced"):
        check_traceable(law)
