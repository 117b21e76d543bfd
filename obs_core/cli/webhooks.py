"""`python -m obs_core webhooks`: manage webhooks and show the delivery log."""

import argparse
import getpass
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from obs_core import clock, settings
from obs_core.alerts import ledger
from obs_core.alerts.deliver import dispatcher, retry, webhook_store
from obs_core.alerts.deliver.webhook import Webhook, public_view
from obs_core.alerts.deliver.webhook_store import Delivery
from obs_core.cli import argument_types
from obs_core.errors import BadParameter

_DEFAULTS: Final = Webhook("", "")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments of the command."""
    parser.set_defaults(action=_list, json=False)
    parser.add_argument(
        "--log", type=argument_types.log_path, help="the trace log (OBS_LOG, else logs/main_dashboard_logs.db)"
    )
    actions = parser.add_subparsers(metavar="ACTION")
    listing = actions.add_parser("list", help="show the webhooks, without their secrets")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(action=_list)
    for name, action, summary in (
        ("test", _test, "send a test message"),
        ("remove", _remove, "remove a webhook; queued messages are suppressed"),
    ):
        with_name = actions.add_parser(name, help=summary)
        with_name.add_argument("name")
        with_name.set_defaults(action=action)
    history = actions.add_parser("log", help="show the last deliveries, newest first")
    history.add_argument("--limit", type=argument_types.count, default=50)
    history.set_defaults(action=_log)
    _add_arguments(actions.add_parser("add", help="add a webhook"))
    for command in actions.choices.values():  # before or after the action
        command.add_argument("--log", type=argument_types.log_path, default=argparse.SUPPRESS, help="the trace log")


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return 1 if a test message was not accepted."""
    log = (arguments.log or settings.from_environment().log).absolute()
    with closing(ledger.open_ledger(log)) as connection:
        action: Callable[[sqlite3.Connection, argparse.Namespace], int] = arguments.action
        return action(connection, arguments)


def duration_ns(text: str) -> int:
    """`30s`, `5m`, `4h`, `1d` in nanoseconds.

    Raises:
        BadParameter: it is not a duration.
    """
    period_ns = clock.period_ns(text)
    if period_ns is None:
        raise BadParameter(f"“{text[:60]}” is not a duration.", "Write 30s, 5m, 4h or 1d.")
    return min(period_ns, clock.MAX_PERIOD_NS)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(action=_add)
    parser.add_argument("name")
    parser.add_argument("url", help="http:// or https://")
    for option, description in (
        ("rule", "only alerts of this rule (name or pattern); repeatable"),
        ("severity", "only alerts of this severity; repeatable"),
        ("label", "name=pattern that a label of the alert must match; repeatable"),
        ("header", "'Name: text' to send; without a text it is prompted for; repeatable"),
        (
            "group-by",
            "group by this label; ... = one alert per message, none = all in one; repeatable (alertname)",
        ),
    ):
        parser.add_argument(f"--{option}", action="append", default=[], help=description)
    parser.add_argument("--group-wait", default="30s", help="how long a group's first message waits for more (30s)")
    parser.add_argument("--group-interval", default="5m", help="minimum time between two messages of a group (5m)")
    parser.add_argument("--repeat-interval", default="4h", help="how often to repeat while firing (4h)")
    parser.add_argument("--no-resolved", action="store_true", help="do not send resolved alerts")
    parser.add_argument(
        "--max-alerts", type=argument_types.count, default=0, help="maximum number of alerts per message (0: all)"
    )
    parser.add_argument("--secret", action="store_true", help="sign messages; the secret is prompted for")


def _add(connection: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    group_by = arguments.group_by or list(_DEFAULTS.group_by)
    new = Webhook(
        arguments.name,
        arguments.url,
        headers=dict(_header(text) for text in arguments.header),
        rules=tuple(arguments.rule),
        severities=tuple(arguments.severity),
        labels=dict(_pair(text) for text in arguments.label),
        group_by=() if group_by == ["none"] else tuple(group_by),
        group_wait_ns=duration_ns(arguments.group_wait),
        group_interval_ns=duration_ns(arguments.group_interval),
        repeat_interval_ns=duration_ns(arguments.repeat_interval),
        send_resolved=not arguments.no_resolved,
        max_alerts=arguments.max_alerts,
        secret=_prompt("Secret: ") if arguments.secret else "",
    )
    webhook_store.add(connection, new, clock.now_ns(), settings.from_environment().webhook_allow)
    print(f"Added {new.name}. Test it: python -m obs_core webhooks test {new.name}")
    return 0


def _list(connection: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    webhooks = [public_view(webhook) for webhook in webhook_store.listed(connection)]
    if arguments.json:
        print(json.dumps(webhooks, ensure_ascii=False, indent=1))
    elif not webhooks:
        print("No webhooks yet. Add one: python -m obs_core webhooks add NAME URL")
    else:
        for webhook in webhooks:
            print(f"{webhook['name']}  {webhook['url']}  {_matchers(webhook)}")
    return 0


def _test(connection: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    response = dispatcher.send_test(
        webhook_store.named(connection, arguments.name), settings.from_environment(), clock.now_ns()
    )
    if retry.outcome(response) == "sent":
        print(f"{arguments.name} answered {response.status}.")
        return 0
    print(retry.error_text(response), file=sys.stderr)
    return 1


def _remove(connection: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    webhook_store.remove(connection, arguments.name)
    print(f"Removed {arguments.name}.")
    return 0


def _log(connection: sqlite3.Connection, arguments: argparse.Namespace) -> int:
    for delivery in webhook_store.deliveries(connection, limit=arguments.limit):
        print(_line(delivery))
    return 0


def _line(delivery: Delivery) -> str:
    parts = [
        clock.iso_text(delivery.sent_ns or delivery.timestamp_ns),
        delivery.webhook,
        delivery.status,
        delivery.rule,
        f"{delivery.state_from} → {delivery.state_to}",
        f"attempts {delivery.attempts}",
        str(delivery.response_status or "no response"),
        delivery.error,
    ]
    return "  ".join(parts).rstrip()


def _matchers(webhook: dict[str, Any]) -> str:
    labels = [f"{name}={pattern}" for name, pattern in webhook["labels"].items()]
    matchers = ", ".join([*webhook["rules"], *webhook["severities"], *labels])
    return f"alerts: {matchers or 'all'}" + (", signed" if webhook["secret"] else "")


def _header(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip() or _prompt(f"{name.strip()}: ")


def _pair(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not equals:
        raise BadParameter(f"“{text[:60]}” is not a label with a pattern.", "Write process=feed*.")
    return name.strip(), pattern


def _prompt(prompt: str) -> str:
    """Text typed without echo, or the next line of standard input."""
    answer = getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not answer:
        raise BadParameter("No secret was given.", "Type it, or write it to standard input as a line.")
    return answer
