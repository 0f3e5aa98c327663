"""One target's figures and what is not well, as a document for a monitor of applications; pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from perf_pipeline.exports.model import Metric

#: Of these a document would be pages; they are for Prometheus.
_DETAILED: Final = ("perf_statement_", "perf_table_")


def document(target: str, metrics: Iterable[Metric], now: datetime) -> dict[str, Any]:
    """Return the document of one target.

    Parameters
    ----------
    target : str
    metrics : iterable of Metric
        Of `Exporter.gather`.
    now : datetime
        When they were gathered.

    Returns
    -------
    dict
        `timestamp` (ISO 8601, UTC), `service` (`<target>-database`), `health` (`OK`, `WARNING`,
        `CRITICAL`, or `NO_DATA` while no sweep of the last hour is known), `metrics` (name to
        value, or to values by their labels), and `alerts` (severity and number, none that is 0).

    """
    found: dict[str, Any] = {}
    alerts: dict[str, int] = {}
    for metric in metrics:
        if metric.name.startswith(_DETAILED):
            continue
        for point in metric.points:
            labels = dict(point.labels)
            if labels.pop("target", target) != target:
                continue
            if metric.name == "perf_findings_open" and point.value:
                alerts[labels["severity"]] = int(point.value)
            if labels:
                found.setdefault(metric.name, {})[" ".join(labels.values())] = point.value
            else:
                found[metric.name] = point.value
    return {
        "timestamp": now.isoformat(),
        "service": f"{target}-database",
        "health": _health(found, alerts),
        "metrics": found,
        "alerts": [{"severity": name, "open": count} for name, count in sorted(alerts.items())],
    }


def _health(found: dict[str, Any], alerts: dict[str, int]) -> str:
    if "perf_sweep_timestamp_seconds" not in found:
        return "NO_DATA"
    if "critical" in alerts:
        return "CRITICAL"
    return "WARNING" if "warning" in alerts else "OK"
