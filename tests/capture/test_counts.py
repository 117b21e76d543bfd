"""Nothing is lost uncounted: offered = written + dropped + waiting, whoever starts or closes the writer meanwhile."""

import subprocess
import sys
import textwrap
from pathlib import Path

from obs_core.capture.drain import recovery
from obs_core.paths import folder_of
from obs_core.store import sqlite
from tests.capture.test_bursts import numbers_in, run
from tests.capture.test_trouble import until


def program(log: Path, code: str) -> tuple[str, str]:
    """The output and the errors of a program that traces into `log`."""
    environment = {"OBS_LOG": str(log), "PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_first_calls_from_threads_handlers_and_children_while_settings_change_are_all_written(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    numbers = run("storm", log)
    offered, dropped = sum(numbers[::2]), sum(numbers[1::2])
    recovery.recover(folder_of(str(log)), log)
    assert len(numbers) == 22
    assert dropped == 0
    assert len(numbers_in(log)) == offered


def test_exceptions_of_a_signal_handler_do_not_start_the_first_call_again_and_again(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    made, returned, dropped = run("interrupted_start", log)
    assert returned == 20
    assert returned <= len(numbers_in(log)) <= made
    assert len(numbers_in(log)) + dropped >= returned
    assert not list(Path(folder_of(str(log))).glob("*.spool"))  # interrupted starts leave no spools


def test_calls_of_handlers_and_finalizers_during_a_description_are_recorded_and_our_own_are_not(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    steps, nodes, dropped = run("interrupted", log)
    recovery.recover(folder_of(str(log)), log)
    connection = sqlite.connect(log)
    try:
        rows = dict(connection.execute("SELECT data, count(*) FROM data_trace GROUP BY data").fetchall())
    finally:
        connection.close()
    assert dropped == 0
    assert rows == {"step": steps, "node": 2 * nodes}
    assert steps > nodes


def test_rows_that_cannot_be_made_are_counted_as_dropped_and_say_nothing(tmp_path: Path) -> None:
    output, errors = program(
        tmp_path / "trace.db",
        """
        import obs_core
        from obs_core.capture import spool_writer, writer
        @obs_core.trace
        def one(): return 1
        usable, spool_writer.new_spool = spool_writer.new_spool, None
        for _ in range(5): one()
        spool_writer.new_spool = usable
        for _ in range(3): one()
        obs_core.flush()
        header = writer.process.writer.spool.header
        print(header.written, header.dropped, writer.dropped(), header.last_error[:14])
        """,
    )
    assert (output, errors) == ("3 5 5 \n", "")


def test_calls_of_finalizers_and_open_generators_at_the_end_change_nothing_and_are_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    output, errors = program(
        log,
        """
        from obs_core import trace
        class Pool:
            @trace
            def close(self): return object()
            def __del__(self):
                self.close()
                print("closed", flush=True)
        @trace
        def numbers():
            n = 0
            while True:
                yield n
                n += 1
        pool = Pool()
        pool.close()
        steps = numbers()
        print(next(steps))
        """,
    )
    assert (output, errors) == ("0\nclosed\n", "")
    recovery.recover(folder_of(str(log)), log)
    connection = sqlite.connect(log)
    try:
        rows = connection.execute("SELECT data FROM data_trace ORDER BY data").fetchall()
    finally:
        connection.close()
    assert rows == [("close",), ("close",), ("numbers",)]


def test_functions_of_the_standard_library_that_a_test_replaces_are_not_called_by_us(tmp_path: Path) -> None:
    output, errors = program(
        tmp_path / "folder" / "trace.db",
        """
        import builtins, os, threading, time
        from unittest import mock
        import obs_core
        @obs_core.trace
        def work(): return 1
        names = "mkdir", "makedirs", "open", "fstat", "rename", "unlink", "getpid"
        patches = [mock.patch.object(os, name) for name in names]
        patches += [mock.patch.object(time, name) for name in ("sleep", "monotonic", "time_ns", "perf_counter_ns")]
        patches += [mock.patch.object(builtins, "open")]
        mocks = [patch.start() for patch in patches]
        threads = threading.enumerate()
        for _ in range(1000): work()
        began = time.perf_counter()
        while time.perf_counter() < began + 0.3: pass
        counts = [mock.call_count for mock in mocks]
        same = threading.enumerate() == threads
        mock.patch.stopall()
        print(counts, same, obs_core.flush())
        """,
    )
    assert (output, errors) == (f"{[0] * 12} True True\n", "")


def test_what_takes_longer_than_the_end_of_a_program_may_is_moved_by_a_process_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "trace.db"
    output, errors = program(
        log,
        """
        import obs_core
        obs_core.configure(exit_s=0, flush_ms=60_000)
        @obs_core.trace
        def step(n): return n
        for n in range(30_000): step(n)
        """,
    )
    assert (output, errors) == ("", "")
    until(lambda: log.exists() and not list(Path(folder_of(str(log))).glob("*.spool")), 60)
    assert sorted(numbers_in(log)) == list(range(30_000))
