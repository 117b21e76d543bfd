"""The errors of the product, each with a hint that says what to do next.

ObsError
├── LogMissing            no file at the log's path
├── NotALog               the file is no trace log (no database, or no table data_trace)
├── LogUnreadable         the file is a log, but it can't be read now (locked, permission, damaged)
├── SecondSqliteLibrary   another SQLite library has this file open in this process
├── SchemaTooNew          the log was written by a newer version
├── BadParameter          a parameter of a question, a link or a command is not usable
├── QuestionTimedOut      a question ran longer than its limit
├── WorkersBusy           no worker became free in time
├── WorkerFailed          a worker died, or could not answer
├── FileRefused           a file that was to be imported can't be read as what it says it is
│   └── NotTraces         it is of no kind that can be imported
├── PortInUse             another program listens where the receiver should
├── Futile                a program beside the dashboard can never do its work with this log
└── SetupBroken           something the product needs is not installed, or does not fit
"""


class ObsError(Exception):
    """A sentence about what is wrong, and a hint that says what to do next."""

    exit_code = 2  # of a command that ends with it

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep `message` (one sentence) and `hint` (what to do next, may be empty)."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[type["ObsError"], tuple[str, str]]:
        """Keep the hint when the error crosses a process."""
        return type(self), (self.message, self.hint)


class LogMissing(ObsError):
    """No file at the log's path."""


class NotALog(ObsError):
    """The file is no trace log."""


class LogUnreadable(ObsError):
    """The log can't be read now."""


class SecondSqliteLibrary(ObsError):
    """Another SQLite library has this file open in this process."""


class SchemaTooNew(ObsError):
    """The log was written by a newer version of this product."""


class BadParameter(ObsError):
    """A parameter is not usable."""


class QuestionTimedOut(ObsError):
    """A question ran longer than its limit."""


class WorkersBusy(ObsError):
    """No worker became free in time."""


class WorkerFailed(ObsError):
    """A worker died, or could not answer."""


class FileRefused(ObsError):
    """A file can't be imported."""


class PortInUse(ObsError):
    """Another program listens on the port; a command ends with an exit code of its own, so that its parent knows."""

    exit_code = 98


class PermanentFailure(ObsError):
    """A program beside the dashboard can't do its work with this log, however often it is started."""

    exit_code = 65  # EX_DATAERR


class NotTraces(FileRefused):
    """A file holds no traces of any known kind."""


class SetupBroken(ObsError):
    """Something the product needs is missing or does not fit."""
