"""Finds words that this project does not use, in text and names: `python -m tests.support.language PATH …` lists them.

CONTRIBUTING, *Language*, says what to write instead. Prose is every comment, docstring, string and document; names are
the identifiers of Python code.
"""

import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]

PROSE: Final = re.compile(
    r"""(?ix) \b(
        told | (?<!\.)tell(?!\() | tells | reckon\w* | anew | upto | marred | mended | mends | beside | besides | whose
      | (?<!\.)courses? | owe[sd]? | heard\ of | hears\ of | stands | stand\ in | stood | goes\ on | go\ on | went\ on
      | is\ none\ of | are\ none\ of | (?<!there\ )is\ no\ (?!longer|more|less|need|such) | is\ kept\ by
      | house | houses | (?:hot\ |this\ |each\ |the\ |a\ )rooms? | judged? | judges | judging | judgements?
      | such\ \w+\ as | of\ which | at\ work | what\ became | becomes?\ of | as\ it\ stands | patience | patiently
    )\b"""
)
"""Words and phrases that are always wrong in text."""

NAMES: Final = frozenset(
    {
        "told",
        "tell",
        "tells",
        "telling",
        "found",
        "wanted",
        "chosen",
        "kept",
        "stands",
        "beside",
        "moment",
        "moments",
        "place",
        "places",
        "facts",
        "fact",
        "word",
        "words",
        "whose",
        "anew",
        "upto",
        "course",
        "courses",
        "reckon",
        "reckoned",
        "usual",
        "book",
        "owed",
        "owe",
        "marred",
        "mended",
        "judge",
        "judged",
        "judging",
        "judgement",
        "hear",
        "heard",
        "patience",
        "each",
        "picture",
        "house",
        "room",
        "rooms",
        "heart",
    }
)
"""Parts of identifiers that are always wrong (snake_case and CamelCase are split)."""

ALLOWED: Final = frozenset({"FileNotFoundError", "ModuleNotFoundError", "PackageNotFoundError", "tell"})
"""Whole identifiers that contain such a part and are right: `tell` is a method of files."""

PRODUCTS: Final = re.compile("ClickHouse")
"""Names of others' products, which may contain such a part in an identifier."""


RELEASED: Final = frozenset({"0001_log.sql", "0002_log_exceptions.sql", "0001_alerts.sql", "0004_names.sql"})
"""Schema steps that were released and must not change, and the one that renames their tables."""

_GLOSSARY: Final = re.compile(r"^## Language$.*?(?=^## )", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`[^`\n]+`")  # documents may quote old names


class Finding(NamedTuple):
    """One use of a word that is not ours."""

    file: str
    line: int
    word: str
    text: str

    def __str__(self) -> str:
        """As a compiler would print it."""
        return f"{self.file}:{self.line}: {self.word!r} in: {self.text.strip()[:140]}"


def findings(path: Path) -> Iterator[Finding]:
    """Every use in one file; `path` is Python, SQL, JavaScript, CSS, TOML or Markdown."""
    file = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
    text = path.read_text("utf-8")
    if path.suffix == ".py":
        yield from _of_python(file, text)
    elif path.name not in RELEASED:
        for number, line in enumerate(_CODE.sub("`…`", _GLOSSARY.sub(_blank, text)).splitlines(), 1):
            yield from (Finding(file, number, match[0], line) for match in PROSE.finditer(line))


def _of_python(file: str, text: str) -> Iterator[Finding]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)):
            for match in PROSE.finditer(" ".join(token.string.split())):
                yield Finding(
                    file,
                    token.start[0],
                    match[0],
                    token.string
                    if token.type == tokenize.COMMENT
                    else match.string[max(match.start() - 40, 0) : match.end() + 40],
                )
        elif token.type == tokenize.NAME and token.string not in ALLOWED:
            for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", PRODUCTS.sub("", token.string)):
                if part.lower() in NAMES and not token.line.lstrip().startswith(("import ", "from ")):
                    yield Finding(file, token.start[0], token.string, token.line)


def _blank(match: re.Match[str]) -> str:
    """As many lines, without text: the section that lists the words may name them."""
    return "\n" * match[0].count("\n")


def files(paths: list[str]) -> Iterator[Path]:
    """The files of product text below `paths`."""
    for root in map(Path, paths):
        below = [root] if root.is_file() else sorted(root.rglob("*"))
        yield from (path.resolve() for path in below if path.suffix in {".py", ".sql", ".js", ".css", ".md", ".toml"})


if __name__ == "__main__":
    uses = [use for path in files(sys.argv[1:]) for use in findings(path)]
    print("\n".join(map(str, uses)))
    sys.exit(bool(uses))
