"""Every command of the README and of the documentation, run as it stands from an empty folder."""

import pytest
import typer
from pages import PAGES, ROOT, commands, files, mentioned, printed, same
from typer.testing import CliRunner

import experiments.__main__
from jaxsl.host.cli import app

PROGRAMS = {"jaxsl": app, "python": experiments.__main__.app}
TRACKERS = ("wandb:", "mlflow:")  # ask a network; tests/test_study_import.py has recorded ones
EXACT = {"recipes.md"}  # whose commands print every line that stands below them
KNOWN = {name: text for page in reversed(PAGES) for name, text in files(page).items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(w[0] == "jaxsl" for w in commands(page))],
    ids=lambda page: page.name,
)
def test_every_command_of_a_page_runs_from_an_empty_folder(page, tmp_path, monkeypatch, forgotten_programs):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "jaxsl").symlink_to(ROOT / "jaxsl")  # a clone has its training runs there
    for name, text in {**KNOWN, **files(page)}.items():
        (tmp_path / name).write_text(text)
    for words, shown in printed(page):
        if words[0] == "jaxsl" and not any(word.startswith(TRACKERS) for word in words):
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{' '.join(words)}\n{result.output}"
            if page.name in EXACT:
                lines = result.output.splitlines()
                missing = [
                    line for line in shown if line != "..." and not any(same(line, one) for one in lines)
                ]
                assert not missing, f"{' '.join(words)}\n{result.output}"
            forgotten_programs()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_exists_with_its_options(page):
    for words in commands(page):
        assert not refusal(words, whole=True), words
    for words in mentioned(page):
        assert not refusal(words, whole=False), words


def refusal(words, whole):
    """What the command line would say of these words without running them; None if it would run."""
    program, words = PROGRAMS[words[0]], words[1:] if words[0] == "jaxsl" else words[3:]
    words = words[: words.index("|")] if "|" in words else words
    command, parent = typer.main.get_command(program), None
    try:
        while hasattr(command, "commands") and words and words[0] not in ("-h", "--help"):
            context = command.make_context(command.name, list(words[:1]), parent, resilient_parsing=True)
            if words[0].startswith("-") or (command.name == "laws" and words[0] not in command.commands):
                return None
            name, found, _ = command.resolve_command(context, list(words))
            if found is None:
                return f"no command {words[0]}"
            command, parent, words = found, context, words[1:] if name == words[0] else words
        words = [word for word in words if word not in ("-h", "--help")]
        command.make_context(command.name, words, parent, resilient_parsing=False)
    except Exception as error:  # of the click that typer brings along, which has no name of its own
        if not hasattr(error, "format_message"):
            raise
        matters = whole or type(error).__name__ == "NoSuchOption"
        return error.format_message() if matters else None
    return None


def test_a_file_of_one_name_is_the_same_on_every_page():
    assert set(KNOWN) >= {"runs.csv", "models.csv", "others.csv", "history.csv", "mylaw.py"}
    for page in PAGES:
        for name, text in files(page).items():
            assert text.split() == KNOWN[name].split(), (page.name, name)


def test_commands_are_found():
    found = [words for page in PAGES for words in commands(page)]
    assert len([words for words in found if words[0] == "jaxsl"]) >= 30
    assert ["jaxsl", "study", "ask", "pilot.jsonl", "-n", "2"] in found
    assert refusal(["jaxsl", "fit", "a.csv", "--lwa", "x"], True)
    assert refusal(["jaxsl", "fot"], False)
