"""What an execution of a load test goes through, written as it happens.

Dagster's own log has the events of a run of Dagster; this one has those of an execution, whoever
started it, and is what remains of one whose process died.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store.engine import Store

STARTED: Final = "TEST_STARTED"
STAGE: Final = "STAGE_STARTED"
SAMPLED: Final = "SAMPLED"
STAGE_ENDED: Final = "STAGE_ENDED"
JUDGED: Final = "JUDGED"
#: Status an execution ended with -> its event.
ENDED: Final = {
    "COMPLETED": "TEST_COMPLETED",
    "FAILED": "TEST_FAILED",
    "CANCELLED": "TEST_CANCELLED",
}


class Log:
    """The events of one execution.

    A word that cannot be written within half a second is counted, not raised: no measurement is
    given up for its log, nor made to wait for it.

    Attributes
    ----------
    lost : int
        Events that could not be written.

    """

    def __init__(self, store: Store, execution_id: UUID) -> None:
        self._store = store
        self._execution_id = execution_id
        self.lost = 0

    def add(self, event_type: str, **detail: object) -> None:
        """Write an event, with figures and words that JSON can hold."""
        # the moment it happened, not the one at which the store let it in
        params = _params(self._execution_id, event_type, detail)
        try:
            with self._store.begin() as connection:
                connection.execute(sqlfiles.load("store/run_event_patience").text)
                connection.execute(sqlfiles.load("store/run_event_add").text, params)
        except (PerfPipelineError, psycopg.Error):
            self.lost += 1


def add_in(
    connection: psycopg.Connection, execution_id: UUID, event_type: str, **detail: object
) -> None:
    """Write an event inside a transaction of the caller's, with which it stands or falls."""
    params = _params(execution_id, event_type, detail)
    connection.execute(sqlfiles.load("store/run_event_add").text, params)


def _params(execution_id: UUID, event_type: str, detail: Mapping[str, object]) -> dict[str, object]:
    return {
        "execution_id": execution_id,
        "ts": datetime.now(UTC),
        "event_type": event_type,
        "detail": Jsonb(dict(detail)),
    }


def read(store: Store, execution_id: UUID) -> Sequence[Mapping[str, Any]]:
    """Return the events of an execution in order: `event_id`, `ts`, `event_type`, `detail`."""
    return store.rows("run_events", {"execution_id": execution_id})
