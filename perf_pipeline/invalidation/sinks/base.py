"""What a sink is: something outside that is told which entities to forget."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.invalidation.sinks.policy import SinkPolicy


class Entry(Protocol):
    """What a sink reads of a due entry of the queue."""

    @property
    def entity(self) -> str:
        """The entity, or `*`: every one of the cache type."""
        ...


class SinkError(PerfPipelineError):
    """A whole sink is down or refuses us: every entry of the batch stays due.

    Parameters
    ----------
    message, remedy : str
        See PerfPipelineError.
    retry_after_s : float, optional
        How long the sink itself asks to be left alone, seconds.

    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, remedy)
        self.retry_after_s = retry_after_s


class Sink(Protocol):
    """A place that is told to forget."""

    #: Where, for messages: kind and variable or channel, never a secret.
    name: str

    def invalidate(self, cache_type: str, batch: Sequence[Entry]) -> dict[str, str]:
        """Make the sink forget the entities of a batch.

        Parameters
        ----------
        cache_type : str
            Name of the cache type.
        batch : sequence of entries
            Only their `entity` is read; `*` is every entity of the type. Saying it twice is safe.

        Returns
        -------
        dict
            Entity -> what went wrong with it; empty when all is well.

        Raises
        ------
        SinkError
            The whole sink is down; nothing of the batch may be counted as done.

        """
        ...

    def close(self) -> None:
        """Give connections back."""
        ...


class AbsentSink:
    """Stands for a place that is not there: an optional policy whose variable is not set.

    Parameters
    ----------
    policy : SinkPolicy
        Optional.

    """

    def __init__(self, policy: SinkPolicy) -> None:
        self.name = f"{policy.kind} {policy.url_env} (not set)"

    def invalidate(self, cache_type: str, batch: Sequence[Entry]) -> dict[str, str]:
        """Tell nobody: there is no cache."""
        return {}

    def close(self) -> None:
        """Nothing was opened."""
