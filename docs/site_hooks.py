"""What the site adds to the documents: references made from the code, and the documents next to README.

MkDocs calls these functions (https://www.mkdocs.org/user-guide/plugins/#events); mkdocs.yml names this file.
"""

import argparse
import importlib
import os
import posixpath
import re
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]
OUTSIDE: Final = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "README.md": "index.md"}
_LINK: Final = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file in docs/ holds."""
    pages = {"reference/cli.md": cli(), "reference/rule_kinds.md": rule_kinds(), "reference/api.md": api()}
    pages |= {"adr/index.md": decisions(), "recipes/index.md": recipes()}
    pages |= {name: (ROOT / source).read_text("utf-8") for source, name in OUTSIDE.items() if source != "README.md"}
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to documents next to README to their pages; of other files outside the site only the text is left."""
    del config
    uri = page.file.src_uri
    source = next((name for name, target in OUTSIDE.items() if target == uri and name != "README.md"), f"docs/{uri}")

    def replaced(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        inside = OUTSIDE.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else None)
        if inside is None or files.get_file_from_path(inside) is None:
            return "]" if (ROOT / target).exists() else match[0]  # a broken link stays one, and the build fails
        return f"]({posixpath.relpath(inside, posixpath.dirname(uri) or '.')}{match[2] or ''})"

    return _LINK.sub(replaced, markdown)


def decisions() -> str:
    """The list of decisions (ADRs) with their status."""
    lines = ["# Decisions", "", "What someone would otherwise undo.", "", "| decision | status |", "|---|---|"]
    for file in sorted((ROOT / "docs" / "adr").glob("*.md")):
        text = file.read_text("utf-8")
        title, status = (
            next(iter(re.findall(mark, text, re.MULTILINE)), "") for mark in (r"^# (.*)", r"^Status: (.*)")
        )
        lines.append(f"| [{title}]({file.name}) | {status} |")
    return "\n".join([*lines, ""])


def recipes() -> str:
    """The list of recipes for changes."""
    files = sorted((ROOT / "docs" / "recipes").glob("*.md"))
    lines = [f"- [{file.read_text('utf-8').partition(chr(10))[0].lstrip('# ')}]({file.name})" for file in files]
    return "\n".join(["# Recipes", "", "The files that a change touches.", "", *lines, ""])


def api() -> str:
    """Everything that `import obs_core` gives, and the parts for `logging` and the OpenTelemetry SDK."""
    import obs_core  # noqa: PLC0415 - after the path is set

    names = [f"obs_core.{name}" for name in obs_core.__all__ if not name.startswith("__")]
    names += [
        "obs_core.capture.logging.Handler",
        "obs_core.capture.otel.Exporter",
        "obs_core.capture.otel.CodeProcessor",
    ]
    text = "What `import obs_core` gives to a traced program. [Tracing a program](../capture.md) explains it."
    return "\n".join(["# Python API", "", text, "", *(f"::: {name}" for name in names), ""])


def cli() -> str:
    """The command line, as each command's own help says it."""
    from obs_core.cli.main import COMMANDS, EXIT_CODES, module_of  # noqa: PLC0415 - after the path is set

    os.environ["COLUMNS"] = "100"
    parts = ["# Command line", "", "`obs-core COMMAND`, or `python -m obs_core COMMAND` in a checkout.", ""]
    for name, summary in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=f"obs-core {name}", description=f"{summary[0].upper()}{summary[1:]}.")
        importlib.import_module(module_of(name)).add_arguments(parser)
        parts += [f"## {name}", "", "```text", parser.format_help().rstrip(), "```", ""]
    parts += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    return "\n".join([*parts, *(f"| {code} | {text} |" for code, text in EXIT_CODES.items()), ""])


def rule_kinds() -> str:
    """The kinds of alert rules with their fields and defaults."""
    from obs_core.alerts.rules.kinds import KINDS  # noqa: PLC0415 - after the path is set

    parts = ["# Rule kinds", "", "Fields of each kind; [Alerts](../alerts.md#rules) has those of all rules.", ""]
    for name, kind in KINDS.items():
        parts += [f"## {name}", "", f"{kind.summary} Reads {kind.reads}.", ""]
        if kind.fields:
            parts += ["| field | label | default | values |", "|---|---|---|---|"]
        for field in kind.fields:
            default = f"`{field.default}`" if field.default else "none"
            parts.append(f"| `{field.name}` | {field.label} | {default} | {', '.join(field.options) or field.type} |")
        parts.append("")
    return "\n".join(parts)
