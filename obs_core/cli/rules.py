"""`python -m obs_core rules list|add|test|remove`: alert rules on the command line."""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from textwrap import fill
from typing import Any

from obs_core.alerts import backtest, ledger
from obs_core.alerts.deliver import webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.alerts.rules import parsing, sources
from obs_core.alerts.rules.kind import Field
from obs_core.alerts.rules.kinds import KINDS
from obs_core.alerts.rules.model import Rule
from obs_core.cli import argument_types
from obs_core.clock import Window, instant_ns, iso_text, now_ns
from obs_core.errors import BadParameter
from obs_core.settings import from_environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--log", type=argument_types.log_path, help="the trace log (default: OBS_LOG)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, help_ in {
        "list": "list all rules",
        "add": "add a rule: name, kind, and field=value pairs as in rules.toml",
        "test": "backtest a rule: when would it have fired?",
        "remove": "remove a rule made on the page or command line",
    }.items():
        action = actions.add_parser(
            name,
            help=help_,
            description=help_.capitalize(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=_kinds_help() if name in {"add", "test"} else None,
        )
        action.add_argument("--log", type=argument_types.log_path, default=argparse.SUPPRESS, help="the trace log")
        if name != "list":
            action.add_argument("name", help="the rule's name")
        if name in {"add", "test"}:
            action.add_argument("kind", nargs="?" if name == "test" else None, help="one of the kinds below")
            action.add_argument("fields", nargs="*", metavar="field=value", help="threshold=5 data=price for=5m …")
        if name == "test":
            action.add_argument(
                "--from", dest="start", default="now-1d", help="start of the backtest (default: now-1d)"
            )
            action.add_argument("--to", dest="end", default="now", help="end of the backtest (default: now)")


def run(arguments: argparse.Namespace) -> int:
    """Run the action; return the exit code."""
    log = (arguments.log or from_environment().log).absolute()
    with closing(ledger.open_ledger(log)) as connection:
        if arguments.action == "list":
            rules, invalid = sources.read(log, connection)
            for rule in sources.with_snoozes(rules, ledger.snoozes(connection)):
                print(_line(rule))
            for error in invalid.values():
                print(f"{error.message} {error.hint}".strip(), file=sys.stderr)
            return 2 if invalid else 0
        if arguments.action == "add":
            sources.add(connection, log, _parse(arguments), now_ns())
            print(f"Added “{arguments.name}”.")
        elif arguments.action == "remove":
            sources.remove(connection, arguments.name)
            print(f"Removed “{arguments.name}”.")
        else:
            rule = _parse(arguments) if arguments.kind else _named(sources.read(log, connection), arguments.name)
            _test(log, rule, arguments, webhook_store.listed(connection))
    return 0


def _kinds_help() -> str:
    """All kinds with their fields and defaults."""
    lines = ["kinds:"]
    for kind in KINDS.values():
        fields = ", ".join(map(_field_help, kind.fields))
        text = f"{kind.name}: {kind.summary}{f' Fields: {fields}.' if fields else ''}"
        lines.append(fill(text, 100, initial_indent="  ", subsequent_indent="      "))
    return "\n".join(lines)


def _field_help(field: Field) -> str:
    options = f" ({'|'.join(field.options)})" if field.type == "choice" else ""
    return f"{field.name}{f'={field.default}' if field.default else ''}{options}"


def _test(log: Path, rule: Rule, arguments: argparse.Namespace, webhooks: Sequence[Webhook]) -> None:
    now = now_ns()
    window = Window(instant_ns(arguments.start, now), instant_ns(arguments.end, now))
    result = backtest.backtest(log, rule, window)
    for firing in result.firings:
        labels = " ".join(f"{name}={text}" for name, text in firing.labels.items() if name != "alertname")
        end = iso_text(firing.ends_ns) if firing.ends_ns is not None else "ongoing"
        print(f"{iso_text(firing.starts_ns)}  {end}  {labels}  {firing.summary}")
    flapped = f" and flapped {_times(len(result.flapping))}" if result.flapping else ""
    messages = result.message_summary(webhooks)
    print(f"“{rule.name}” would have fired {_times(len(result.firings))}{flapped}, with {messages}.")
    if result.when_saved:
        print(result.when_saved)


def _times(number: int) -> str:
    return f"{number:,} time" + ("" if number == 1 else "s")


def _parse(arguments: argparse.Namespace) -> Rule:
    table: dict[str, Any] = {"name": arguments.name, "kind": arguments.kind}
    for pair in arguments.fields:
        field, equals, value = pair.partition("=")
        if not equals:
            raise BadParameter(f"“{pair}” is not field=value.", "Write, for example, threshold=5 data=price.")
        table[field] = _value(value)
    return parsing.parse_rule(table)


def _value(text: str) -> Any:  # noqa: ANN401 - a number, a list, or the text itself
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _named(read: sources.ReadRules, name: str) -> Rule:
    if name in read.invalid:
        raise read.invalid[name]
    for rule in read.rules:
        if rule.name == name:
            return rule
    raise BadParameter(f"No rule is called “{name}”.", "python -m obs_core rules list shows all rules.")


def _line(rule: Rule) -> str:
    table = parsing.rule_table(rule)
    fields = " ".join(f"{key}={value}" for key, value in table.items() if key not in {"name", "kind"})
    return f"{rule.name}  [{rule.kind}, from {rule.source}{'' if rule.enabled else ', disabled'}]  {fields}".rstrip()
