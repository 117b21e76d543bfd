"""The documentation covers every setting, question and command, and nothing that does not exist."""

import re
from pathlib import Path

import pytest

from obs_core.cli.main import COMMANDS
from obs_core.query.questions import catalog

ROOT = Path(__file__).parents[1]
DOCS = {path.name: path.read_text("utf-8") for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
SETTING = re.compile(r"\b(?:OBS_[A-Z][A-Z_]*[A-Z]|ENABLE_[A-Z_]+|OTEL_[A-Z_]+|TRACEPARENT|TRACESTATE|BAGGAGE)\b")


def settings_in(text: str) -> set[str]:
    return set(SETTING.findall(text))


def test_every_setting_that_the_code_reads_is_documented_and_no_other() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "obs_core").rglob("*.py"))
    assert settings_in(DOCS["settings.md"]) == settings_in(code)


@pytest.mark.parametrize("name", catalog.QUESTIONS)
def test_every_question_is_documented_with_its_parameters(name: str) -> None:
    section = re.search(rf"^## {re.escape(name)}$(.*?)(?=^## |\Z)", DOCS["questions.md"], re.MULTILINE | re.DOTALL)
    assert section, name
    parameters = set(catalog.question(name).parameters) - {"group"}
    assert all(f"`{parameter}`" in section[1] for parameter in parameters)


def test_every_documented_question_exists() -> None:
    documented = set(re.findall(r"^## (\S+)$", DOCS["questions.md"], re.MULTILINE))
    assert documented == set(catalog.QUESTIONS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"python -m obs_core {command}" in DOCS["README.md"]


@pytest.mark.parametrize("name", DOCS)
def test_links_between_documents_are_not_broken(name: str) -> None:
    folder = ROOT if (ROOT / name).exists() else ROOT / "docs"
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", DOCS[name])
    assert [link for link in links if not (folder / link).exists()] == []
