"""Every error a user can meet, each with a remedy and a documented exit code."""

from typing import ClassVar


class PerfPipelineError(Exception):
    """Base of our errors.

    Parameters
    ----------
    message : str
        What is wrong: names the field or thing and the value.
    remedy : str
        What the reader can do about it, one sentence.

    """

    #: Exit code of the command line: 2 bad input or configuration, 3 a server could not be reached.
    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  remedy: {self.remedy}" if self.remedy else self.message


class ConfigurationError(PerfPipelineError):
    """A setting, a YAML field or an argument is wrong."""


class UnsupportedServerError(PerfPipelineError):
    """The server answers but cannot be used: too old, or lacks an extension or privilege."""


class UnreachableError(PerfPipelineError):
    """A server could not be reached, refused us, or did not answer in time."""

    exit_code: ClassVar[int] = 3


class BusyError(PerfPipelineError):
    """Somebody else holds what we need (a lock, the collector's role); try later."""

    exit_code: ClassVar[int] = 3


class ArchiveError(PerfPipelineError):
    """A file of the archive does not hold what was written to it, or could not be written."""

    exit_code: ClassVar[int] = 1


class ServerStartError(PerfPipelineError):
    """The embedded server could not be started, stopped or recovered."""

    exit_code: ClassVar[int] = 3


class InputError(PerfPipelineError):
    """Rows handed to a pure function break its contract (names the column and the value)."""
