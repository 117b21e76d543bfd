"""Asks a ClickHouse server: read-only statements with bound parameters and a time limit, answered as Arrow tables.

The only module that knows clickhouse-connect. Each request allows the server to read only (`readonly=1`), for at most
the time limit, and to return at most the rows that were asked for. While the server can't be reached, questions fail
at once and it is tried again every second.
"""

import logging
import math
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa

from obs_core.errors import (
    LogUnreadable,
    MemoryExceeded,
    NotALog,
    ObsError,
    QuestionTimedOut,
    SetupBroken,
    WorkerFailed,
)
from obs_core.query.engine.clickhouse_url import ClickHouseUrl

CONNECT_S: Final = 1.5  # to reach the server: pages say within 2 s that it is away
LEAST_S: Final = 1  # a server counts whole seconds
AGAIN_S: Final = 1.0  # after a failed attempt, until the next one
_GRACE_S: Final = 2.0  # for the answer of a statement that the server stops at its limit
_SETTINGS: Final = {
    "join_use_nulls": 1,  # as in SQL: without it a LEFT JOIN gives 0 and empty texts
    "wait_end_of_query": 1,  # an error in the middle of an answer is reported as one
    "readonly": 1,
}
_WRAPPED: Final = re.compile(
    r"^Received ClickHouse exception.*?server response: |Code: \d+\. DB::Exception: | \(for url [^)]*\)$"
)
_TIMED_OUT: Final = (159, 160, 209)
_MEMORY: Final = (241, 396)
_NO_TABLE: Final = (60, 81)
_DENIED: Final = (164, 192, 193, 194, 497, 516)


class ClickHouseClient:
    """Connections to one server, opened on demand."""

    def __init__(self, url: ClickHouseUrl, *, limit_s: float, answer_s: float | None = None) -> None:
        """A client of the server at `url`; nothing is opened yet.

        Statements may run for `limit_s`; the server is away if it says nothing for `answer_s` (default: 2 s more).
        """
        self._url, self._limit_s = url, limit_s
        self._answer_s = limit_s + _GRACE_S if answer_s is None else answer_s
        self._client: Any = None
        self._failure: tuple[float, ObsError] | None = None
        self._lock = threading.Lock()

    def table(
        self,
        statement: str,
        parameters: Mapping[str, Any],
        *,
        limit: int | None = None,
        limit_s: float | None = None,
    ) -> pa.Table:
        """The answer to `statement` with its parameters (`{name:Type}`), at most `limit` rows in at most `limit_s`.

        Raises:
            QuestionTimedOut: it ran longer.
            ObsError: the server can't be reached, refuses the statement, or has no such table.
        """
        seconds = self._limit_s if limit_s is None else min(limit_s, self._limit_s)
        settings: dict[str, Any] = {"max_execution_time": max(LEAST_S, math.ceil(seconds))}
        if limit is not None:
            settings |= {"max_result_rows": limit, "result_overflow_mode": "throw"}
        client = self._connected()
        try:
            answer = client.query_arrow(statement, parameters=dict(parameters), settings=settings)
        except Exception as error:  # noqa: BLE001 - the errors of three libraries; all are translated
            raise self._translated(error, seconds) from None
        return readable(answer)

    def close(self) -> None:
        """Close the connections; a later statement opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # the server is away, or was never asked
                client.close()

    def _connected(self) -> Any:  # noqa: ANN401 - a client of clickhouse-connect, which is loaded on demand
        """The client; one thread connects, and for a second after a failure nobody tries again."""
        client = self._client
        if client is not None and self._failure is None:
            return client
        with self._lock:
            if self._failure and time.monotonic() - self._failure[0] < AGAIN_S:
                raise self._failure[1]
            try:
                if self._client is None:
                    self._client = self._opened()
                elif self._failure:
                    self._client.command("SELECT 1")
            except ObsError:
                raise
            except Exception as error:  # noqa: BLE001 - as above
                raise self._translated(error, CONNECT_S) from None
            self._failure = None
            return self._client

    def _opened(self) -> Any:  # noqa: ANN401 - as above
        """A new client."""
        try:
            import clickhouse_connect  # noqa: PLC0415 - 0.3 s that nobody else needs, and not everyone has it
        except ImportError as error:
            raise SetupBroken(
                "A ClickHouse store needs clickhouse-connect.", "pip install 'obs-core[clickhouse]'"
            ) from error
        logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # each failure is reported by its question
        url = self._url
        if url.path:
            return clickhouse_connect.get_client(
                interface="chdb", path=url.path, database=url.database, settings={"join_use_nulls": 1}
            )
        return clickhouse_connect.get_client(
            host=url.host,
            port=url.port,
            username=url.user or None,
            password=url.password,
            database=url.database,
            interface="https" if url.tls else "http",
            secure=url.tls,
            verify=True,
            ca_cert=url.ca or None,
            connect_timeout=CONNECT_S,
            send_receive_timeout=self._answer_s,
            query_retries=0,
            autogenerate_session_id=False,  # statements of one session would wait for one another
            dedicated_pool=True,
            client_name="obs-core",
            settings=_SETTINGS,
        )

    def _translated(self, error: Exception, seconds: float) -> ObsError:
        """The product's own error for what the client raised, without the password."""
        code = getattr(error, "code", None)
        lines = str(error).strip().splitlines() or [type(error).__name__]
        text = _WRAPPED.sub("", lines[0]).partition(" In query ")[0].partition(": In scope ")[0].strip()[:300]
        if self._url.password:
            text = text.replace(self._url.password, "…")
        where = self._url.shown
        if code in _TIMED_OUT:
            message = f"The question took longer than {seconds:g} s and was stopped."
            return QuestionTimedOut(message, "Choose a shorter window, or a narrower filter.")
        if code in _MEMORY:
            return MemoryExceeded(
                "The question exceeds what ClickHouse may use.", "Choose a shorter window, or a group."
            )
        if code in _NO_TABLE:
            return NotALog(
                f"{where} has no table {self._url.traces}.", "Name the database of the Collector's exporter."
            )
        if code in _DENIED or "is readonly" in text:
            return LogUnreadable(f"{where} refuses: {text}", "Use a user that may SELECT, with readonly 0 or 2.")
        if code is None:
            away = LogUnreadable(f"ClickHouse can't be reached at {where}: {_reason(text)}", _hint(text, url=self._url))
            self._failure = time.monotonic(), away
            return away
        return WorkerFailed(f"ClickHouse could not answer: {text}", "Try a shorter window.")


