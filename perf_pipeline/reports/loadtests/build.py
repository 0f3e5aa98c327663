"""Make reports of load tests from the store."""

from datetime import UTC, datetime
from uuid import UUID

from perf_pipeline.reports.loadtests import assemble, read
from perf_pipeline.reports.loadtests.model import RangeReport, RunReport
from perf_pipeline.store import Store


def of_run(store: Store, execution_id: UUID, now: datetime | None = None) -> RunReport:
    """Return the report of one execution.

    Parameters
    ----------
    store : Store
    execution_id : UUID
    now : datetime, optional
        When it is made; default: now.

    Raises
    ------
    InputError
        The execution is not recorded.

    """
    return assemble.run_report(read.facts(store, execution_id, now))


def of_range(
    store: Store,
    since: datetime,
    before: datetime,
    target: str | None = None,
    now: datetime | None = None,
) -> RangeReport:
    """Return the report of all executions that began in `[since, before)`.

    Raises
    ------
    InputError
        The range is empty.

    """
    rows, statements = read.ranged(store, since, before, target)
    made = now or datetime.now(UTC)
    return assemble.range_report(rows, statements, since, before, target, made)
