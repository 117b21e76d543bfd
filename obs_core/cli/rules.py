"""`python -m obs_core rules list|add|test|remove`: alert rules from the shell."""

import argparse
import tomllib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from obs_core.alerts import backtest, ledger
from obs_core.alerts.deliver import webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.model import Rule
from obs_core.clock import Window, instant_ns, iso_text, now_ns
from obs_core.errors import BadParameter
from obs_core.settings import from_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--log", type=Path, help="the trace log (default: OBS_LOG)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, told in {
        "list": "show all rules",
        "add": "make a rule: name, kind, and field=value pairs as in rules.toml",
        "test": "when would a rule have fired?",
        "remove": "remove a rule that was made on the page or here",
    }.items():
        action = actions.add_parser(name, help=told, description=told.capitalize())
        action.add_argument("--log", type=Path, default=argparse.SUPPRESS, help="the trace log")
        if name != "list":
            action.add_argument("name", help="the rule's name")
        if name in {"add", "test"}:
            action.add_argument("kind", nargs="?" if name == "test" else None, help="stale, silent, error_rate, …")
            action.add_argument("fields", nargs="*", metavar="field=value", help="threshold=5 data=price for=5m …")
        if name == "test":
            action.add_argument(
                "--from", dest="start", default="now-1d", help="where the test begins (default: now-1d)"
            )
            action.add_argument("--to", dest="end", default="now", help="where it ends (default: now)")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 2 if it can't be done."""
    log = (arguments.log or from_environment().log).absolute()
    with closing(ledger.open_ledger(log)) as book:
        if arguments.action == "list":
            for rule in sources.with_snoozes(sources.rules(log, book), ledger.snoozes(book)):
                print(_line(rule))
        elif arguments.action == "add":
            sources.add(book, log, _made(arguments), now_ns())
            print(f"Added “{arguments.name}”.")
        elif arguments.action == "remove":
            sources.remove(book, arguments.name)
            print(f"Removed “{arguments.name}”.")
        else:
            rule = _made(arguments) if arguments.kind else _named(sources.rules(log, book), arguments.name)
            _test(log, rule, arguments, webhook_store.listed(book))
    return 0


def _test(log: Path, rule: Rule, arguments: argparse.Namespace, hooks: Sequence[Webhook]) -> None:
    now = now_ns()
    window = Window(instant_ns(arguments.start, now), instant_ns(arguments.end, now))
    found = backtest.past(log, rule, window)
    for firing in found.firings:
        who = " ".join(f"{name}={text}" for name, text in firing.labels.items() if name != "alertname")
        until = iso_text(firing.ends_ns) if firing.ends_ns is not None else "ongoing"
        print(f"{iso_text(firing.starts_ns)}  {until}  {who}  {firing.summary}")
    flapped = f" and flapped {_times(len(found.flapping))}" if found.flapping else ""
    print(f"“{rule.name}” would have fired {_times(len(found.firings))}{flapped}, with {found.told(hooks)}.")


def _times(number: int) -> str:
    return f"{number:,} time" + ("" if number == 1 else "s")


def _made(arguments: argparse.Namespace) -> Rule:
    facts: dict[str, Any] = {"name": arguments.name, "kind": arguments.kind}
    for pair in arguments.fields:
        field, equals, value = pair.partition("=")
        if not equals:
            raise BadParameter(f"“{pair}” is not field=value.", "Write, for example, threshold=5 data=price.")
        facts[field] = _value(value)
    return parsing.from_facts(facts)


def _value(text: str) -> Any:  # noqa: ANN401 - a number, a list, or the text itself
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _named(rules: list[Rule], name: str) -> Rule:
    for rule in rules:
        if rule.name == name:
            return rule
    raise BadParameter(f"There is no rule called “{name}”.", "python -m obs_core rules list shows them.")


def _line(rule: Rule) -> str:
    facts = parsing.facts_of(rule)
    rest = " ".join(f"{key}={value}" for key, value in facts.items() if key not in {"name", "kind"})
    return f"{rule.name}  [{rule.kind}, from {rule.source}{'' if rule.enabled else ', disabled'}]  {rest}".rstrip()
