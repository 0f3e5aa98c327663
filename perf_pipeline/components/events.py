"""A target's own event queue as its YAML declares it."""

from typing import Annotated

import dagster as dg
from pydantic import Field

from perf_pipeline.invalidation.event_model import EventQueue

_FUNCTION = r"^[^.\s]+\.[^.\s]+$"


class Events(dg.Model, dg.Resolvable):
    """The functions by which a queue of the target's is worked on, and its limits."""

    claim: Annotated[
        str,
        Field(
            pattern=_FUNCTION,
            description="Function (limit integer, worker text, lease interval) that claims the "
            "oldest events and returns them, with `id` and `created_at`.",
            examples=["omninode.get_pending_events"],
        ),
    ]
    finish: Annotated[
        str,
        Field(
            pattern=_FUNCTION,
            description="Function (ids uuid[], created_ats timestamptz[], worker text, errors "
            "text[]) that ends claims and returns how many were still the worker's.",
        ),
    ]
    backlog: Annotated[
        str,
        Field(
            pattern=_FUNCTION,
            description="Function (stranded_after interval) that returns one row: ready, claimed, "
            "stranded, dead, oldest_at.",
        ),
    ]
    process: Annotated[
        str,
        Field(
            description="Function (ids uuid[], created_ats timestamptz[]) RETURNS TABLE (id, "
            "error) that does what events ask for; default: only the application works on them."
        ),
    ] = ""
    ingest: Annotated[
        str, Field(description="Function (events jsonb) that takes a batch of new events.")
    ] = ""
    metrics: Annotated[
        str,
        Field(
            description="Function (start timestamptz, finish timestamptz) that returns one row of "
            "numbers about the events of a window: figures of `<target>/events/performance`."
        ),
    ] = ""
    batch: Annotated[int, Field(ge=1, le=10_000, description="Events claimed at once; 100.")] = 100
    lease_seconds: Annotated[
        float, Field(gt=0.0, description="A claim that is not ended in so long is nobody's; 60.")
    ] = 60.0
    stranded_minutes: Annotated[
        int, Field(ge=1, description="An event that waits longer is reported; 60.")
    ] = 60
    ask_at: Annotated[
        int, Field(ge=1, description="From so many waiting events on, a run is asked for; 1000.")
    ] = 1_000
    late_minutes: Annotated[
        float, Field(gt=0.0, description="Or when one waits for so long; 5.")
    ] = 5.0

    def declared(self) -> EventQueue:
        """Return the declaration as the domain knows it.

        Raises
        ------
        ConfigurationError
            A function is not written as `schema.name`.

        """
        return EventQueue(
            claim=self.claim,
            finish=self.finish,
            backlog=self.backlog,
            process=self.process,
            ingest=self.ingest,
            metrics=self.metrics,
            batch=self.batch,
            lease_s=self.lease_seconds,
            stranded_minutes=self.stranded_minutes,
            ask_at=self.ask_at,
            late_minutes=self.late_minutes,
        )
