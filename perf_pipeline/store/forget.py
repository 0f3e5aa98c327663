"""Delete what is about rollups that have ended: texts, tags and reports of those months.

They have no partitions to drop. Everything is deleted in batches, each its own transaction: a
killed run goes on where it stopped, and nobody waits for it for long.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from perf_pipeline.store.engine import Store
from perf_pipeline.store.retention import Policy

#: Rows of one transaction; the check that no statement has a text looks at all of a store's.
BATCH: Final = 500


@dataclass(frozen=True)
class Forgotten:
    """Rows deleted, by what they were."""

    statement_texts: int = 0
    texts: int = 0
    tags: int = 0
    reports: int = 0


def run(store: Store, policy: Policy, today: date, *, texts: bool, batch: int = BATCH) -> Forgotten:
    """Delete tags and reports older than the daily rollups, and texts that nothing names.

    Parameters
    ----------
    store : Store
    policy : Policy
        Its months of daily rollups are what counts.
    today : date
        UTC.
    texts : bool
        Look at texts, too: every statement of every kept day is read for it, so once a month will
        do. They stay as long as the archive has days older than the rollups.
    batch : int

    """
    first = policy.first_month("statements_daily", today)
    before = datetime(first.year, first.month, first.day, tzinfo=UTC)
    statements = unused = 0
    if texts and policy.first_kept(today) >= first:
        for row in store.rows("forget_targets", {"before": before}):
            params = {"target_id": row["target_id"], "before": before}
            statements += int(store.rows("forget_statement_texts", params)[0]["rows"])
        unused = _all(store, "forget_query_texts", before, batch)
    return Forgotten(
        statements,
        unused,
        _all(store, "forget_statement_tags", before, batch),
        _all(store, "forget_reports", first, batch),
    )


def _all(store: Store, name: str, before: date, batch: int) -> int:
    deleted = 0
    while True:
        (done,) = store.rows(name, {"before": before, "batch": batch})
        deleted += int(done["rows"])
        if done["rows"] < batch:
            return deleted
