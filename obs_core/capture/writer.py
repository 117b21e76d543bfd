"""The writer of this process: starts with the first frame, flushes on request and at exit.

Nothing is lost uncounted: offered = written + dropped + waiting. A frame comes from a thread, a signal handler or a
finalizer, at any time: while another thread starts the writer or closes it, in a forked child, at the end of the
interpreter. Whoever finds no open spool gets here.
"""

from time import monotonic
from typing import TYPE_CHECKING, Final

from obs_core.capture.context import RECORDING, current
from obs_core.capture.lost_rows import report
from obs_core.capture.signals import is_main_thread, may_interrupt, pass_on
from obs_core.capture.state import process, sink
from obs_core.capture.values.limits import rules
from obs_core.capture.writer_thread import WriterThread

if TYPE_CHECKING:
    from obs_core.capture.spool_writer import Writer

_MOST_S: Final = 5.0  # a start takes 0.02 s

__all__ = ["dropped", "end", "end_of_program", "flush", "process", "sink", "start"]


def start(frame: bytes) -> None:
    """Write `frame` with the writer of this process, which starts with its first frame; never raises an Exception.

    If a signal handler of the program may interrupt the start, it is done in another thread: handlers run in the main
    thread only. An exception of theirs every few milliseconds would interrupt each start, and no call would return.
    """
    if process.batch_lock.is_used_here():  # the owner of `process.lock` may wait for the batch that this thread moves
        process.late_frames.append(frame)
        return
    early = process.early_frames
    if early is not None and _is_accepted(early, frame):
        if not (_holds_lock() or (process.main_waits and is_main_thread())):  # else this thread is in a start already
            _wait_for_start()
        return
    is_nested = _holds_lock()  # a helper would wait for this thread
    with process.lock:
        writer = process.writer
        if process.early_frames is not None:
            process.early_frames.append(frame)
        elif writer is None or writer.closed:
            process.early_frames = [frame]
            if is_nested or process.ended or not may_interrupt():
                _start_writer()
                process.report_refused()
                return
            _helper.start()
        else:
            sink.put = writer.put
            writer.put(frame)
            return
    _wait_for_start()


def _holds_lock() -> bool:
    """Whether this thread holds `process.lock`: a signal handler or finalizer interrupted a start, or `configure`."""
    return bool(process.lock._is_owned())  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way


def _is_accepted(early: list[bytes], frame: bytes) -> bool:
    """Add `frame` to those that came before the start has ended, without a lock; False if it has ended meanwhile."""
    early.append(frame)
    if process.early_frames is early:
        return True
    try:
        early.remove(frame)
    except ValueError:
        return True  # it was written
    return False


def _wait_for_start() -> None:
    """Wait until the writer has started. What a signal handler of the program raises meanwhile interrupts nothing."""
    try:
        process.main_waits = is_main_thread()
        _helper.join(_MOST_S)
        with process.lock:
            if process.early_frames is not None:  # the system has no more threads
                _start_writer()
            process.report_refused()
    except BaseException as error:  # of a signal handler: the frame is not lost
        process.interrupted_by = id(error)
        raise
    finally:
        process.main_waits = False


def prepared() -> "type[Writer]":
    """The class of writers, and all that recording needs: imported when the first function is traced.

    Not with the first call: the program may have replaced `__import__` by a traced function, another thread may fork,
    or the interpreter may be ending, when an import statement fails.
    """
    if process.writer_class is None:
        from obs_core.capture.spool_writer import Writer  # noqa: PLC0415 - not with obs_core, 15 ms
        from obs_core.capture.values import describe  # noqa: PLC0415 - as above

        describe.load()
        rules.redaction.hides("")  # compiles its patterns
        process.writer_class = Writer
    return process.writer_class


def _start_writer() -> None:
    """Start a writer; the frames that came meanwhile are written, or counted as dropped."""
    try:
        writer = prepared()(process.options, drains=not process.ended)
        process.writer = writer
        homeless, process.homeless = process.homeless, 0
        for _ in range(homeless):
            writer.spool.count_drop()
        # after `process.writer` is set, so that no new site is missed
        writer.register_sites()
        writer.at_exit_of_child(end_of_program)
    except BaseException as error:  # noqa: BLE001 - the traced program must not notice
        report(error)
        pass_on(error)
    finally:
        waiting, process.early_frames = process.early_frames or [], None
        started = process.writer
        while waiting:  # other threads may still take their frame back, see `_is_accepted`
            try:
                early = waiting.pop(0)
            except IndexError:
                break
            if started is None or started.closed:
                process.count_drop()
            else:
                sink.put = started.put
                started.put(early)


def _start_in_helper(_is_due: object) -> None:
    """Start a writer, if that has not happened meanwhile, in a thread that nothing interrupts."""
    current.set(RECORDING)  # traced functions that this calls are not the program's calls
    with process.lock:
        if process.early_frames is not None:
            _start_writer()


_helper: Final = WriterThread(_start_in_helper)
sink.start = sink.write = sink.put = start


def flush(timeout_s: float) -> bool:
    """Wait until every row so far is in the log; False after the timeout.

    False at once in a finalizer or signal handler that interrupts a batch: its thread can't wait for itself.
    """
    if process.batch_lock.is_used_here():
        return False
    began = monotonic()
    if not process.lock.acquire(timeout=timeout_s):  # another thread starts or closes the writer
        return False
    try:
        if process.early_frames and process.writer is None:  # the helper has not begun
            _start_writer()
        writer = process.writer
    finally:
        process.lock.release()
    return writer is None or writer.closed or writer.flush(timeout_s - (monotonic() - began))


def dropped() -> int:
    """The rows that this process has lost so far, with all its writers: dropped by a full spool, or not recordable."""
    locked = not process.batch_lock.is_used_here() and process.lock.acquire()
    try:
        writer = process.writer
        if writer is None:
            return process.closed_dropped + process.homeless
        return process.closed_dropped + writer.spool.count_drops()
    finally:
        if locked:
            process.lock.release()


def end() -> bool:
    """Flush and close the writer, if there is one; a later frame starts another.

    Not by a finalizer or signal handler in a thread that moves a batch, which has to end first. Returns whether rows
    are left that another process can move.
    """
    if process.batch_lock.is_used_here():
        return False
    with process.lock:
        if process.early_frames and process.writer is None:  # the helper has not begun
            _start_writer()
        writer, process.writer = process.writer, None
        sink.write = sink.put = start
        if writer is None:
            return False
        has_left = writer.close(writer.options.exit_s)
        process.closed_dropped += writer.spool.count_drops()
        process.write_late_frames()
        return has_left


def end_of_program() -> None:
    """Flush at exit; what takes longer than OBS_EXIT_S is moved by a process of its own, after this one.

    Later rows stay in a spool for the next program or `python -m obs_core drain`.
    """
    process.ended = True
    writer = process.writer
    if end() and writer is not None:
        writer.drain_elsewhere(writer.options.log)
