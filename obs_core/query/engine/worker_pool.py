"""Workers from the side of who asks: started, asked, killed at their limit and replaced."""

import json
import os
import queue
import select
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any, Final

import pyarrow as pa

from obs_core import subprocesses
from obs_core.errors import QuestionTimedOut, SetupBroken, WorkerFailed, WorkersBusy
from obs_core.query.engine import protocol

START_LIMIT_S: Final = 30.0
_CHUNK: Final = 1 << 20
_LAST_WORDS: Final = 400


class WorkerDied(WorkerFailed):
    """The worker's process ended before it answered."""


class MirrorBehind(WorkerFailed):
    """The worker's mirror of the log does not hold all of it yet."""


class QueryFailed(WorkerFailed):
    """DuckDB said no (or the log, or a parameter: `kind`); the message is its own."""

    def __init__(self, message: str, hint: str = "", kind: str = "duckdb") -> None:
        """Keep `kind` (duckdb, log or parameter) beside what was said."""
        super().__init__(message, hint)
        self.kind = kind


class Worker:
    """One worker process and the pipes to it."""

    def __init__(self, memory_mb: int) -> None:
        """Start the process; it gets ready by itself."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the worker
        self._process = subprocess.Popen(
            subprocesses.command("obs_core.query.engine.worker", str(memory_mb)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
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
        """Whether the process is no more."""
        return self._process.poll() is not None

    def answer(self, request: dict[str, Any], limit_s: float) -> pa.Table:
        """The answer to `request`.

        Raises:
            QuestionTimedOut: none came within `limit_s` of the worker being ready; the worker is killed.
            WorkerDied: the process ended.
            AnswerRefused: DuckDB could not answer.
        """
        self._get_ready()
        end = time.monotonic() + limit_s
        try:
            for part in protocol.message(request):
                self._input.write(part)
        except OSError as error:
            raise self._death() from error
        head, body = self._received(end)
        if "behind" in head:
            raise MirrorBehind("The mirror of the log is being made.", "Ask in the usual way.")
        if "error" not in head:
            return pa.ipc.open_stream(body).read_all()
        raise QueryFailed(head["message"], head["hint"], head["error"])

    def kill(self) -> None:
        """End the process now."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            if stream:
                with suppress(OSError):
                    stream.close()

    @property
    def _input(self) -> Any:  # noqa: ANN401 - a raw pipe
        return self._process.stdin

    def _get_ready(self) -> None:
        if self._ready:
            return
        head, _ = self._received(time.monotonic() + START_LIMIT_S)
        if "error" in head:
            raise SetupBroken(head["message"], head["hint"] or "Install what requirements.txt pins.")
        self._ready = True

    def _received(self, end: float) -> tuple[dict[str, Any], bytes]:
        head_size, body_size = protocol.SIZES.unpack(self._exactly(protocol.SIZES.size, end))
        head = json.loads(self._exactly(head_size, end))
        return head, self._exactly(body_size, end)

    def _exactly(self, size: int, end: float) -> bytes:
        """The next `size` bytes of the worker's answer."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        got = bytearray()
        while len(got) < size:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise QuestionTimedOut("The question took too long and was stopped.", "Choose a shorter window.")
            chunk = os.read(pipe, min(_CHUNK, size - len(got)))
            if not chunk:
                raise self._death()
            got += chunk
        return bytes(got)

    def _death(self) -> WorkerDied:
        code = self._process.wait()
        self._said.seek(0)
        words = self._said.read().decode("utf-8", "replace").strip()[-_LAST_WORDS:]
        return WorkerDied(f"A worker ended with code {code}. {words}".strip(), "Ask again; a new one is started.")


class Pool:
    """A few workers, each with one question at a time."""

    def __init__(self, workers: int, *, memory_mb: int, limit_s: float, wait_s: float = 5.0) -> None:
        """A pool of at most `workers`, none of which is started yet."""
        self.limit_s = limit_s
        self._wait_s = wait_s
        self._memory_mb = memory_mb
        self._places: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._size = workers
        self._closing = threading.Event()
        for _ in range(workers):
            self._places.put(None)

    def warm(self) -> None:
        """Start one worker, so that the first question need not wait for it."""
        with suppress(queue.Empty):
            worker = self._places.get_nowait()
            self._places.put(worker or Worker(self._memory_mb))

    def answer(self, request: dict[str, Any]) -> pa.Table:
        """The answer of the first free worker.

        Raises:
            WorkersBusy: none became free within the waiting time.
            WorkerFailed: it died or refused.
            QuestionTimedOut: it ran over the limit.
        """
        try:
            worker = self._places.get(timeout=self._wait_s)
        except queue.Empty:
            message = f"All workers have been busy for {self._wait_s:g} s."
            raise WorkersBusy(message, "Ask again in a moment, or choose a shorter window.") from None
        kept: Worker | None = None
        try:
            if worker and worker.ended:  # by the kernel for want of memory, or by hand: not this question's fault
                worker.kill()
                worker = None
            kept = worker = worker or Worker(self._memory_mb)
            return worker.answer(request, self.limit_s)
        except MirrorBehind:
            raise
        except QueryFailed as refusal:
            if "invalidated" in refusal.message:
                kept = self._replaced(worker)
            raise
        except QuestionTimedOut as error:
            kept = self._replaced(worker)
            message = f"The question took longer than {self.limit_s:g} s and was stopped."
            raise QuestionTimedOut(message, "Choose a shorter window, or a group.") from error
        except BaseException:
            if worker:
                worker.kill()
            kept = None
            raise
        finally:
            self._places.put(kept)

    def close(self) -> None:
        """Stop all workers, also those that are at work; the pool can't be used again."""
        self._closing.set()
        for _ in range(self._size):
            with suppress(queue.Empty):
                worker = self._places.get(timeout=self.limit_s + self._wait_s)
                if worker:
                    worker.kill()

    def _replaced(self, worker: Worker | None) -> Worker:
        """A fresh worker in the place of `worker`; it gets ready while nobody waits."""
        if worker:
            worker.kill()
        return Worker(self._memory_mb)
