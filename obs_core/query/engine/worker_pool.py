"""Worker processes as the engine sees them: started, queried, killed at their time limit and replaced."""

import json
import os
import queue
import select
import subprocess
import tempfile
import time
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa

from obs_core import subprocesses
from obs_core.errors import QuestionTimedOut, SetupBroken, WorkerFailed, WorkersBusy
from obs_core.query.engine import protocol

START_LIMIT_S: Final = 30.0
_CHUNK: Final = 1 << 20
_LONGEST_STDERR: Final = 400


class WorkerDied(WorkerFailed):
    """The worker's process ended before it answered."""


class MirrorBehind(WorkerFailed):
    """The worker's mirror does not have all rows of the log yet."""


class QueryFailed(WorkerFailed):
    """DuckDB reported an error; `kind` says whether the cause is duckdb, the log or a parameter."""

    def __init__(self, message: str, hint: str = "", kind: str = "duckdb") -> None:
        """An error with the message of its source, and its `kind`: duckdb, log or parameter."""
        super().__init__(message, hint)
        self.kind = kind


class Worker:
    """One worker process and the pipes to it."""

    def __init__(self, memory_mb: int) -> None:
        """Start the process, without waiting until it is ready."""
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._process = subprocess.Popen(
            subprocesses.command("obs_core.query.engine.worker", str(memory_mb)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=subprocesses.environment(OBS_DISABLED="1"),
            bufsize=0,
        )
        self._ready = False

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the process has exited."""
        return self._process.poll() is not None

    def answer(self, request: dict[str, Any], limit_s: float, rows: pa.Table | None = None) -> pa.Table:
        """The answer to `request`, which may be about `rows`.

        Raises:
            QuestionTimedOut: there was none within `limit_s` after the worker was ready.
            WorkerDied: the process exited.
            QueryFailed: DuckDB reported an error.
        """
        self._get_ready()
        end = time.monotonic() + limit_s
        try:
            for part in protocol.message(request, b"" if rows is None else protocol.arrow_bytes(rows)):
                self._write(part, end)
        except OSError as error:
            raise self._death() from error
        head, body = self._received(end)
        if "behind" in head:
            raise MirrorBehind("The mirror of the log is not complete yet.", "Use the default access path.")
        if "error" not in head:
            return pa.ipc.open_stream(body).read_all()
        raise QueryFailed(head["message"], head["hint"], head["error"])

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            if stream:
                with suppress(OSError):
                    stream.close()

    @property
    def _input(self) -> Any:  # noqa: ANN401 - a raw pipe
        return self._process.stdin

    def _write(self, part: bytes | memoryview, end: float) -> None:
        """Write all of `part`, as fast as the worker reads it."""
        left = memoryview(part)
        while left:
            if not select.select([], [self._input], [], max(0.0, end - time.monotonic()))[1]:
                raise QuestionTimedOut("The question took too long and was stopped.", "Choose a shorter window.")
            left = left[self._input.write(left[: select.PIPE_BUF]) :]  # so many bytes never wait

    def _get_ready(self) -> None:
        if self._ready:
            return
        head, _ = self._received(time.monotonic() + START_LIMIT_S)
        if "error" in head:
            raise SetupBroken(head["message"], head["hint"] or "Install the versions pinned in requirements.txt.")
        self._ready = True

    def _received(self, end: float) -> tuple[dict[str, Any], bytes]:
        head_size, body_size = protocol.SIZES.unpack(self._exactly(protocol.SIZES.size, end))
        head = json.loads(self._exactly(head_size, end))
        return head, self._exactly(body_size, end)

    def _exactly(self, size: int, end: float) -> bytes:
        """The next `size` bytes of the worker's answer."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        received = bytearray()
        while len(received) < size:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise QuestionTimedOut("The question took too long and was stopped.", "Choose a shorter window.")
            chunk = os.read(pipe, min(_CHUNK, size - len(received)))
            if not chunk:
                raise self._death()
            received += chunk
        return bytes(received)

    def _death(self) -> WorkerDied:
        code = self._process.wait()
        self._stderr.seek(0)
        output = self._stderr.read().decode("utf-8", "replace").strip()[-_LONGEST_STDERR:]
        return WorkerDied(f"A worker exited with code {code}. {output}".strip(), "Try again; a new worker is started.")


class Pool:
    """A few workers; each runs one query at a time."""

    def __init__(self, workers: int, *, memory_mb: int, limit_s: float, wait_s: float = 5.0) -> None:
        """A pool of at most `workers` processes; none is started yet."""
        self.limit_s = limit_s
        self._wait_s = wait_s
        self._memory_mb = memory_mb
        self._slots: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._size = workers
        for _ in range(workers):
            self._slots.put(None)

    def warm(self) -> None:
        """Start one worker, so that the first query need not wait for it."""
        with suppress(queue.Empty):
            worker = self._slots.get_nowait()
            self._slots.put(worker or Worker(self._memory_mb))

    def answer(self, request: dict[str, Any], rows: pa.Table | None = None) -> pa.Table:
        """The answer of the first free worker to a request, which may be about `rows`.

        Raises:
            WorkersBusy: none became free within the waiting time.
            WorkerFailed: the worker exited or reported an error.
            QuestionTimedOut: the query ran over its time limit.
        """
        try:
            worker = self._slots.get(timeout=self._wait_s)
        except queue.Empty:
            message = f"All workers have been busy for {self._wait_s:g} s."
            raise WorkersBusy(message, "Try again in a moment, or choose a shorter window.") from None
        next_worker: Worker | None = None
        try:
            if worker and worker.ended:  # killed by the kernel (out of memory) or a user: not caused by this query
                worker.kill()
                worker = None
            next_worker = worker = worker or Worker(self._memory_mb)
            return worker.answer(request, self.limit_s, rows)
        except MirrorBehind:
            raise
        except QueryFailed as error:
            if "invalidated" in error.message:
                next_worker = self._replaced(worker)
            raise
        except QuestionTimedOut as error:
            next_worker = self._replaced(worker)
            message = f"The question took longer than {self.limit_s:g} s and was stopped."
            raise QuestionTimedOut(message, "Choose a shorter window, or a group.") from error
        except BaseException:
            if worker:
                worker.kill()
            next_worker = None
            raise
        finally:
            self._slots.put(next_worker)

    def close(self) -> None:
        """Stop all workers, also busy ones; the pool can't be used again."""
        for _ in range(self._size):
            with suppress(queue.Empty):
                worker = self._slots.get(timeout=self.limit_s + self._wait_s)
                if worker:
                    worker.kill()

    def _replaced(self, worker: Worker | None) -> Worker:
        """Kill `worker` and start a new one, without waiting until it is ready."""
        if worker:
            worker.kill()
        return Worker(self._memory_mb)
