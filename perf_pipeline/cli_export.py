"""`perf-pipeline export ...`: metrics for Prometheus, OpenTelemetry and monitors, dashboards."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perf_pipeline.cli_parts import print_json, say, told_to_stop
from perf_pipeline.exports.ceiling import MOST, TOP

if TYPE_CHECKING:
    from perf_pipeline.exports.gather import Exporter
    from perf_pipeline.store import Store


@click.group("export")
def export() -> None:
    """Hand what the store knows to other monitors; nothing is asked of a target."""


def _chosen(command: Any) -> Any:
    for option in (
        click.option(
            "--most", default=MOST, show_default=True, help="Statements, and tables, named a day."
        ),
        click.option(
            "--top", default=TOP, show_default=True, help="Of these, named from each interval."
        ),
        click.option("--target", "targets", multiple=True, help="Only this one; may be repeated."),
    ):
        command = option(command)
    return command


def _exporter(store: "Store", targets: tuple[str, ...], top: int, most: int) -> "Exporter":
    from perf_pipeline.exports.ceiling import Ceiling
    from perf_pipeline.exports.gather import Exporter
    from perf_pipeline.store import migrate

    migrate.require_current(store)
    return Exporter(store, Ceiling(top, most), targets or None)


class Address(click.ParamType[tuple[str, int]]):
    """An option that is HOST:PORT."""

    name = "host:port"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        """Read it."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65_535:
            self.fail(f"{value!r} is no address; write it as 127.0.0.1:9188", param, ctx)
        return host.strip("[]"), int(port)


@export.command("prometheus")
@click.option("--listen", type=Address(), help="Serve /metrics there until stopped.")
@_chosen
def prometheus(
    listen: tuple[str, int] | None, targets: tuple[str, ...], top: int, most: int
) -> None:
    """Print the metrics in Prometheus' format, or serve them by --listen."""
    from perf_pipeline.exports import prometheus as out
    from perf_pipeline.store import Store

    with Store() as store:
        exporter = _exporter(store, targets, top, most)
        if listen is None:
            exporter.gather()  # a store that is away is an error here, not a metric
            say(out.text(exporter).rstrip())
            return
        stopped = told_to_stop()
        with out.Endpoint(exporter, *listen) as endpoint:
            say(f"serving {endpoint.url}; Ctrl-C stops it")
            stopped.wait()


@export.command("otlp")
@click.option(
    "--endpoint",
    default="http://127.0.0.1:4318/v1/metrics",
    show_default=True,
    help="The collector's URL of metrics.",
)
@click.option("--every", type=click.IntRange(min=10), help="Send again each so many seconds.")
@_chosen
def otlp(endpoint: str, every: int | None, targets: tuple[str, ...], top: int, most: int) -> None:
    """Send the metrics to an OpenTelemetry collector, by OTLP over HTTP."""
    from perf_pipeline.errors import UnreachableError
    from perf_pipeline.exports import otlp as out
    from perf_pipeline.store import Store

    with Store() as store:
        exporter = _exporter(store, targets, top, most)
        if every is None:
            say(f"{out.push(exporter, endpoint)} points sent to {endpoint}")
            return
        stopped = told_to_stop()
        while not stopped.is_set():
            try:
                say(f"{out.push(exporter, endpoint)} points sent to {endpoint}")
            except UnreachableError as error:
                say(f"not sent, tried again in {every} s: {error}")
            stopped.wait(every)


@export.command("json")
@click.option("--target", required=True, help="The target's name.")
def json_(target: str) -> None:
    """Print one target's figures and open findings as JSON, for a monitor of applications."""
    from datetime import UTC, datetime

    from perf_pipeline.exports.document import document
    from perf_pipeline.store import Store

    now = datetime.now(UTC)
    with Store() as store:
        print_json(document(target, _exporter(store, (target,), 1, 1).gather(now), now))


@export.command("grafana")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of Grafana's provisioning to write into.",
)
@click.option("--grants", is_flag=True, help="Print the role that Grafana reads the store with.")
def grafana(out: Path | None, grants: bool) -> None:
    """Write dashboards of the store, and the data source they read."""
    from perf_pipeline.exports import grafana as made
    from perf_pipeline.postgres import sqlfiles

    if grants:
        say(sqlfiles.load("exports/grafana_grants").text.rstrip())
    if out is not None:
        for path in made.write(out):
            say(str(path))
    if out is None and not grants:
        raise click.UsageError("say where: --out FOLDER, or --grants")
