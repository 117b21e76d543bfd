"""The settings of the product: what each is, where it is read from and what holds when it is not set.

A traced program, the dashboard, its children and the command line all read the environment through `from_environment`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_LOG: Final = "logs/main_dashboard_logs.db"
_OFF: Final = frozenset({"0", "false", "off", "no"})
_ON: Final = frozenset({"1", "true", "on", "yes"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; the name of each variable stands behind the field."""

    log: Path  # OBS_LOG: the trace log, relative to the current directory
    new_observability: bool  # ENABLE_NEW_OBSERVABILITY: false leaves only the Logs page
    otlp: bool  # OBS_OTLP: whether the dashboard starts the OTLP receiver
    otlp_host: str  # OBS_OTLP_HOST
    otlp_port: int  # OBS_OTLP_PORT
    source_roots: tuple[
        Path, ...
    ] = ()  # OBS_SOURCE_ROOTS: folders whose files may be shown as source, by default the current one
    otlp_token: str = ""  # OBS_OTLP_TOKEN: what senders must show as bearer token; empty: nothing
    otlp_limit_mb: int = 64  # OBS_OTLP_LIMIT_MB: the largest request, unpacked, as the specification has it
    watch: bool = True  # OBS_WATCH: whether the dashboard starts the watcher, which judges alert rules
    values: tuple[str, ...] = ()  # OBS_VALUES: attributes of spans that become values of their calls
    webhook_allow: tuple[str, ...] = ()  # OBS_WEBHOOK_ALLOW: the hosts that webhooks may lead to; none: all
    external_url: str = "http://localhost:8501"  # OBS_EXTERNAL_URL: the dashboard's address in messages

    @property
    def otlp_address(self) -> str:
        """The address to which OpenTelemetry programs send."""
        return http_address(self.otlp_host, self.otlp_port)


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings that `environment` (by default the process's own) holds; what can't be read counts as not set."""
    env = os.environ if environment is None else environment
    return Settings(
        log=Path(env.get("OBS_LOG") or DEFAULT_LOG),
        new_observability=switch(env, "ENABLE_NEW_OBSERVABILITY", default=True),
        otlp=switch(env, "OBS_OTLP", default=True),
        otlp_host=env.get("OBS_OTLP_HOST") or "127.0.0.1",
        otlp_port=number(env, "OBS_OTLP_PORT", default=4318),
        source_roots=tuple(Path(each) for each in (env.get("OBS_SOURCE_ROOTS") or ".").split(os.pathsep) if each),
        otlp_token=env.get("OBS_OTLP_TOKEN", "").strip(),
        otlp_limit_mb=number(env, "OBS_OTLP_LIMIT_MB", default=64) or 64,
        watch=switch(env, "OBS_WATCH", default=True),
        values=words(env, "OBS_VALUES"),
        webhook_allow=words(env, "OBS_WEBHOOK_ALLOW"),
        external_url=env.get("OBS_EXTERNAL_URL", "").strip() or "http://localhost:8501",
    )


def http_address(host: str, port: int) -> str:
    """The address of a server; IPv6 goes into brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def switch(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """The setting `name` as yes or no: 1/true/on/yes, 0/false/off/no, anything else is `default`."""
    word = env.get(name, "").strip().lower()
    return True if word in _ON else False if word in _OFF else default


def words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The setting `name` as words that commas separate."""
    return tuple(word.strip() for word in env.get(name, "").split(",") if word.strip())


def number(env: Mapping[str, str], name: str, *, default: int) -> int:
    """The setting `name` as a whole number, or `default` if it is not one."""
    word = env.get(name, "").strip()
    return int(word) if word.isascii() and word.isdigit() else default
