"""The errors of the product. Each has a hint that says what to do next.

ObsError
├── LogMissing            no file at the log's path
├── NotALog               the file is not a trace log (not a database, or without a table data_trace)
├── LogUnreadable         the file is a log, but can't be read or written now (locked, permission, damaged)
├── SecondSqliteLibrary   another SQLite library has this file open in this process
├── SchemaTooNew          the log was written by a newer version
├── BadParameter          a parameter of a question, a link, a rule or a command is invalid
├── QuestionTimedOut      a question ran longer than its limit
├── TooManyRows           a question would read more rows of a store than a worker may get
├── WorkersBusy           no query worker became free in time
├── WorkerFailed          a query worker died, or could not answer
│   └── MemoryExceeded    a query needs more memory than its worker may use
├── FileRefused           a file can't be imported
│   └── NotTraces         it is not in a format that can be imported
├── ArchiveMoved          another sealer changed the archive in the meantime, or it is of another log
├── ArchiveDamaged        a file of the archive is damaged, and the log does not have its rows any more
├── StoreUnreachable      the shared store can't be reached or written now
├── PortInUse             another program listens on the port
├── PermanentFailure      a child process can never do its work with this log; it is not restarted
└── SetupBroken           a dependency is missing or has the wrong version
"""


class ObsError(Exception):
    """An error with a message for people and a hint that says what to do next."""

    exit_code = 2  # of a command that fails with this error

    def __init__(self, message: str, hint: str = "") -> None:
        """Make an error from `message` (one sentence) and `hint` (what to do next, may be empty)."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["ObsError"], tuple[str, str]]:
        """Keep the hint when the error is sent to another process."""
        return type(self), (self.message, self.hint)


class LogMissing(ObsError):
    """The log's path does not exist."""


class NotALog(ObsError):
    """The file is not a trace log."""


class LogUnreadable(ObsError):
    """The log can't be read or written now."""


class SecondSqliteLibrary(ObsError):
    """Another SQLite library has this file open in this process."""


class SchemaTooNew(ObsError):
    """The log was written by a newer version of this product."""


class BadParameter(ObsError):
    """A parameter is invalid."""


class QuestionTimedOut(ObsError):
    """A question ran longer than its limit."""


class TooManyRows(ObsError):
    """A question would read more rows of a store than a worker may get."""


class WorkersBusy(ObsError):
    """No query worker became free in time."""


class WorkerFailed(ObsError):
    """A query worker died, or could not answer."""


class MemoryExceeded(WorkerFailed):
    """A query needs more memory than its worker may use."""


class FileRefused(ObsError):
    """A file can't be imported."""


class ArchiveMoved(ObsError):
    """Another sealer changed the archive in the meantime, or it is of another log."""


class ArchiveDamaged(ObsError):
    """A file of the archive is damaged, and the log does not have its rows any more."""


class StoreUnreachable(ObsError):
    """The shared store can't be reached or written now."""


class PortInUse(ObsError):
    """Another program listens on the port; the exit code lets the supervisor recognize it."""

    exit_code = 98


class PermanentFailure(ObsError):
    """A child process can never do its work with this log, so it is not restarted."""

    exit_code = 65  # EX_DATAERR


class NotTraces(FileRefused):
    """A file is not in a format that can be imported."""


class SetupBroken(ObsError):
    """A dependency is missing or has the wrong version."""
