"""The URL of a ClickHouse store, as the setting `OBS_STORE` has it: `clickhouse://user@host:8443/database?option=…`.

The connection is encrypted unless `tls=no` says otherwise. `chdb://memory/database` is ClickHouse in this process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from obs_core.errors import SetupBroken

TLS_PORT: Final = 8443
PLAIN_PORT: Final = 8123
_OPTIONS: Final = ("tls", "ca", "traces", "logs", "duplicates")
_HINT: Final = "Write OBS_STORE as clickhouse://user@host:8443/database; the password is in CLICKHOUSE_PASSWORD."


@dataclass(frozen=True, slots=True)
class ClickHouseUrl:
    """Where the tables of the OpenTelemetry Collector's ClickHouse exporter are."""

    host: str
    port: int
    user: str
    database: str
    password: str = field(repr=False)
    tls: bool = True
    ca: str = ""  # a file with the certificates to trust; empty: those of the system
    traces: str = "otel_traces"
    logs: str = "otel_logs"
    distinct: bool = False  # whether only the first copy of a span counts: senders that try again store it twice
    path: str = ""  # of chdb: a directory or :memory:; empty: a server

    @property
    def shown(self) -> str:
        """The URL for people, without the password."""
        if self.path:
            return f"chdb://{self.path.strip(':')}/{self.database}"
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"clickhouse://{user}{host}:{self.port}/{self.database}"


def parsed(text: str, environment: Mapping[str, str]) -> ClickHouseUrl:
    """The URL in `text`; the password may also be `CLICKHOUSE_PASSWORD` in `environment`.

    Raises:
        SetupBroken: it is not the URL of a store; the message does not contain the password.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise SetupBroken("OBS_STORE is not a valid URL.", _HINT) from None
    if parts.scheme not in ("clickhouse", "chdb"):
        raise SetupBroken(f"OBS_STORE has an unknown scheme: “{parts.scheme[:20]}”.", _HINT)
    if unknown := [name for name in options if name not in _OPTIONS]:
        message = f"OBS_STORE has an unknown option: {unknown[0][:40]}."
        raise SetupBroken(message, f"The options are {', '.join(_OPTIONS)}.")
    choices = {"tls": ("yes", "no"), "duplicates": ("keep", "remove")}
    for name, allowed in choices.items():
        if options.get(name, allowed[0]) not in allowed:
            raise SetupBroken(f"The option {name} of OBS_STORE is not valid.", f"Use {' or '.join(allowed)}.")
    path, database = "", parts.path.strip("/")
    if parts.scheme == "chdb":
        folder, _, database = f"{parts.netloc}{parts.path}".rpartition("/")
        path = ":memory:" if folder == "memory" else folder
    if not (parts.hostname or path) or not database or "/" in database:
        raise SetupBroken("OBS_STORE names no server, or no database.", _HINT)
    tls = options.get("tls") != "no"
    return ClickHouseUrl(
        parts.hostname or "",
        port or (TLS_PORT if tls else PLAIN_PORT),
        unquote(parts.username or ""),
        unquote(database),
        unquote(parts.password or "") or environment.get("CLICKHOUSE_PASSWORD", ""),
        tls,
        options.get("ca", ""),
        options.get("traces") or "otel_traces",
        options.get("logs") or "otel_logs",
        distinct=options.get("duplicates") == "remove",
        path=path,
    )
