"""The HTML report: its numbers are those of --json, its text is text, and a browser opens it in silence."""

import html.parser
import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from synthetic import DECAY
from typer.testing import CliRunner

from jaxsl.host import next_runs, optimal
from jaxsl.host.answer.plot_data import view
from jaxsl.host.answer.provenance import fingerprint, provenance
from jaxsl.host.cli import app
from jaxsl.host.html.chart import Chart, Scale, scale
from jaxsl.host.html.report import html_report, report_data
from jaxsl.host.input.table import read
from jaxsl.host.show.console import number
from jaxsl.host.study import Study

EVIL = "<script>document.title='broken'</script>"
LAW = "from synthetic import DECAY\n"
TARGET = ("N=1e7", "N=3e7")


def runs():
    rng = np.random.default_rng(0)
    size = np.geomspace(1e3, 1e6, 14)
    loss = 1.7 + 40 * size**-0.35 + rng.normal(0, 0.01, 14)
    loss[10:] = np.nan
    note = ["plain", EVIL, "a & b", "\"quoted\" 'twice'", "</title>"] * 3
    return pd.DataFrame({"N": size, "loss": loss, "cost": size, EVIL: note[:14]})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of the command line, and what it prints with --json."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "mylaw.py").write_text(LAW)
    runs().to_csv(folder / "runs.csv", index=False)
    page = folder / "report.html"
    targets = [part for point in TARGET for part in ("--target", point)]
    arguments = ["report", str(folder / "runs.csv"), "--law", f"{folder}/mylaw.py:DECAY", *targets]
    result = CliRunner().invoke(
        app, [*arguments, "-n", "3", "-o", str(page), "--json", "--unit", "loss=nats"]
    )
    assert result.exit_code == 0, result.output
    return page, json.loads(result.stdout)


