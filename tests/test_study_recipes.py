"""A study that compares recipes: whose run is whose, which is chosen, what is said of the multiplier."""

import json

import numpy as np
import pytest
from test_next_recipe import OFFERED, SIZES, C, known, variance
from typer.testing import CliRunner

from jaxsl.host.cli import app
from jaxsl.host.decision.next_for import next_for
from jaxsl.host.errors import UserError
from jaxsl.host.html.report import report
from jaxsl.host.study import Study
from jaxsl.host.study.compared import ComparedAdvisor
from jaxsl.host.study.ledger import DONE, Ledger
from jaxsl.host.study.sources.importing import Tracked, import_table, import_tracked
from jaxsl.host.study.stop_rules import Stop

AIM, COST = "multiplier:C=1e21", "6*N*D"
HOW = {"aim": AIM, "cost": COST, "by": "recipe", "against": "new"}


def table(num_done=9):
    """The first runs of two recipes, the cheapest first, and three candidates of each."""
    n, d = (part.ravel() for part in np.meshgrid([1e8, 3e8, 1e9], [2e9, 8e9, 3e10]))
    order = np.argsort(n * d, kind="stable")
    n, d = np.append(n[order][:num_done], [3e8, 1e9, 3e9]), np.append(d[order][:num_done], [1e11, 1e11, 3e10])
    rng, parts = np.random.default_rng(0), []
    for recipe, times in (("new", 2), ("old", 1)):
        loss = 1.8 + 440 * (times * n) ** -0.34 + 2600 * (times * d) ** -0.37
        loss += 0.002 * rng.standard_normal(len(n))
        loss[num_done:] = np.nan
        parts.append({"recipe": [recipe] * len(n), "N": n, "D": d, "loss": loss})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def made(path, **settings):
    return Study.create(path, "chinchilla", **{"candidates": table(), **HOW, **settings})


def invoke(*words):
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, [str(word) for word in words])


class Cheapest:
    """An engine that needs no compiler: the cheapest candidates, each once."""

    def ask(self, ledger, count):
        from jaxsl.host.study.answers import Proposal

        free = [one for one in ledger.candidates if one.x not in ledger.used()]
        free.sort(key=lambda one: one.cost)
        return [Proposal(one.x, one.cost, one.cost, one.name) for one in free[:count]]


def test_a_configuration_of_two_recipes_is_two_runs(tmp_path):
    path = tmp_path / "s.jsonl"
    made(path)
    study = Study(path, advisor=Cheapest())
    first, second = study.ask(2)
    assert first.x == {"N": 3e8, "D": 1e11, "recipe": "new"} and second.x == first.x | {"recipe": "old"}
    assert study.status().num_candidates == 4
    study.tell(first.id, 2.5)
    study.tell(second.id, 2.6)
    again = Study(path).refresh()
    assert [again.runs[id].y for id in (first.id, second.id)] == [(2.5,), (2.6,)]
    exported = study.export().to_pydict()
    assert exported["recipe"][-2:] == ["new", "old"] and exported["recipe"].count("old") == 10
    told = invoke("study", "show", path, "--quick")
    assert told.exit_code == 0 and "20 done; 4 candidates left" in told.stdout


def test_an_import_brings_in_what_is_new_of_either_recipe(tmp_path):
    study = made(tmp_path / "s.jsonl")
    more = {"recipe": ["old", "new", "old"], "N": [3e8, 3e8, 2e9], "D": [1e11, 1e11, 1e11]}
    more["loss"] = [2.6, np.nan, np.nan]
    found = import_table(study, more)
    assert found.added == {DONE: 1} and found.num_candidates == 1
    assert import_table(study, more).added == {DONE: 0}
    tracked = [
        Tracked("tracker:1", "a", "finished", {"N": 1e9, "D": 1e10, "loss": 2.7, "recipe": "old"}),
        Tracked("tracker:2", "b", "running", {"N": 1e9, "D": 1e10, "recipe": "new"}),
    ]
    assert import_tracked(study, tracked).added["pending"] == 1
    assert study.refresh().runs["tracker:2"].x == (1e9, 1e10, 1.0)
    before = study.journal.path.read_bytes()
    for recipe, message in (("best", "the study has no recipe 'best'"), ("", "it says of no recipe")):
        with pytest.raises(UserError, match=f"row 1, column 'recipe': {message}.*old, new"):
            import_table(study, more | {"recipe": ["old", recipe, "old"]})
    with pytest.raises(UserError, match="has no such column"):
        import_table(study, {name: more[name] for name in ("N", "D", "loss")})
    assert study.journal.path.read_bytes() == before


