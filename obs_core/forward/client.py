"""Posts requests to the endpoint over one connection that stays open; a request has a limit on its whole time.

The socket's own time limit is for each read, so a server that sends a byte now and then would never end a request.
`enforce` is called by another thread and breaks the connection when the time is over.
"""

import http.client
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Final, NamedTuple

from obs_core.forward.endpoint import Endpoint
from obs_core.store import identity
from obs_core.version import VERSION

_LARGEST: Final = 64 * 1024  # of a response's body; the rest is not read
_GRPC_PORT: Final = 4317


class Response(NamedTuple):
    """The response to one request; `status` is None if there is none, and `error` says why."""

    status: int | None
    error: str = ""
    body: bytes = b""
    content_type: str = ""
    retry_after: str = ""


class Client:
    """The connection of one signal; `post` is called by one thread."""

    def __init__(self, endpoint: Endpoint, log_identity: str) -> None:
        """Connect at the first request.

        Raises:
            PermanentFailure: the certificate file can't be used.
        """
        self._endpoint = endpoint
        self._tls = endpoint.tls()
        self._headers = {
            **endpoint.headers,
            "user-agent": f"obs-core/{VERSION}",
            "content-type": "application/x-protobuf",
            "content-encoding": "gzip",
            identity.HEADER: log_identity,
        }
        self._connection: http.client.HTTPConnection | None = None
        self._lock = threading.Lock()
        self._end_s: float | None = None
        self._is_late = False

    def post(self, signal: str, body: bytes) -> Response:
        """Send one request; the response, or why there is none. Nothing is raised for what the other side does."""
        is_reused = self._connection is not None
        response = self._attempt(signal, body)
        if response.status is None and is_reused and not self._is_late:  # it was closed while it was idle
            response = self._attempt(signal, body)
        return response

    def enforce(self, now_s: float) -> None:
        """Break the connection if the current request has run out of time at `now_s` (monotonic)."""
        with self._lock:
            if self._end_s is not None and now_s > self._end_s:
                self._is_late = True
                self._shut_down()

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def interrupt(self) -> None:
        """Break the current request: the process ends."""
        with self._lock:
            self._shut_down()

    def _shut_down(self) -> None:
        sock = None if self._connection is None else self._connection.sock
        if isinstance(sock, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _attempt(self, signal: str, body: bytes) -> Response:
        with self._lock:
            if self._connection is None:
                self._connection = self._new_connection()
            connection, self._is_late = self._connection, False
            self._end_s = time.monotonic() + self._endpoint.timeout_s
        try:
            connection.request("POST", f"{self._endpoint.path}/v1/{signal}", body, dict(self._headers))
            answer = connection.getresponse()
            if self._is_late:  # http.client takes a head that breaks off for a whole one
                raise TimeoutError
            received = _body(answer)
            response = Response(
                answer.status,
                body=received,
                content_type=answer.headers.get_content_type(),
                retry_after=answer.headers.get("retry-after", ""),
            )
            if not answer.isclosed() or answer.will_close:
                self.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            response = Response(None, self._why(error))
            self.close()
        finally:
            with self._lock:
                self._end_s = None
        return response

    def _new_connection(self) -> http.client.HTTPConnection:
        host, port, limit_s = self._endpoint.host, self._endpoint.port, self._endpoint.timeout_s
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=limit_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=limit_s)

    def _why(self, error: Exception) -> str:  # noqa: PLR0911 - one line per kind of error
        """Why there is no response, in a sentence."""
        name = self._endpoint.name
        if self._is_late or isinstance(error, TimeoutError):
            return f"{name} did not answer within {self._endpoint.timeout_s} s."
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"The certificate of {name} is not trusted: {error.verify_message}."
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return f"The TLS handshake with {name} failed."
        if isinstance(error, socket.gaierror):
            return f"The host {self._endpoint.host} can't be resolved."
        if isinstance(error, ConnectionRefusedError):
            return f"Nothing listens at {name}."
        is_broken = isinstance(error, http.client.HTTPException | ConnectionError | ssl.SSLError)
        if is_broken and self._endpoint.port == _GRPC_PORT:
            return f"{name} does not speak HTTP: 4317 is the port of gRPC, 4318 that of HTTP."
        if is_broken:
            return f"{name} closed the connection, or its answer is not HTTP."
        detail = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        return f"{name} can't be reached: {detail}."


def _body(answer: http.client.HTTPResponse) -> bytes:
    """The beginning of the body; one that breaks does not change the status, which is known."""
    try:
        return answer.read(_LARGEST)
    except (OSError, http.client.HTTPException, ValueError):
        answer.close()
        return b""
