"""The settings of the dashboard, its child processes and the command line, read from environment variables.

A traced program's settings are in capture/options.py.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from obs_core.clock import DAY, period_ns
from obs_core.environment import DEFAULT_LOG, NO, YES, switch, texts, whole_number

_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?([KMGT])B?", re.ASCII)
OTLP_PORT: Final = 4318
OTLP_GRPC_PORT: Final = 4317
"""The default ports; the one for gRPC is used only together with the other, so that two receivers need one setting."""
FORWARD_SIGNALS: Final = ("traces", "logs")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; the comment behind each field names its environment variable."""

    log: Path  # OBS_LOG: the trace log, relative to the current directory
    new_observability: bool  # ENABLE_NEW_OBSERVABILITY: false leaves only the Logs page
    otlp: bool  # OBS_OTLP: whether the dashboard starts the OTLP receiver
    otlp_host: str  # OBS_OTLP_HOST
    otlp_port: int  # OBS_OTLP_PORT
    otlp_grpc_port: int  # OBS_OTLP_GRPC_PORT: for OTLP over gRPC; 0: none
    source_roots: tuple[
        Path, ...
    ] = ()  # OBS_SOURCE_ROOTS: folders from which source code may be shown, by default the current one
    rollout: str = "both"  # OBS_ROLLOUT: how the Logs page is retired: both, deprecated, removed
    token: str = field(default="", repr=False)  # OBS_TOKEN: that the dashboard asks for; empty: none
    otlp_token: str = field(default="", repr=False)  # OBS_OTLP_TOKEN: that senders must present; by default OBS_TOKEN
    insecure: bool = False  # OBS_INSECURE: whether to listen beyond this machine without a token
    otlp_limit_mb: int = 64  # OBS_OTLP_LIMIT_MB: the largest request, decompressed, as the specification has it
    otlp_limit_parts: int = 1_000_000  # OBS_OTLP_LIMIT_PARTS: the most values or messages of a request
    otlp_work_s: int = 10  # OBS_OTLP_WORK_S: the most processor time for a request, in seconds
    otlp_head_s: int = 10  # OBS_OTLP_HEAD_S: for the head of a request to arrive, in seconds
    otlp_body_s: int = 30  # OBS_OTLP_BODY_S: for its body to arrive, in seconds
    otlp_connections: int = 512  # OBS_OTLP_CONNECTIONS: the most open connections
    otlp_peer_connections: int = 256  # OBS_OTLP_PEER_CONNECTIONS: the most open connections of one address
    watch: bool = True  # OBS_WATCH: whether the dashboard starts the watcher, which evaluates alert rules
    archive: str = "auto"  # OBS_ARCHIVE: auto: made of a long log; all: also of others' logs; yes: only read; no
    keep_ns: int | None = None  # OBS_KEEP: how long sealed rows stay in the log; None: for ever
    keep_archive_ns: int | None = None  # OBS_KEEP_ARCHIVE: how long rows stay in the archive
    keep_rollups_ns: int | None = None  # OBS_KEEP_ROLLUPS: how long rollups stay
    max_bytes: int | None = None  # OBS_MAX_SIZE: of the log and its archive; 0: no limit; None: 80 % of the disk
    store: str = field(default="", repr=False)  # OBS_STORE: a shared lake, or a store that pages show; empty: none
    keep_store_ns: int | None = None  # OBS_KEEP_STORE: how long rows stay in the shared store
    hang_s: int = 30  # OBS_HANG_S: a child without a heartbeat for so many seconds is restarted; 0: never
    max_series: int = 200_000  # OBS_MAX_SERIES: how many series the watcher tracks
    values: tuple[str, ...] = ()  # OBS_VALUES: span attributes that become values of their calls
    webhook_allow: tuple[str, ...] = ()  # OBS_WEBHOOK_ALLOW: the hosts that webhooks may use; empty: all
    hosts: tuple[str, ...] = ()  # OBS_HOSTS: further names by which the dashboard and the receiver may be addressed
    external_url: str = "http://localhost:8501"  # OBS_EXTERNAL_URL: the dashboard's address in messages
    forward: str = field(default="", repr=False)  # OBS_FORWARD: an OTLP/HTTP endpoint that gets the log's rows
    forward_headers: str = field(default="", repr=False)  # OBS_FORWARD_HEADERS: key=value,key=value
    forward_certificate: str = ""  # OBS_FORWARD_CERTIFICATE: a file with the authorities that are trusted
    forward_timeout_s: int = 10  # OBS_FORWARD_TIMEOUT_S: for one request, in seconds
    forward_from: str = "newest"  # OBS_FORWARD_FROM: where a new endpoint starts: newest or start
    forward_signals: tuple[str, ...] = FORWARD_SIGNALS  # OBS_FORWARD_SIGNALS: what is sent
    forward_hold_ns: int = DAY  # OBS_FORWARD_HOLD: how long retention waits for rows that are not sent

    @property
    def otlp_address(self) -> str:
        """The address to which OpenTelemetry programs send."""
        return http_address(self.otlp_host, self.otlp_port)


def log_path(environment: Mapping[str, str] | None = None) -> Path:
    """The log of the settings in `environment`; a page asks for it forty times, for all settings it takes 0.1 ms."""
    return Path((os.environ if environment is None else environment).get("OBS_LOG") or DEFAULT_LOG)


