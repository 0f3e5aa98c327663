"""One target's figures and what is not well, as a document for a monitor of applications; pure."""

from collections.abc import Container, Iterable
from datetime import datetime
from typing import Any, Final

from perf_pipeline.exports.model import Metric

#: Of these a document would be pages; they are for Prometheus.
_DETAILED: Final = ("perf_statement_", "perf_table_")
_INCIDENTS: Final = "perf_incidents_"


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
        value, or to values by their labels), `alerts` (findings: severity and number, none that is
        0), and `incidents` (likewise, with those that nobody has taken as `untaken`).

    """
    found: dict[str, Any] = {}
    alerts: dict[str, int] = {}
    incidents: dict[str, dict[str, int]] = {}
    for metric in metrics:
        if metric.name.startswith(_DETAILED):
            continue
        for point in metric.points:
            labels = dict(point.labels)
            if labels.pop("target", target) != target:
                continue
            if metric.name == "perf_findings_open" and point.value:
                alerts[labels["severity"]] = int(point.value)
            if metric.name.startswith(_INCIDENTS):
                kind = metric.name.removeprefix(_INCIDENTS)
                incidents.setdefault(labels["severity"], {})[kind] = int(point.value)
            if labels:
                found.setdefault(metric.name, {})[" ".join(labels.values())] = point.value
            else:
                found[metric.name] = point.value
    return {
        "timestamp": now.isoformat(),
        "service": f"{target}-database",
        "health": _health(
            found, {*alerts, *(level for level, counts in incidents.items() if counts.get("open"))}
        ),
        "metrics": found,
        "alerts": [{"severity": name, "open": count} for name, count in sorted(alerts.items())],
        "incidents": [
            {
                "severity": name,
                "open": counts["open"],
                "untaken": counts["open"] - counts.get("acknowledged", 0),
            }
            for name, counts in sorted(incidents.items())
            if counts.get("open")
        ],
    }


def _health(found: dict[str, Any], alerts: Container[str]) -> str:
    if "perf_sweep_timestamp_seconds" not in found:
        return "NO_DATA"
    if "critical" in alerts:
        return "CRITICAL"
    return "WARNING" if "warning" in alerts else "OK"
