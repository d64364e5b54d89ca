"""What the README and the pages of the documentation tell a reader to type, and the files that they show."""

import math
import re
import shlex
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$|((?:^    [^\n]*\n|^\n(?=    ))+)", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([\w.]+\.(?:csv|jsonl|py))`")
PROMPTS = ("$ ", "uv run ", "pip install -q uv && uv run ")
PROGRAMS = ("jaxsl ", "python -m experiments ")


def blocks(page):
    """Every block of a page, and the paragraph before it."""
    text = page.read_text()
    for found in FENCED.finditer(text):
        body = (
            found.group(2) if found.group(2) is not None else re.sub(r"^    ", "", found.group(3), flags=re.M)
        )
        before = text[: found.start()].rstrip("\n").rpartition("\n\n")[2]
        yield body, before


def files(page):
    """The files that a page shows: blocks that follow a paragraph which names one, and are no commands."""
    shown = {}
    for body, before in blocks(page):
        names = FILE.findall(before)
        if names and not commands_of(body) and ("," in body.strip("\n").split("\n")[0] or "import" in body):
            shown.setdefault(names[-1], body.lstrip("\n"))
    return shown


def commands(page):
    """The commands of a page's blocks, in order, as words."""
    return [words for body, _ in blocks(page) for words in commands_of(body)]


def printed(page):
    """Every command that a page shows with what it prints, as words and lines; others have no line."""
    for body, _ in blocks(page):
        lines = re.sub(r"\\\n\s*", "", body).splitlines()
        starts = [index for index, line in enumerate(lines) if commands_of(line)]
        for start, end in pairwise([*starts, len(lines)]):
            yield commands_of(lines[start])[0], [line for line in lines[start + 1 : end] if line.strip()]


def same(shown, line):
    """Whether a line is the one that a page shows: the same words, and numbers within a hundredth."""
    pairs = [re.sub(r"[][,;:()%]", " ", text).split() for text in (shown, line)]
    return len(pairs[0]) == len(pairs[1]) and all(map(_alike, *pairs))


def _alike(one, other):
    try:
        return math.isclose(float(one), float(other), rel_tol=0.01)
    except ValueError:
        return one == other


def commands_of(body):
    found = []
    for line in re.sub(r"\\\n\s*", "", body).splitlines():
        for prompt in PROMPTS:
            line = line.removeprefix(prompt)
        if line.startswith(PROGRAMS):
            found.append(shlex.split(line, comments=True))
    return found


def mentioned(page):
    """Commands inside the text, as words, up to the first that only stands for others."""
    for line in re.findall(r"`((?:jaxsl|python -m experiments) [^`]+)`", page.read_text()):
        words = line.replace("\n", " ").split()
        yield words[: next((i for i, word in enumerate(words) if "..." in word), None)]