class Page(html.parser.HTMLParser):
    """What a page holds: numbers in ``<data>``, tags, texts and the embedded JSON."""

    def __init__(self, text):
        super().__init__()
        self.values, self.tags, self.texts, self.attributes, self.json = [], [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.values += [float(value) for name, value in attrs if tag == "data" and name == "value"]

    def handle_data(self, data):
        if self.tags and self.tags[-1] == ("script", {"type": "application/json", "id": "data"}):
            self.json += data
        else:
            self.texts.append(data)


@pytest.fixture(scope="module")
def page(made):
    return Page(made[0].read_text())


def leaves(value):
    """All numbers of an object of JSON."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [value] if isinstance(value, int | float) else []


@pytest.mark.slow
def test_the_page_holds_the_json_that_is_printed(made, page):
    assert json.loads(page.json[: page.json.rindex("}") + 1]) == made[1]


@pytest.mark.slow
def test_every_number_of_the_prediction_and_of_the_choice_is_on_the_page(made, page):
    data, shown = made[1], set(page.values)
    prediction = data["fit"]["prediction"]
    wanted = [*leaves(prediction["x"]), *leaves(prediction["median"]), *leaves(prediction["low"])]
    wanted += leaves(prediction["high"])
    for run in data["choice"]["runs"]:
        wanted += [run["cost"], run["score"], run["within"], run["between"], *run["x"].values()]
    for basin in data["fit"]["laws"][0]["basins"]:
        wanted += [number for p in basin["parameters"] for number in (p["value"], p["low"], p["high"])]
    assert len(wanted) > 30 and set(wanted) <= shown


@pytest.mark.slow
def test_every_number_on_the_page_comes_from_the_answer_or_the_table(made, page):
    data = made[1]
    prediction = data["fit"]["prediction"]
    low, high = np.array(prediction["low"]), np.array(prediction["high"])
    known = leaves(data) + runs()[["N", "loss", "cost"]].to_numpy().ravel().tolist()
    known += [float(np.mean(prediction["median"])), float((high - low).mean())]
    known += [float(np.mean(np.array(r["high"]) - r["low"])) for r in data["choice"]["runs"]]
    strangers = [
        value
        for value in page.values
        if not np.isclose(value, known, rtol=1e-9, atol=0, equal_nan=True).any()
    ]
    assert len(strangers) <= 2 * data["fit"]["num_runs"]  # fitted value and residual of every run


def test_the_numbers_equal_those_of_next(made):
    again = next_runs(made[0].parent / "runs.csv", DECAY, target=list(TARGET), count=3).as_dict()
    for name in ("fit", "choice"):
        found, expected = made[1][name], again["fit"] if name == "fit" else again
        np.testing.assert_allclose(leaves(found), leaves(expected), rtol=1e-7, atol=1e-12)


def test_text_from_the_table_stays_text(page):
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not [
        attributes for _, attributes in page.tags if any(name.startswith("on") for name in attributes)
    ]
    text = " ".join(page.texts)
    assert EVIL in text and "\"quoted\" 'twice'" in text and "a & b" in text
    assert "for all N < infinity & beyond" in text


def test_the_page_asks_the_network_for_nothing(made, page):
    assert not [
        tag for tag, attributes in page.tags if tag in ("link", "img", "iframe") or "src" in attributes
    ]
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy.startswith("default-src 'none'")
    assert not re.findall(r"url\(|@import|https?://", made[0].read_text())


def test_it_says_where_it_comes_from(made, page):
    origin = made[1]["provenance"]
    assert origin["settings"] == {"target": "; ".join(TARGET), "level": 90, "of": "outcome", "seed": 0}
    assert {"jaxsl", "jax", "numpy", "python"} <= origin["versions"].keys()
    assert f"sha256:{origin['fingerprint']}" in page.texts and origin["num_rows"] == 14


def test_what_is_badly_identified_is_said_in_words(made, page):
    nothing = "Every direction of the parameters is told by the runs at least as well as by the box."
    assert all(sentence in page.texts for sentence in made[1]["flat"] or [nothing])


def test_every_run_can_be_pointed_at_in_chart_and_table(made, page):
    for line in range(2, 12):
        marked = [tag for tag, attributes in page.tags if attributes.get("data-key") == f"run-{line}"]
        assert "tr" in marked and "g" in marked


def test_a_fingerprint_follows_the_values_and_not_the_file(tmp_path):
    frame = runs()
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "b.csv", index=False, sep=";")
    one, two = (fingerprint(read(tmp_path / name)) for name in ("a.csv", "b.csv"))
    frame.loc[0, "loss"] += 1e-9
    frame.to_csv(tmp_path / "c.csv", index=False)
    assert one == two != fingerprint(read(tmp_path / "c.csv"))


@pytest.mark.slow
def test_without_a_target_the_report_says_how_the_law_fits(tmp_path):
    table = read(runs().drop(columns="cost"))
    seen = view(table, DECAY)
    text = html_report(seen, report_data(seen, provenance(table, [DECAY], {"seed": 0})))
    assert "No target was given" in text and "What to run next" not in text


def test_options_that_cannot_be_used_are_messages(tmp_path):
    for extra, message in ((["--unit", "loss"], "write NAME=UNIT"), (["--law", "nothing"], "no law")):
        result = CliRunner().invoke(
            app, ["report", "-", "--law", "chinchilla", *extra], input="N,D,loss\n1,1,1\n"
        )
        assert result.exit_code == 2 and message in result.stderr


def test_an_axis_has_a_few_round_ticks_inside_it():
    for low, high, log in (
        (0.2, 0.9, False),
        (-3, 400, False),
        (1.36, 1.37, False),
        (2e3, 4e5, True),
        (3, 5, True),
    ):
        axis = Scale(low, high, log, "x")
        ticks = [value for value, _ in axis.ticks()]
        assert 1 <= len(ticks) <= 7 and all(low <= value <= high for value in ticks), (low, high)
    assert scale([np.array([np.nan])], "x") == Scale(0.0, 1.0, False, "x")
    assert scale([np.array([2.0, 2.0])], "x").low < 2 < scale([np.array([2.0, 2.0])], "x").high


def test_marks_are_placed_between_the_axes():
    chart = Chart("c", Scale(1.0, 100.0, True, "x"), Scale(0.0, 1.0, False, "y"))
    chart.points(np.array([1.0, 10.0, 100.0]), np.array([0.0, 0.5, np.nan]), "run", "runs", "abc", "klm")
    first, second = chart.marks
    assert (first.x, first.y) == (chart.left, chart.bottom)
    assert second.x == pytest.approx((chart.left + chart.right) / 2, abs=0.01)


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None
)
# After the page's own script: point at the first mark and write down what the page says about it.
POINT = """<script>
const at = document.querySelector('.mark.run circle');
at.scrollIntoView();
const box = at.getBoundingClientRect();
document.dispatchEvent(new PointerEvent('pointermove', {clientX: box.x + 3, clientY: box.y + 3}));
document.body.dataset.said = document.getElementById('tip').textContent;
document.body.dataset.lit = document.querySelectorAll('.on').length;
</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on this machine to open the report in")
def test_a_browser_opens_it_without_an_error_and_a_run_says_its_numbers(made, tmp_path):
    pointed = tmp_path / "pointed.html"
    pointed.write_text(made[0].read_text().replace("</body>", POINT))
    done = subprocess.run(
        [
            BROWSER,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
            f"--user-data-dir={tmp_path / 'profile'}",
            pointed.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line], done.stderr
    dom = Page(done.stdout)
    body = next(attributes for tag, attributes in dom.tags if tag == "body")
    assert body["data-said"].startswith("line 2\nN = 1000\nloss = ") and int(body["data-lit"]) >= 3
    assert "broken" not in re.search("<title>(.*?)</title>", done.stdout).group(1)
    assert dom.values == Page(made[0].read_text()).values


@pytest.mark.slow
def test_a_study_reports_its_runs_and_what_is_left(tmp_path):
    page, law = tmp_path / "study.html", tmp_path / "mylaw.py"
    law.write_text(LAW)
    table = runs().drop(columns=EVIL)
    study = Study.create(
        tmp_path / "pilot.jsonl", f"{law}:DECAY", target="N=1e7", candidates=table, budget=1.5e6
    )
    (asked,) = study.ask()
    arguments = ["report", str(study.journal.path), "-o", str(page), "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert data["fit"]["num_runs"] == 10 and data["choice"]["num_candidates"] == 3
    assert asked.x["N"] not in [run["x"]["N"] for run in data["choice"]["runs"]]
    assert (
        "1 run is pending: its outcome is not" in page.read_text()
        and data["provenance"]["settings"]["budget"] == 1.5e6
    )
    refused = CliRunner().invoke(app, [*arguments, "--law", "chinchilla"])
    assert refused.exit_code == 2 and "knows its own law" in refused.stderr


@pytest.mark.slow
def test_a_cost_in_the_law_s_inputs_has_the_best_sizes_for_more_compute(tmp_path):
    size, tokens = (
        part.ravel() for part in np.meshgrid(np.geomspace(1e7, 1e9, 4), np.geomspace(1e9, 1e11, 4))
    )
    loss = 1.8 + 480 * size**-0.35 + 2000 * tokens**-0.37
    table = pd.DataFrame(
        {"N": size, "D": tokens, "loss": loss + np.random.default_rng(0).normal(0, 0.003, 16)}
    )
    table.to_csv(tmp_path / "runs.csv", index=False)
    page = tmp_path / "report.html"
    given = ("--law", "chinchilla", "--cost", "6*N*D", "-o", str(page), "--json")
    result = CliRunner().invoke(app, ["report", str(tmp_path / "runs.csv"), *given])
    assert result.exit_code == 0, result.output
    expected = optimal(table, "chinchilla", cost="6*N*D", budget=[6e20, 6e21, 6e22], curves=True)
    told = json.loads(result.stdout)["best"]
    np.testing.assert_allclose(leaves(told["decisions"]), leaves(expected.as_dict()["decisions"]), rtol=1e-7)
    shown = Page(page.read_text()).values
    for decision in expected.decisions:
        for one in decision.estimates:
            assert {one.median, one.low, one.high} <= set(shown)
    words, flat = page.read_text(), {one.input: one for one in expected.decisions[1].flat}
    for name in ("N", "D"):
        assert f"the loss about the best {name} at a cost of 6e+21" in words
        costs = f"{number(flat[name].halving, 3)} x and {number(flat[name].doubling, 3)} x the compute"
        assert f"half and twice of it: as good for {costs}" in words


def test_a_table_needs_a_law():
    result = CliRunner().invoke(app, ["report", "-"], input="N,D,loss\n1,1,1\n")
    assert result.exit_code == 2 and "--law" in result.stderr