@pytest.mark.parametrize(
    "given, message",
    [
        ({"by": None, "against": None}, "name the column that tells recipes apart, --by COLUMN"),
        ({"by": "who"}, "--by who: .* has no such column"),
        ({"by": "N"}, "--by N: N is of chinchilla"),
        ({"by": "name"}, "--by name: name is a study's own word"),
        ({"against": "best"}, "--against best: .* holds new, old"),
        ({"candidates": {name: some[:12] for name, some in table().items()}, "against": None}, "one recipe"),
        ({"aim": "optimal:C=1e21"}, "--by tells recipes apart, and --aim optimal:C=1e21 has none"),
        ({"aim": None, "target": "N=1e9,D=1e11"}, "--by tells recipes apart, and --target has none"),
        ({"curves": True}, "leave out --aim"),
        ({"stop": Stop(price=1e21)}, "--price: is about loss given up"),
        ({"stop": Stop(width=0.1)}, "--width: is about a target's interval"),
        ({"candidates": None, "space": ("N in [1e7, 1e9] log", "D = 1e9")}, "give them with --candidates"),
    ],
)
def test_what_does_not_go_with_recipes_is_refused(tmp_path, given, message):
    with pytest.raises(UserError, match=message):
        made(tmp_path / "s.jsonl", **given)
    assert not list(tmp_path.iterdir())


