"""Prune Dagster's runs: it keeps every run, event and log for ever.

Only successful runs of jobs that run often and whose assets have no partitions are deleted: with a
run goes the record that its partitions were made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg
from psycopg.rows import dict_row

from perf_pipeline.postgres import connect, sqlfiles

#: Tags that say that a run made partitions.
_PARTITION_TAGS: Final = ("dagster/partition", "dagster/asset_partition_range_start")


@dataclass(frozen=True)
class Pruned:
    """What a pruning deleted; `complete` is False when it stopped at its limit."""

    runs: int
    complete: bool
    by_job: Mapping[str, int]


def prunable(run: dg.DagsterRun, newest_run_id: str | None) -> bool:
    """Whether a run may be deleted: it succeeded, made no partition, and is not its job's newest.

    Parameters
    ----------
    run : dagster.DagsterRun
        Of a job that may be pruned, old enough.
    newest_run_id : str or None
        The job's newest successful run, kept so that its assets still show a materialization.

    """
    partitioned = any(
        tag == name or tag.startswith(f"{name}/") for tag in run.tags for name in _PARTITION_TAGS
    )
    return (
        run.status is dg.DagsterRunStatus.SUCCESS
        and not partitioned
        and run.run_id != newest_run_id
    )


def prune(
    instance: dg.DagsterInstance,
    jobs: Sequence[str],
    older_than: datetime,
    *,
    batch: int = 500,
    limit: int = 5_000,
) -> Pruned:
    """Delete old successful runs of some jobs with their events and captured output.

    Parameters
    ----------
    instance : dagster.DagsterInstance
    jobs : sequence of str
        Names of jobs whose assets have no partitions.
    older_than : datetime
        Aware; runs updated since are kept.
    batch : int
        Runs read at a time.
    limit : int
        Most runs deleted by one call (about 0.07 s each); the rest is left to the next.

    Returns
    -------
    Pruned

    """
    by_job = dict.fromkeys(jobs, 0)
    for job in jobs:
        finished = dg.RunsFilter(job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS])
        newest = instance.get_run_records(finished, limit=1)
        newest_id = newest[0].dagster_run.run_id if newest else None
        old = dg.RunsFilter(
            job_name=job, statuses=[dg.DagsterRunStatus.SUCCESS], updated_before=older_than
        )
        cursor = None
        while True:
            records = instance.get_run_records(old, limit=batch, cursor=cursor)
            for record in records:
                if sum(by_job.values()) >= limit:
                    return Pruned(limit, False, by_job)
                run = record.dagster_run
                if prunable(run, newest_id):
                    delete(instance, run.run_id)
                    by_job[job] += 1
                else:
                    cursor = run.run_id  # one that stays: a deleted run leads nowhere
            if len(records) < batch:
                break
    return Pruned(sum(by_job.values()), True, by_job)


def delete(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, its events, and its captured output, which Dagster would leave behind."""
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    instance.delete_run(run_id)


def threshold(now: datetime, keep_days: int) -> datetime:
    """Return the instant before which a run is old."""
    return now - timedelta(days=keep_days)


def table_sizes(url: str) -> list[dict[str, Any]]:
    """Return the largest tables of Dagster's database: `name`, `bytes`, `database_bytes`.

    Parameters
    ----------
    url : str
        DAGSTER_PG_URL, in any spelling.

    """
    with connect.session(url) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sqlfiles.load("platform/dagster_sizes").text).fetchall()


def folder_bytes(folder: Path) -> int:
    """Return the bytes of the files under a folder; a file that vanishes meanwhile counts none."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total
