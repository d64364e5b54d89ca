"""Two processes ask and tell, and are killed at 200 random moments: nothing is lost and nothing doubled."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from jaxsl.host.study.journal import Journal
from jaxsl.host.study.records import encode
from jaxsl.host.study.study import Study

ROOT = Path(__file__).resolve().parents[1]
NUM_KILLS = 200

# Imports once, then forks writers, kills one of the two after a random time, and replaces it. What a writer
# was told is accepted goes to a file of its own, so that the journal can be held to it.
SCRIPT = """
import json, os, random, signal, sys, time
from types import SimpleNamespace
from jaxsl.host.study import journal
from jaxsl.host.study.study import Study
assert "jax" not in sys.modules, "the journal needs no compiler"
path, folder, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(0)

# A disk that takes 32 bytes at a time, so that kills fall into the middle of lines too.
def write_slowly(file, some):
    time.sleep(1e-3)
    return os.write(file, some[:32])

journal.os = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)} | {"write": write_slowly})

def proposal(c):
    return SimpleNamespace(x=c.x, planned=c.cost, cost=c.cost, name=c.name, fall=0.0, of="", after=0.0)

class Any:
    "Takes candidates at random, as an engine would from a fit."
    def ask(self, ledger, n):
        used = ledger.used()
        open_ones = [c for c in ledger.candidates if not used.get(c.x)]
        picked = random.Random(len(ledger.runs)).sample(open_ones, min(n, len(open_ones)))
        return [proposal(c) for c in picked]

def write(number):
    study = Study(path, advisor=Any())
    accepted = os.open(f"{folder}/{number}", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    while True:
        for run in study.ask(2):
            os.write(accepted, json.dumps(["ask", run.id, run.x["N"]]).encode() + b"\\n")
            loss = 1 / run.x["N"]
            study.tell(run.id, loss, cost=run.x["N"], confirmed=True)
            os.write(accepted, json.dumps(["tell", run.id, loss]).encode() + b"\\n")

def start(number):
    child = os.fork()
    if not child:
        write(number)
    return child

writers = [start(0), start(1)]
for kill in range(kills):
    time.sleep(rng.expovariate(1 / 0.08))
    victim = rng.randrange(2)
    os.kill(writers[victim], signal.SIGKILL)
    assert os.waitpid(writers[victim], 0)[1] == signal.SIGKILL, "a writer died by itself"
    writers[victim] = start(kill + 2)
for writer in writers:
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
"""


def make(path, number):
    settings = {
        "law": "none",
        "inputs": ["N"],
        "outputs": ["loss"],
        "target": [[1.0]],
        "cost": "N",
        "space": [],
    }
    settings |= {"budget": None, "replicates": 1, "seed": 0, "stop": {}}
    candidates = [
        {"event": "candidates", "x": {"N": [float(i + 1)]}, "cost": [1.0], "name": [""]}
        for i in range(number)
    ]
    Journal.create(path, settings, candidates)


@pytest.mark.slow
def test_killed_at_200_random_moments_no_accepted_result_is_lost_or_doubled(tmp_path):
    path, folder = tmp_path / "s.jsonl", tmp_path / "accepted"
    folder.mkdir()
    make(path, 2500)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, path, folder, str(NUM_KILLS)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    accepted = []
    for file in folder.iterdir():
        lines = file.read_bytes().split(b"\n")[:-1]  # the log itself may be cut off by the kill
        accepted += [json.loads(line) for line in lines]
    asked = [(id, x) for kind, id, x in accepted if kind == "ask"]
    told = {id: loss for kind, id, loss in accepted if kind == "tell"}
    study = Study(path)
    assert len(told) > NUM_KILLS / 4, "the writers hardly got to work"
    for id, x in asked:
        assert study.ledger.runs[id].x == (x,)
    for id, loss in told.items():
        assert study.ledger.runs[id].y == (loss,) and study.ledger.runs[id].status == "done"
    assert path.read_bytes().count(b'"why":"cut off"') > 0, "no kill fell into a line"
    assert len({id for id, _ in asked}) == len(asked), "one id was given to two runs"
    assert max(Counter(run.x for run in study.ledger.runs.values()).values()) == 1, "one run was asked twice"
    assert all(len(run.history) <= 1 for run in study.ledger.runs.values()), "one result was told twice"
    lines, cut = study.ledger.num_lines, path.read_bytes().count(b'"why":"cut off"')
    print(f"{NUM_KILLS} kills: {len(asked)} runs, {len(told)} results, {lines} lines, {cut} cut off")


def test_a_journal_cut_off_at_any_byte_of_its_last_records_opens_with_all_before_them(tmp_path):
    path = tmp_path / "s.jsonl"
    make(path, 3)
    told = {"event": "run", "id": "h1", "x": {"N": 9.0}, "status": "done", "y": [1.0], "cost": None}
    told |= {"planned": 1.0, "counts": False, "name": "", "time": ""}
    whole = path.read_bytes()
    line = encode(told) + b"\n"
    for place in range(len(line) + 1):
        path.write_bytes(whole + line[:place])
        study = Study(path)
        assert list(study.ledger.runs) == (["h1"] if place == len(line) else [])
        assert len(study.ledger.candidates) == 3
