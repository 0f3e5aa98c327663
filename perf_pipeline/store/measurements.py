"""What parts of ours measure of a target beside the sweeps: `monitoring.measurements`."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from perf_pipeline.store.engine import Store


def note(
    store: Store,
    target: str,
    metric: str,
    values: Mapping[str, float],
    ts: datetime | None = None,
) -> None:
    """Keep one reading of a metric, for alerts.

    Parameters
    ----------
    store : Store
        At revision 0005 or later.
    target : str
    metric : str
        As in `perf_pipeline.alerts.metrics`.
    values : Mapping of subject to float
        Of each thing that was measured, '' for the target as a whole. What could not be measured
        is left out: absent, never zero. Nothing is written where it is empty.
    ts : datetime, optional
        Aware; default: now.

    """
    known = {subject: float(v) for subject, v in values.items() if math.isfinite(v)}
    if not known:
        return
    store.rows(
        "measurement_note",
        {
            "target": target,
            "metric": metric,
            "subjects": list(known),
            "numbers": list(known.values()),
            "ts": ts or datetime.now(UTC),
        },
    )
