"""`python -m obs_core webhooks`: who gets told of alerts, and what became of the messages."""

import argparse
import getpass
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from obs_core import clock, settings
from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher, retry, webhook, webhook_store
from obs_core.alerts.deliver.webhook import Webhook
from obs_core.errors import BadParameter

_DEFAULTS: Final = Webhook("", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.set_defaults(act=_list, json=False)
    parser.add_argument("--log", type=Path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)")
    acts = parser.add_subparsers(metavar="WHAT")
    listing = acts.add_parser("list", help="show the webhooks, without their secrets")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(act=_list)
    for name, act, summary in (
        ("test", _test, "send a message that says it is a test"),
        ("remove", _remove, "remove a webhook; what waits for it is suppressed"),
    ):
        with_name = acts.add_parser(name, help=summary)
        with_name.add_argument("name")
        with_name.set_defaults(act=act)
    history = acts.add_parser("log", help="show the last deliveries, newest first")
    history.add_argument("--limit", type=int, default=50)
    history.set_defaults(act=_log)
    _add_arguments(acts.add_parser("add", help="add a webhook"))
    for command in acts.choices.values():  # before or after what is to be done
        command.add_argument("--log", type=Path, default=argparse.SUPPRESS, help="the trace log")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 1 if a test message did not arrive."""
    log = (arguments.log or settings.from_environment().log).absolute()
    with closing(ledger.open_ledger(log)) as book:
        act: Callable[[sqlite3.Connection, argparse.Namespace], int] = arguments.act
        return act(book, arguments)


def duration_ns(text: str) -> int:
    """`30s`, `5m`, `4h`, `1d` in nanoseconds.

    Raises:
        BadParameter: it is none.
    """
    period_ns = clock.period_ns(text)
    if period_ns is None:
        raise BadParameter(f"“{text[:60]}” is not a duration.", "Write 30s, 5m, 4h or 1d.")
    return min(period_ns, clock.MAX_PERIOD_NS)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(act=_add)
    parser.add_argument("name")
    parser.add_argument("url", help="http:// or https://")
    for option, what in (
        ("rule", "a rule it is told of (name or pattern); again for more"),
        ("severity", "a severity it is told of; again for more"),
        ("label", "name=pattern that the alert's labels must match; again for more"),
        ("header", "'Name: text' to send; without a text it is asked for; again for more"),
        ("group-by", "a label that alerts of one message share, ... for all, none; again for more (alertname)"),
    ):
        parser.add_argument(f"--{option}", action="append", default=[], help=what)
    parser.add_argument("--group-wait", default="30s", help="wait of a group's first message (30s)")
    parser.add_argument("--group-interval", default="5m", help="between two looks at a group (5m)")
    parser.add_argument("--repeat-interval", default="4h", help="until what still fires is told again (4h)")
    parser.add_argument("--no-resolved", action="store_true", help="don't tell ends")
    parser.add_argument("--max-alerts", type=int, default=0, help="alerts in one message (0: all)")
    parser.add_argument("--secret", action="store_true", help="sign messages; the secret is asked for")


def _add(book: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    asked = arguments.group_by or list(_DEFAULTS.group_by)
    new = Webhook(
        arguments.name,
        arguments.url,
        headers=dict(_header(each) for each in arguments.header),
        rules=tuple(arguments.rule),
        severities=tuple(arguments.severity),
        labels=dict(_pair(each) for each in arguments.label),
        group_by=() if asked == ["none"] else tuple(asked),
        group_wait_ns=duration_ns(arguments.group_wait),
        group_interval_ns=duration_ns(arguments.group_interval),
        repeat_interval_ns=duration_ns(arguments.repeat_interval),
        send_resolved=not arguments.no_resolved,
        max_alerts=arguments.max_alerts,
        secret=_asked("Secret: ") if arguments.secret else "",
    )
    webhook_store.add(book, new, clock.now_ns(), settings.from_environment().webhook_allow)
    print(f"Added {new.name}. Try it: python -m obs_core webhooks test {new.name}")
    return 0


def _list(book: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    found = [webhook.public_view(each) for each in webhook_store.listed(book)]
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
    elif not found:
        print("There is no webhook. Add one: python -m obs_core webhooks add NAME URL")
    else:
        for each in found:
            print(f"{each['name']}  {each['url']}  {_asks(each)}")
    return 0


def _test(book: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    answer = dispatcher.send_test(
        webhook_store.named(book, arguments.name), settings.from_environment(), clock.now_ns()
    )
    if retry.outcome(answer) == "sent":
        print(f"{arguments.name} answered {answer.status}.")
        return 0
    print(retry.error_text(answer), file=sys.stderr)
    return 1


def _remove(book: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    webhook_store.remove(book, arguments.name)
    print(f"Removed {arguments.name}.")
    return 0


def _log(book: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    for each in webhook_store.deliveries(book, limit=arguments.limit):
        when = clock.iso_text(each.sent_ns or each.timestamp_ns)
        facts = [when, each.webhook, each.status, each.rule, f"{each.state_from} → {each.state_to}"]
        print(
            "  ".join(
                [*facts, f"attempts {each.attempts}", str(each.response_status or "no answer"), each.error]
            ).rstrip()
        )
    return 0


def _asks(facts: dict[str, Any]) -> str:
    lists = [*facts["rules"], *facts["severities"], *(f"{name}={each}" for name, each in facts["labels"].items())]
    return ("told of " + ", ".join(lists) if lists else "told of everything") + (", signed" if facts["secret"] else "")


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip() or _asked(f"{name.strip()}: ")


def _pair(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not equals:
        raise BadParameter(f"“{text[:60]}” is no label with a pattern.", "Write process=feed*.")
    return name.strip(), pattern


def _asked(prompt: str) -> str:
    """What is typed without being shown, or the next line of standard input."""
    answer = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not answer:
        raise BadParameter("No secret was given.", "Type it, or write it to standard input as a line.")
    return answer
