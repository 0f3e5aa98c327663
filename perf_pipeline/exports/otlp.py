"""Metrics by OTLP over HTTP, for collectors that are sent to rather than asked."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import Resource

from perf_pipeline.errors import UnreachableError
from perf_pipeline.exports.gather import Exporter
from perf_pipeline.exports.model import Metric

#: Where a collector on the same machine listens (OTLP's registered port).
ENDPOINT: Final = "http://127.0.0.1:4318/v1/metrics"
_PATIENCE_MS: Final = 10_000


class _Sender(OTLPMetricExporter):
    """Says where sums begin, and remembers whether all was taken.

    The SDK lets a sum begin where its instrument was made, which is now, at each sending; who
    receives it would take each for a new one and add them up. And its reader logs a refusal and
    says nothing of it.
    """

    taken = False

    def __init__(self, endpoint: str, metrics: Iterable[Metric]) -> None:
        super().__init__(endpoint=endpoint, timeout=_PATIENCE_MS // 1000)
        self._since = {each.name: each.since for each in metrics if each.since is not None}

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = _PATIENCE_MS, **more: Any
    ) -> MetricExportResult:
        for resource in metrics_data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    since = self._since.get(metric.name)
                    if since is not None:
                        _begin(metric.data.data_points, int(since.timestamp()) * 1_000_000_000)
        result = super().export(metrics_data, timeout_millis, **more)
        self.taken = result is MetricExportResult.SUCCESS
        return result


def push(exporter: Exporter, endpoint: str = ENDPOINT) -> int:
    """Send every metric as it is now, once.

    Counters are cumulative and begin anew at midnight UTC, as in `exports.ceiling`.

    Parameters
    ----------
    exporter : Exporter
    endpoint : str
        The collector's URL of metrics; headers and certificates come from OpenTelemetry's own
        variables (`OTEL_EXPORTER_OTLP_HEADERS`, ...).

    Returns
    -------
    int
        Points sent.

    Raises
    ------
    UnreachableError
        The collector did not take them; or the store cannot be read.

    """
    metrics = exporter.gather()
    sender = _Sender(endpoint, metrics)
    # only when told to
    reader = PeriodicExportingMetricReader(sender, export_interval_millis=float("inf"))
    provider = MeterProvider(
        [reader],
        resource=Resource.create({"service.name": "perf-pipeline"}),
        shutdown_on_exit=False,
    )
    try:
        meter = provider.get_meter("perf_pipeline")
        for metric in metrics:
            make = (
                meter.create_observable_counter
                if metric.kind == "counter"
                else meter.create_observable_gauge
            )
            make(metric.name, [_callback(metric)], description=metric.help)
        reader.force_flush(_PATIENCE_MS)
    finally:
        provider.shutdown(_PATIENCE_MS)
    if not sender.taken:
        raise UnreachableError(
            f"the collector at {endpoint} did not take the metrics",
            "see that it listens there and takes OTLP over HTTP; most URLs end in /v1/metrics",
        )
    return sum(len(metric.points) for metric in metrics)


def _begin(points: Sequence[Any], nanoseconds: int) -> None:
    """Let points of a sum begin at an instant; the SDK's are lists of frozen records."""
    if isinstance(points, list):
        points[:] = [replace(point, start_time_unix_nano=nanoseconds) for point in points]


def _callback(metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(point.value, dict(point.labels)) for point in metric.points]

    return observe