def test_first_runs_are_of_every_recipe_and_one_that_cannot_be_known_is_named(tmp_path):
    study = made(tmp_path / "s.jsonl", candidates=table(num_done=3))
    for expected in (4, 2):  # of five runs that each needs two are missing, of three candidates one is left
        asked = study.ask(6)
        assert [run.x["recipe"] for run in asked] == ["old", "new"] * (expected // 2)
        assert [run.cost for run in asked] == sorted(run.cost for run in asked)
        for run in asked:
            study.tell(run.id, status="abandoned")
    with pytest.raises(UserError, match=r"recipe old has 3 different runs and no candidate left, .* takes 5"):
        study.ask()


LINE_SETTINGS = {
    "inputs": ["N"],
    "outputs": ["loss"],
    "by": "recipe",
    "recipes": ["old", "new"],
    "aim": f"multiplier:C={C:g}",
    "hold": {},
    "range": {},
    "cost": "N",
    "space": [],
    "budget": 1e3,
    "replicates": 2,
    "seed": 0,
    "stop": {},
}


def ledger():
    """Of the lines of ``test_next_recipe``, with what is offered there."""
    found = Ledger()
    found.apply(1, {"event": "study", **LINE_SETTINGS})
    for name, sizes in SIZES.items():
        for place, size in enumerate(sizes):
            record = {"event": "run", "id": f"{name}{place}", "x": {"N": size, "recipe": name}, "y": [1.0]}
            told = {"status": DONE, "cost": None, "planned": size, "counts": False, "time": ""}
            found.apply(2, record | told)
        offered = OFFERED[name].tolist()
        x = {"N": offered, "recipe": [name] * len(offered)}
        found.apply(3, {"event": "candidates", "x": x, "cost": offered, "name": [""] * len(offered)})
    return found


@pytest.mark.slow
def test_runs_are_those_that_take_most_of_the_variance_one_after_the_other(monkeypatch, float64):
    """Against refits of two lines with every run that may come next; a run costs at most what was spent."""
    lines, offered = {name: known(name) for name in ("old", "new")}, ledger()
    advisor = ComparedAdvisor([lines["old"].parts[0].law], LINE_SETTINGS)
    monkeypatch.setattr(advisor, "_first", lambda *_: [])
    monkeypatch.setattr(advisor, "_learned", lambda _: lines)
    asked, decided = advisor.ask(offered, 9), advisor.decided(offered)
    times = decided.multipliers.recipes[0].multiplier.median
    sizes, spent, now = dict(SIZES), sum(map(np.sum, SIZES.values())), variance(SIZES, times)
    assert decided.now == pytest.approx(now, rel=1e-5) and decided.variance[0] == pytest.approx(now, rel=1e-5)
    for run in asked:
        left = {
            (name, size): variance(sizes | {name: np.append(sizes[name], size)}, times)
            for name, some in OFFERED.items()
            for size in some
            if size <= spent and np.sum(sizes[name] == size) < LINE_SETTINGS["replicates"]
        }
        best = min(left, key=left.__getitem__)
        assert (("old", "new")[int(run.x[1])], run.x[0]) == best
        assert run.fall == pytest.approx(now - left[best], rel=1e-4)
        assert run.after == pytest.approx(left[best], rel=1e-4)
        sizes[best[0]], spent, now = np.append(sizes[best[0]], best[1]), spent + best[1], left[best]
        if len(sizes["old"]) + len(sizes["new"]) == 12:
            assert decided.variance[5] == pytest.approx(now, rel=1e-4)
    assert {run.x[1] for run in asked} == {0.0, 1.0} and asked[-1].cost == 200.0


@pytest.mark.slow
def test_a_study_asks_for_the_run_that_next_ranks_first_and_says_what_is_known(tmp_path):
    path = tmp_path / "study.jsonl"
    made(path, budget=3e21)
    ranked = next_for(table(), "chinchilla", **HOW, budget=3e21)
    before = Study(path).decision()
    assert before.now == pytest.approx(ranked.variance, rel=1e-6)
    assert before.multipliers.recipes == ranked.multipliers.recipes
    ids = {run.id for run in Study(path).ledger.with_status(DONE)}
    for trust in before.multipliers.trust.values():
        assert trust.unit == "run" and {one.row for one in (*trust.bad, *trust.alone)} <= ids
    (asked,) = Study(path).ask()
    best = ranked.runs[0]
    assert asked.x == {**best.x, "recipe": best.recipe} and asked.fall == pytest.approx(best.fall, rel=1e-4)
    assert asked.after == pytest.approx(before.variance[1], rel=1e-4) and (np.diff(before.variance) < 0).all()
    shown = invoke("study", "show", path)
    assert (
        shown.exit_code == 0
        and "old" in shown.stdout
        and "once all pending runs are in the interval of old is" in shown.stdout
    )
    told = json.loads(invoke("study", "show", path, "--json").stdout)["decision"]
    assert told["multipliers"]["recipes"][0]["multiplier"]["median"] == pytest.approx(
        ranked.multipliers.recipes[0].multiplier.median
    )
    page = report(path, output=tmp_path / "report.html")
    assert page.compared.multipliers.recipes == ranked.multipliers.recipes and page.choice is None
    written = (tmp_path / "report.html").read_text()
    assert "Recipes compared" in written and "times the compute" in written


@pytest.mark.slow
def test_a_study_of_recipes_stops_when_no_run_narrows_the_interval(tmp_path):
    path = tmp_path / "study.jsonl"
    study = made(path, budget=3e21)
    now = study.decision()
    share = 1 - (now.variance[1] / now.variance[0]) ** 0.5
    for gain, stops in ((share * 0.99, False), (share * 1.01, True)):
        study.set(stop={"gain": gain})
        assert bool(study.reason_to_stop()) == stops
    asked = invoke("study", "ask", path)
    assert asked.exit_code == 0 and "no run is expected to narrow the interval by --gain" in asked.stdout