def readable(table: pa.Table) -> pa.Table:
    """The table with invalid UTF-8 replaced: ClickHouse stores any bytes as a String."""
    try:
        table.validate(full=True)
    except pa.ArrowInvalid:
        for index, field in enumerate(table.schema):
            binary = {pa.string(): pa.binary(), pa.list_(pa.string()): pa.list_(pa.binary())}.get(_nullable(field.type))
            if binary is not None:
                cells = _decoded(table.column(index).cast(binary).to_pylist())
                table = table.set_column(index, field.name, pa.array(cells, _nullable(field.type)))
    return table


def _nullable(kind: pa.DataType) -> pa.DataType:
    """The type, with elements of a list that may be missing."""
    return pa.list_(kind.value_type) if pa.types.is_list(kind) else kind


def _decoded(cell: Any) -> Any:  # noqa: ANN401 - bytes, or a list of such
    """Bytes as text, also in lists."""
    if isinstance(cell, list):
        return [_decoded(one) for one in cell]
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell


def _reason(text: str) -> str:
    """Why a connection failed, in a few words."""
    known = {
        "timed out": "no answer",
        "refused": "the connection is refused",
        "certificate": "its certificate is not trusted",
        "SSL": "it does not speak TLS on this port",
        "resolve": "the name is unknown",
        "not known": "the name is unknown",
    }
    return next((f"{reason}." for part, reason in known.items() if part.lower() in text.lower()), text[:160])


def _hint(text: str, *, url: ClickHouseUrl) -> str:
    if "certificate" in text.lower():
        return "Name the certificates to trust: ?ca=/path/ca.pem."
    if "ssl" in text.lower() and url.tls:
        return "Use the HTTPS port, or tls=no in OBS_STORE within a trusted network."
    return "Pages continue by themselves once it answers."
