"""Where rows go, from the settings OBS_FORWARD…: the address, the headers and how the connection is checked."""

import re
import ssl
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from obs_core.errors import PermanentFailure
from obs_core.settings import Settings

_LONGEST: Final = 2_048
_SIGNAL: Final = re.compile(r"/v1/(traces|logs|metrics)/?$")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)  # RFC 9110, section 5.6.2
_OURS: Final = frozenset({"host", "content-type", "content-encoding", "content-length", "transfer-encoding"})
_EXAMPLE: Final = "Write OBS_FORWARD=http://collector:4318 or https://…"
_HEADERS: Final = "Write OBS_FORWARD_HEADERS=name=value,name=value, with special characters as %20."


class Endpoint(NamedTuple):
    """An endpoint of OTLP over HTTP; `path` comes before /v1/traces. Its headers may have secrets: print `text`."""

    scheme: str
    host: str
    port: int
    path: str
    headers: Mapping[str, str]
    certificate: str
    timeout_s: int

    @property
    def name(self) -> str:
        """Host and port, as in sentences."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """The address, by which its position in the log is stored."""
        return f"{self.scheme}://{self.name}{self.path}"

    def tls(self) -> ssl.SSLContext | None:
        """How its certificate is checked; None without TLS.

        Raises:
            PermanentFailure: the file with the trusted authorities can't be used.
        """
        if self.scheme == "http":
            return None
        try:
            return ssl.create_default_context(cafile=self.certificate or None)
        except (OSError, ValueError) as error:
            message = f"The certificate file {self.certificate} can't be used: {type(error).__name__}."
            raise PermanentFailure(message, "Set OBS_FORWARD_CERTIFICATE to a file of authorities (PEM).") from error


def endpoint_of(settings: Settings) -> Endpoint:
    """The endpoint of the settings.

    Raises:
        PermanentFailure: a setting can't be used; the message does not repeat it, as it may have a secret.
    """
    text = settings.forward
    if not text or len(text) > _LONGEST or not text.isprintable() or " " in text or "\\" in text:
        raise PermanentFailure("OBS_FORWARD is not an address.", _EXAMPLE)
    try:
        parts = urlsplit(text)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError as error:
        raise PermanentFailure("OBS_FORWARD is not an address.", _EXAMPLE) from error
    if parts.scheme not in ("http", "https") or not host:
        raise PermanentFailure("OBS_FORWARD starts with http:// or https://, and has a host.", _EXAMPLE)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        message = "OBS_FORWARD can't contain a user name, a password, a query or a fragment."
        raise PermanentFailure(message, "Send secrets in a header: OBS_FORWARD_HEADERS.")
    try:
        ascii_host = host if ":" in host else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise PermanentFailure("The host in OBS_FORWARD can't be read.", _EXAMPLE) from error
    return Endpoint(
        parts.scheme,
        ascii_host,
        port or (443 if parts.scheme == "https" else 80),
        _SIGNAL.sub("", parts.path).rstrip("/"),
        _headers(settings.forward_headers),
        settings.forward_certificate,
        settings.forward_timeout_s,
    )


def _headers(text: str) -> dict[str, str]:
    """Headers as OTEL_EXPORTER_OTLP_HEADERS has them: key=value,key=value, values percent-encoded."""
    headers: dict[str, str] = {}
    for number, part in enumerate(filter(str.strip, text.split(",")), 1):
        name, equals, value = part.partition("=")
        name, value = unquote(name).strip(), unquote(value).strip()
        is_text = value.isprintable() and value.isascii()
        if not equals or not is_text or not _NAME.fullmatch(name) or name.lower() in _OURS:
            raise PermanentFailure(f"Header {number} of OBS_FORWARD_HEADERS can't be used.", _HEADERS)
        headers[name.lower()] = value
    return headers
