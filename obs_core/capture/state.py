"""The state of this process: its options, its sites, its writer, and the number of rows that could not be recorded.

Every traced call puts its frame into `sink.write`. Before the first frame, and in a forked child, that starts the
writer; afterwards it is `mmap.write` of the spool's current segment, and `sink.put` is called when that is full.
"""

import sys
import threading
from typing import TYPE_CHECKING, Final

from obs_core.capture.batch_lock import BatchLock
from obs_core.capture.options import read_environment, warn
from obs_core.capture.spool.frames import FrameSink, Sites
from obs_core.system import os

if TYPE_CHECKING:
    from obs_core.capture.spool_writer import Writer


class ProcessState:
    """The state of this process: its options, sites and, after the first frame, its writer."""

    def __init__(self) -> None:
        """Read the options; there is no writer yet."""
        self.options, self.refused = read_environment(os.environ)
        if not getattr(sys, "_is_gil_enabled", _always)():
            self.options = self.options._replace(disabled=True)
            warn(
                ["nothing is recorded: this Python runs without the global interpreter lock, which the spool relies on"]
            )
        self.notes: list[str] = []  # for the status only
        self.writer: Writer | None = None
        self.writer_class: type[Writer] | None = None
        self.lock = threading.RLock()  # taken before `batch_lock` if both are needed
        self.batch_lock = BatchLock()
        self.early_frames: list[bytes] | None = None
        self.main_waits = False  # the main thread waits until the writer has started
        self.late_frames: list[bytes] = []  # of finalizers and signal handlers in a thread that uses `batch_lock`
        self.interrupted_by = 0  # the id of a signal handler's exception that came after its frame was accepted
        self.sites = Sites()
        self.ended = False
        self.homeless = 0  # rows that were lost while there was no writer
        self.closed_dropped = 0  # rows that writers of this process dropped which are closed now

    def count_drop(self) -> None:
        """Count a row that is lost; from any thread or signal handler."""
        writer = self.writer
        if writer is None or writer.closed:
            self.homeless += 1
        else:
            writer.spool.count_drop()

    def write_late_frames(self) -> None:
        """Write the frames that came while a thread used `batch_lock`; called by a thread that does not."""
        if self.late_frames:
            with self.lock:
                while self.late_frames:
                    sink.start(self.late_frames.pop(0))

    def refuse(self, sentence: str) -> None:
        """Say in the status of the writer what can't be done."""
        self.notes.append(sentence)
        writer = self.writer
        if writer is not None and not writer.closed:
            writer.spool.header.last_error = sentence

    def report_refused(self) -> None:
        """Say which settings could not be used, once there is a writer."""
        if self.writer is not None and (self.refused or self.notes):
            self.writer.spool.header.last_error = "; ".join([*self.notes, *self.refused])
            self.notes.clear()
        if self.writer is not None and self.refused:
            warn(self.refused)
            self.refused = []

    def site_id(self, site_key: bytes) -> int:
        """The id of the site marshalled as `site_key`, registered in the spool; 0 if there are too many sites."""
        site_id, new = self.sites.register(site_key)
        writer = self.writer
        if new and writer is not None and not writer.closed:
            try:
                writer.spool.register_site(site_id, site_key)
            except ValueError:  # the spool is being closed; the next one gets all sites
                return site_id
        return site_id


def _always() -> bool:
    """The lock of a Python before 3.13."""
    return True


def _no_writer(_frame: bytes) -> None:
    """Count a frame that comes before the module of writers is imported."""
    process.count_drop()


process: Final = ProcessState()
sink: Final = FrameSink(_no_writer)
