"""How long the store's logs are kept: what was done to targets, what was wrong, what was told.

In doubt a row stays: what an operation that is not known here did may be all that tells of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.store.engine import Store

#: Operations after which everything is as before, or can be made again: nothing was taken away.
ROUTINE: Final = (
    "index.reindex",
    "partition.clean_up",
    "partition.create",
    "partition.create_default",
    "table.analyze",
    "view.refresh",
)
#: Availability is told of 30 days, and reports of a month look back at it: no log may be shorter.
LEAST_DAYS: Final = 62
#: What was deleted, archived or dropped is asked for as long as an audit log is: 7 years.
EVIDENCE_DAYS: Final = 2_557
#: A forecast of how fast partitions fill looks at no older reading.
POSITION_DAYS: Final = 90
#: The longest window of a policy is 60 days; default windows end at eight.
MEASUREMENT_DAYS: Final = 62
#: Rows of one transaction.
BATCH: Final = 5_000


@dataclass(frozen=True)
class Keep:
    """How long rows of logs are kept, days.

    Attributes
    ----------
    log_days : int
        Routine operations, looks at targets that were away, incidents that are over, messages,
        and answers that did nothing.
    evidence_days : int
        Operations that took something away; those on a partition that the archive holds stay as
        long as it does. Answers that did something.

    """

    log_days: int = 400
    evidence_days: int = EVIDENCE_DAYS

    def __post_init__(self) -> None:
        """Refuse to forget what is still needed.

        Raises
        ------
        ConfigurationError
            Names the number, what needs it, and the least.

        """
        if self.log_days < LEAST_DAYS:
            raise ConfigurationError(
                f"log_days is {self.log_days}: availability and reports of a month still need "
                "these rows",
                f"keep {LEAST_DAYS} days or more",
            )
        if self.evidence_days < max(self.log_days, EVIDENCE_DAYS):
            raise ConfigurationError(
                f"evidence_days is {self.evidence_days}: rows that tell what was deleted, archived "
                "or dropped are the only trace of it",
                f"keep {max(self.log_days, EVIDENCE_DAYS):,} days or more",
            )


def prune(store: Store, keep: Keep, now: datetime, *, batch: int = BATCH) -> dict[str, int]:
    """Delete the rows of the store's logs that nobody needs any more.

    Each batch is a transaction: a killed run goes on where it stopped. Rows of operations that
    run, and of each operation on a target the last row and the last that was done, stay however
    old they are.

    Parameters
    ----------
    store : Store
    keep : Keep
    now : datetime
        Aware.
    batch : int

    Returns
    -------
    dict of str to int
        Rows deleted, by table: `maintenance_log`, `unreached`, `partition_positions`,
        `invalidation_drains`, `incidents`, `alert_outbox`, `alert_responses`, `measurements`.

    """
    before = now - timedelta(days=keep.log_days)
    evidence = now - timedelta(days=keep.evidence_days)
    operations = {"before": before, "evidence_before": evidence, "routine": list(ROUTINE)}
    positions = now - timedelta(days=POSITION_DAYS)
    answers = {"before": before, "evidence_before": evidence}
    readings = {"before": now - timedelta(days=MEASUREMENT_DAYS)}
    return {
        "maintenance_log": _all(store, "prune_maintenance_log", operations, batch),
        "unreached": _all(store, "prune_unreached", {"before": before}, batch),
        "partition_positions": _all(store, "prune_positions", {"before": positions}, batch),
        "invalidation_drains": _all(store, "prune_invalidation", {"before": before}, batch),
        "incidents": _all(store, "prune_incidents", {"before": before}, batch),
        "alert_outbox": _all(store, "prune_outbox", {"before": before}, batch),
        "alert_responses": _all(store, "prune_responses", answers, batch),
        "measurements": _all(store, "prune_measurements", readings, batch),
    }


def _all(store: Store, name: str, values: Mapping[str, object], batch: int) -> int:
    deleted = 0
    while True:
        (done,) = store.rows(name, {**values, "batch": batch})
        deleted += int(done["rows"])
        if done["rows"] < batch:
            return deleted
