"""What an event queue of a target is, and when it is to be worked on."""

from collections.abc import Sequence
from dataclasses import dataclass

from perf_pipeline.errors import ConfigurationError


@dataclass(frozen=True)
class EventQueue:
    """A queue of events in a target, reached by the target's own functions.

    `backlog(stranded_after interval)` returns one row: `ready`, `claimed`, `stranded`, `dead`
    (counts) and `oldest_at`. `claim(limit integer, worker text, lease interval)` returns claimed
    events with `id uuid` and `created_at`. `finish(ids, created_ats, worker, errors)`, four arrays
    but the worker, returns how many claims were still the worker's. `process(ids, created_ats)`
    returns `id` and `error`, and `ingest(events jsonb)` one row of counts with `rejects`;
    `metrics(start, finish)` one row of numbers.
    """

    claim: str
    finish: str
    backlog: str
    process: str = ""
    ingest: str = ""
    metrics: str = ""
    batch: int = 100
    lease_s: float = 60.0
    stranded_minutes: int = 60
    #: The sensor asks for a run from so many waiting events, or from so old a one, on.
    ask_at: int = 1_000
    late_minutes: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises
        ------
        ConfigurationError
            A function is not written as `schema.name`, or a number is not above zero.

        """
        for field in ("claim", "finish", "backlog", "process", "ingest", "metrics"):
            name = getattr(self, field)
            wanted = bool(name) or field in {"claim", "finish", "backlog"}
            if wanted and len([part for part in name.split(".") if part]) != 2:
                raise ConfigurationError(
                    f"event_queue: {field} is {name!r}", "write it as schema.function"
                )
        for field in ("batch", "lease_s", "stranded_minutes", "ask_at", "late_minutes"):
            if not getattr(self, field) > 0:
                raise ConfigurationError(
                    f"event_queue: {field} is {getattr(self, field)}", "give a number above zero"
                )


@dataclass(frozen=True)
class Backlog:
    """How full a queue is: events to claim, claimed, stranded, dead; age of the oldest to claim."""

    ready: int
    claimed: int
    stranded: int
    dead: int
    oldest_s: float | None


def due(backlog: Backlog, queue: EventQueue) -> Sequence[str]:
    """Return why a queue is to be worked on now; nothing, while its own workers keep up."""
    why = []
    if backlog.ready >= queue.ask_at:
        why.append(f"{backlog.ready} events wait, of {queue.ask_at}")
    if backlog.ready and backlog.oldest_s is not None:
        minutes = backlog.oldest_s / 60.0
        if minutes >= queue.late_minutes:
            why.append(f"one waits for {minutes:.0f} min, of {queue.late_minutes:g}")
    return why
