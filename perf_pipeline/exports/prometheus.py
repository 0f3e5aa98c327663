"""Metrics in Prometheus' formats, and the endpoint that a Prometheus reads."""

import logging
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.exports.gather import PREFIX, Exporter
from perf_pipeline.exports.model import Metric

_LOG = logging.getLogger(__name__)

#: Registered with the Prometheus project's list for PostgreSQL's exporters is 9187; beside it.
PORT: Final = 9188


class StoreCollector(Collector):
    """Hands the store's metrics to a registry; a store that is away is told of, not invented."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield every metric as it is now."""
        began = time.perf_counter()
        up = GaugeMetricFamily(f"{PREFIX}_store_up", "1: the store answered, 0: it did not")
        took = GaugeMetricFamily(f"{PREFIX}_scrape_seconds", "time this answer took to gather")
        try:
            metrics = self._exporter.gather()
        except PerfPipelineError as error:
            _LOG.warning("nothing to export: %s", error)
            metrics = ()
            up.add_metric((), 0)
        else:
            up.add_metric((), 1)
        took.add_metric((), time.perf_counter() - began)
        yield from (up, took)
        yield from map(family, metrics)


def family(metric: Metric) -> CounterMetricFamily | GaugeMetricFamily:
    """Return a metric as prometheus_client has it."""
    names = tuple(metric.points[0].labels) if metric.points else ()
    if metric.kind == "gauge":
        gauge = GaugeMetricFamily(metric.name, metric.help, labels=names)
        for point in metric.points:
            gauge.add_metric([point.labels[name] for name in names], point.value)
        return gauge
    counter = CounterMetricFamily(metric.name, metric.help, labels=names)
    created = metric.since.timestamp() if metric.since else None
    for point in metric.points:
        counter.add_metric([point.labels[name] for name in names], point.value, created=created)
    return counter


def registry(exporter: Exporter) -> CollectorRegistry:
    """Return a registry of the store's metrics alone."""
    made = CollectorRegistry(auto_describe=False)
    made.register(StoreCollector(exporter))
    return made


def text(exporter: Exporter) -> str:
    """Return what the endpoint would answer, in Prometheus' text format."""
    return generate_latest(registry(exporter)).decode()


class Endpoint:
    """An HTTP server on `/metrics` while the context is open.

    Raises
    ------
    ConfigurationError
        The address is taken or not ours.

    """

    def __init__(self, exporter: Exporter, host: str = "127.0.0.1", port: int = PORT) -> None:
        try:
            self._server, self._thread = start_http_server(port, host, registry(exporter))
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port}: {error.strerror or error}",
                "name another address by --listen HOST:PORT",
            ) from error
        self.url = f"http://{host}:{self._server.server_port}/metrics"

    _server: WSGIServer
    _thread: threading.Thread

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
