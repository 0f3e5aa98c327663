"""Measure a target's metrics in the store, at one instant or at many."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.alerts.metrics import metric_of
from perf_pipeline.alerts.model import Policy
from perf_pipeline.alerts.state import Measured
from perf_pipeline.postgres import sqlfiles


def measure(
    connection: psycopg.Connection[Any],
    target: str,
    target_id: int | None,
    policies: Iterable[Policy],
    ends: Sequence[datetime],
) -> Mapping[datetime, Sequence[Measured]]:
    """Return what each policy's metric was at each instant.

    One statement per policy, whatever the number of instants, all in one round trip: a simulation
    measures by the same statement as the sensor.

    Parameters
    ----------
    connection : psycopg.Connection
        On the store.
    target : str
    target_id : int or None
        None: it was never swept.
    policies : iterable of Policy
    ends : sequence of datetime
        Aware.

    Returns
    -------
    Mapping of datetime to sequence of Measured
        Of each instant what was measured; what could not be is not there, or its value is None.

    """
    asked = list(policies)
    found: dict[datetime, list[Measured]] = defaultdict(list)
    # before libpq 14 there is no pipeline; then each statement is a round trip
    together = connection.pipeline() if psycopg.Pipeline.is_supported() else nullcontext()
    cursors = []
    with together:
        for policy in asked:
            metric = metric_of(policy.metric)
            cursor = connection.cursor(row_factory=dict_row)
            cursor.execute(
                sqlfiles.load(f"alerts/metrics/{metric.sql}").text,
                {
                    **metric.parameters,
                    **policy.parameters,
                    "target": target,
                    "target_id": target_id,
                    "ends": list(ends),
                    "window_s": 60.0 * policy.window_minutes,
                    "stale_s": policy.stale_s,
                },
            )
            cursors.append(cursor)
    for policy, cursor in zip(asked, cursors, strict=True):
        for row in cursor.fetchall():
            found[row["finish"]].append(_measured(policy, row))
    return found


def _measured(policy: Policy, row: Mapping[str, Any]) -> Measured:
    value = row["value"]
    return Measured(
        policy.name,
        row["subject"],
        row["as_of"],
        None if value is None else float(value),
        float(row["samples"] or 0),
        row["cause"],
        row["told"] or "",
    )