def store_url(environment: Mapping[str, str] | None = None) -> str:
    """The store that pages show, of the settings in `environment`; empty: they show the log. It may have a password.

    A shared lake is only written (`lake.address`).
    """
    text = (os.environ if environment is None else environment).get("OBS_STORE", "").strip()
    return "" if text.startswith("ducklake:") else text


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in `environment` (by default this process's own); a value that can't be read counts as not set."""
    env = os.environ if environment is None else environment
    return Settings(
        log=log_path(env),
        new_observability=switch(env, "ENABLE_NEW_OBSERVABILITY", default=True),
        otlp=switch(env, "OBS_OTLP", default=True),
        otlp_host=env.get("OBS_OTLP_HOST") or "127.0.0.1",
        otlp_port=(port := whole_number(env, "OBS_OTLP_PORT", default=OTLP_PORT)),
        otlp_grpc_port=whole_number(env, "OBS_OTLP_GRPC_PORT", default=OTLP_GRPC_PORT if port == OTLP_PORT else 0),
        source_roots=tuple(Path(root) for root in (env.get("OBS_SOURCE_ROOTS") or ".").split(os.pathsep) if root),
        rollout=_one_of(env, "OBS_ROLLOUT", ("both", "deprecated", "removed")),
        token=env.get("OBS_TOKEN", "").strip(),
        otlp_token=env.get("OBS_OTLP_TOKEN", "").strip() or env.get("OBS_TOKEN", "").strip(),
        insecure=switch(env, "OBS_INSECURE", default=False),
        otlp_limit_mb=whole_number(env, "OBS_OTLP_LIMIT_MB", default=64) or 64,
        otlp_limit_parts=whole_number(env, "OBS_OTLP_LIMIT_PARTS", default=1_000_000) or 1_000_000,
        otlp_work_s=whole_number(env, "OBS_OTLP_WORK_S", default=10) or 10,
        otlp_head_s=whole_number(env, "OBS_OTLP_HEAD_S", default=10) or 10,
        otlp_body_s=whole_number(env, "OBS_OTLP_BODY_S", default=30) or 30,
        otlp_connections=whole_number(env, "OBS_OTLP_CONNECTIONS", default=512) or 512,
        otlp_peer_connections=whole_number(env, "OBS_OTLP_PEER_CONNECTIONS", default=256) or 256,
        watch=switch(env, "OBS_WATCH", default=True),
        archive=_archive(env),
        keep_ns=_period(env, "OBS_KEEP"),
        keep_archive_ns=_period(env, "OBS_KEEP_ARCHIVE"),
        keep_rollups_ns=_period(env, "OBS_KEEP_ROLLUPS"),
        max_bytes=_size(env, "OBS_MAX_SIZE"),
        store=env.get("OBS_STORE", "").strip(),
        keep_store_ns=_period(env, "OBS_KEEP_STORE"),
        hang_s=whole_number(env, "OBS_HANG_S", default=30),
        max_series=whole_number(env, "OBS_MAX_SERIES", default=200_000),
        values=texts(env, "OBS_VALUES"),
        webhook_allow=texts(env, "OBS_WEBHOOK_ALLOW"),
        hosts=texts(env, "OBS_HOSTS"),
        external_url=env.get("OBS_EXTERNAL_URL", "").strip() or "http://localhost:8501",
        forward=env.get("OBS_FORWARD", "").strip(),
        forward_headers=env.get("OBS_FORWARD_HEADERS", "").strip(),
        forward_certificate=env.get("OBS_FORWARD_CERTIFICATE", "").strip(),
        forward_timeout_s=whole_number(env, "OBS_FORWARD_TIMEOUT_S", default=10) or 10,
        forward_from=_one_of(env, "OBS_FORWARD_FROM", ("newest", "start")),
        forward_signals=tuple(name for name in FORWARD_SIGNALS if name in texts(env, "OBS_FORWARD_SIGNALS"))
        or FORWARD_SIGNALS,
        forward_hold_ns=_hold(env),
    )


def _one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """The variable `name` if it is one of `choices`, else the first of them."""
    text = env.get(name, "").strip().lower()
    return text if text in choices else choices[0]


def _archive(env: Mapping[str, str]) -> str:
    """The setting of the archive: auto, all, yes or no."""
    text = env.get("OBS_ARCHIVE", "").strip().lower()
    return "yes" if text in YES else "no" if text in NO else "all" if text == "all" else "auto"


def _period(env: Mapping[str, str], name: str) -> int | None:
    """The variable as a period (12h, 30d, 2w) above zero, in nanoseconds."""
    return period_ns(env.get(name, "").strip()) or None


def _hold(env: Mapping[str, str]) -> int:
    """How long retention waits for rows that are not forwarded, in nanoseconds; 0 for `no`."""
    text = env.get("OBS_FORWARD_HOLD", "").strip()
    return 0 if text.lower() == "no" else period_ns(text) or DAY


def _size(env: Mapping[str, str], name: str) -> int | None:
    """The variable as a size (500MB, 20GB, 1TB) above zero, in bytes; 0 for `no`."""
    text = env.get(name, "").strip().upper()
    if text == "NO":
        return 0
    match = _SIZE.fullmatch(text)
    return round(float(match[1]) * 1000 ** "KMGT".index(match[2]) * 1000) or None if match else None


def http_address(host: str, port: int) -> str:
    """The address of an HTTP server; an IPv6 host is put in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
