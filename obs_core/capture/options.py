"""The settings of a traced program, from `configure` or environment variables (docs/settings.md lists them).

Whatever is given is checked and converted here, once. What can't be used never raises: the value from before stays, and
a sentence says so in the writer's status and in the log of `logging`.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from obs_core.capture.values.limits import TEXT_CAP
from obs_core.capture.values.redact import DEFAULT_NAMES
from obs_core.environment import DEFAULT_LOG, NO, YES

MEBIBYTE: Final = 1024 * 1024
LARGEST_SPOOL_MB: Final = 2048  # 512 segments of 4 MiB
_LONGEST_NAME: Final = 1000  # characters; each row repeats the name of its process
_LONGEST_S: Final = 1_000_000.0  # eleven days; a lock can't wait longer than 292 years
_LEVELS: Final = ("OFF", "NORMAL", "FULL")


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


def changed(options: Options, changes: Mapping[str, object]) -> tuple[Options, list[str]]:
    """`options` with the `changes` that can be used, and a sentence about each that can't; never raises."""
    used: dict[str, Any] = {}
    refused: list[str] = []
    for name, value in changes.items():
        read, expected = _READ[name]
        try:
            used[name] = read(value)
        except Exception:  # noqa: BLE001 - the value may be any object of the program, with any code
            refused.append(f"the setting {name} must be {expected}: {_shown(value)} is not used")
    return options._replace(**used), refused


def from_environment(environment: Mapping[str, str] | None = None) -> Options:
    """The options in `environment` (by default the process's own); invalid values count as not set."""
    return read_environment(os.environ if environment is None else environment)[0]


def read_environment(env: Mapping[str, str]) -> tuple[Options, list[str]]:
    """The options in `env`, and a sentence about each value that can't be used."""
    resource = _resource(env.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    texts = {
        "log": env.get("OBS_LOG"),
        "process": env.get("OBS_PROCESS") or resource.get("service.instance.id"),
        "group": env.get("OBS_GROUP") or env.get("OTEL_SERVICE_NAME") or resource.get("service.name"),
        "version": env.get("OBS_VERSION") or resource.get("service.version"),
        "revision": env.get("OBS_REVISION") or resource.get("vcs.ref.head.revision"),
    }
    given: dict[str, object] = {name: text for name, text in texts.items() if text}
    for name in ("disabled", "spool_mb", "flush_ms", "exit_s", "text_cap", "synchronous", "repr", "drain"):
        text = env.get(f"OBS_{name.upper()}", "")
        if text.strip():
            given[name] = text
    if "OBS_REDACT" in env:  # may be empty
        given["redact"] = env["OBS_REDACT"]
    return changed(Options(DEFAULT_LOG, _text(program_name()), None, None, None), given)


def warn(refused: list[str]) -> None:
    """Say these sentences as warnings of `logging`."""
    import logging  # noqa: PLC0415 - only when something is wrong

    for sentence in refused:
        logging.getLogger("obs_core").warning(sentence)


def program_name() -> str:
    """The name of the running program: its script, or the module run with -m."""
    script = sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-", "-c") else ""
    if not script:
        return "python"
    folder, _, name = script.replace(os.sep, "/").rpartition("/")
    return folder.rpartition("/")[2] or name if name == "__main__.py" else name.removesuffix(".py")


def _text(value: Any) -> str:  # noqa: ANN401 - whatever the program passed
    """`value` as text that can be stored: a script's name may hold bytes that are not UTF-8."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    elif not isinstance(value, str) and not _has_text(value):
        raise TypeError
    text = str(value)[:_LONGEST_NAME]
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _has_text(value: object) -> bool:
    """Whether `value` is a number or says itself how it reads, such as a version or a path."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or type(value).__str__ is not object.__str__


def _path(value: Any) -> str:  # noqa: ANN401 - as above
    path = os.fsdecode(value)
    if not path or "\0" in path:
        raise ValueError
    return path


def _switch(value: Any) -> bool:  # noqa: ANN401 - as above
    if isinstance(value, str):
        text = value.strip().lower()
        if text not in YES and text not in NO:
            raise ValueError
        return text in YES
    if value not in (0, 1):
        raise TypeError
    return bool(value)


def _number(least: float, most: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:  # noqa: ANN401 - as above
        if isinstance(value, bool):
            raise TypeError
        number = float(value)
        if not 0 <= number < float("inf"):
            raise ValueError
        return min(max(number, least), most)

    return read


def _whole(least: float, most: float) -> Callable[[Any], int]:
    read = _number(least, most)
    return lambda value: int(read(value))


def _pattern(value: Any) -> str:  # noqa: ANN401 - as above
    names = str.__str__(value)
    if names != DEFAULT_NAMES:  # compiled as it is used: as a part of a longer expression
        re.compile(rf"(?P<name>x(?:{names}))(?P<value>y)", re.IGNORECASE)
    return names


def _level(value: Any) -> str:  # noqa: ANN401 - as above
    level = str.upper(value).strip()
    if level not in _LEVELS:
        raise ValueError
    return level


_A_TEXT: Final = (_text, "a text")
_A_SWITCH: Final = (_switch, "yes or no")
_READ: Final[dict[str, tuple[Callable[[Any], Any], str]]] = {
    "log": (_path, "a path"),
    "process": _A_TEXT,
    "group": _A_TEXT,
    "version": _A_TEXT,
    "revision": _A_TEXT,
    "disabled": _A_SWITCH,
    "spool_mb": (_number(0, LARGEST_SPOOL_MB), "a number of MiB"),
    "flush_ms": (_whole(1, _LONGEST_S * 1000), "a number of milliseconds"),
    "exit_s": (_number(0, _LONGEST_S), "a number of seconds"),
    "text_cap": (_whole(16, 1 << 30), "a number of characters"),
    "redact": (_pattern, "a regular expression"),
    "synchronous": (_level, "OFF, NORMAL or FULL"),
    "repr": _A_SWITCH,
    "drain": _A_SWITCH,
}


def _shown(value: object) -> str:
    """`value` for a message; of a text its start, of another value its type, since its code may do anything."""
    return repr(value[:60]) if type(value) is str else f"a value of type {type(value).__name__}"


def _resource(text: str) -> dict[str, str]:
    """`key=value,key=value` with percent-encoded values, as the OpenTelemetry specification writes resources."""
    if not text:
        return {}
    from urllib.parse import unquote  # noqa: PLC0415 - only if the variable is set

    pairs = (pair.partition("=") for pair in text.split(","))
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals}
