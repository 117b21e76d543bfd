"""The settings of a traced program, from `configure` or environment variables (docs/settings.md lists them)."""

import os
import sys
from collections.abc import Mapping
from typing import Final, NamedTuple

from obs_core.capture.values.limits import TEXT_CAP
from obs_core.capture.values.redact import DEFAULT_NAMES
from obs_core.environment import DEFAULT_LOG, number, switch

MEBIBYTE: Final = 1024 * 1024


class Options(NamedTuple):
    """The settings of the write side; the comment names the environment variable of each."""

    log: str  # OBS_LOG
    process: str  # OBS_PROCESS, else service.instance.id, else the program's name
    group: str | None  # OBS_GROUP, OTEL_SERVICE_NAME, service.name; None: the process
    version: str | None  # OBS_VERSION, else service.version
    revision: str | None  # OBS_REVISION, else vcs.ref.head.revision
    disabled: bool = False  # OBS_DISABLED
    spool_mb: float = 64  # OBS_SPOOL_MB
    flush_ms: int = 100  # OBS_FLUSH_MS: interval of the drain
    exit_s: float = 5  # OBS_EXIT_S: how long the end of the program waits for the drain
    text_cap: int = TEXT_CAP  # OBS_TEXT_CAP: longest recorded text of a value, in characters
    redact: str = DEFAULT_NAMES  # OBS_REDACT: a regular expression of names, empty to redact nothing
    synchronous: str = "NORMAL"  # OBS_SYNCHRONOUS: OFF, NORMAL or FULL
    repr: bool = False  # OBS_REPR: call the repr of objects, which runs the program's code
    drain: bool = True  # OBS_DRAIN: whether this process moves its own rows into the log


def from_environment(environment: Mapping[str, str] | None = None) -> Options:
    """The options in `environment` (by default the process's own); invalid values count as not set."""
    env = os.environ if environment is None else environment
    resource = _resource(env.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    level = env.get("OBS_SYNCHRONOUS", "").upper()
    return Options(
        log=env.get("OBS_LOG") or DEFAULT_LOG,
        process=env.get("OBS_PROCESS") or resource.get("service.instance.id") or program_name(),
        group=env.get("OBS_GROUP") or env.get("OTEL_SERVICE_NAME") or resource.get("service.name") or None,
        version=env.get("OBS_VERSION") or resource.get("service.version") or None,
        revision=env.get("OBS_REVISION") or resource.get("vcs.ref.head.revision") or None,
        disabled=switch(env, "OBS_DISABLED", default=False),
        spool_mb=number(env, "OBS_SPOOL_MB", default=64),
        flush_ms=int(number(env, "OBS_FLUSH_MS", default=100)),
        exit_s=number(env, "OBS_EXIT_S", default=5),
        text_cap=int(number(env, "OBS_TEXT_CAP", default=TEXT_CAP)),
        redact=env.get("OBS_REDACT", DEFAULT_NAMES),
        synchronous=level if level in ("OFF", "NORMAL", "FULL") else "NORMAL",
        repr=switch(env, "OBS_REPR", default=False),
        drain=switch(env, "OBS_DRAIN", default=True),
    )


def program_name() -> str:
    """The name of the running program: its script, or the module run with -m."""
    script = sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-", "-c") else ""
    if not script:
        return "python"
    folder, _, name = script.replace(os.sep, "/").rpartition("/")
    return folder.rpartition("/")[2] or name if name == "__main__.py" else name.removesuffix(".py")


def _resource(text: str) -> dict[str, str]:
    """`key=value,key=value` with percent-encoded values, as the OpenTelemetry specification writes resources."""
    if not text:
        return {}
    from urllib.parse import unquote  # noqa: PLC0415 - only if the variable is set

    pairs = (pair.partition("=") for pair in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals}
