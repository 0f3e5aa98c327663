"""The asset that writes metrics into files, for monitors that read those."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dagster as dg

from perf_pipeline import settings, vocabulary
from perf_pipeline.jobs import singleton_job, utc_schedule

EXPORT_JOB: Final = "metrics_export"
#: In PERF_HOME.
FOLDER: Final = "exports"


@dg.asset(
    key=dg.AssetKey(["platform", "metrics_export"]),
    group_name=vocabulary.PLATFORM_GROUP,
    tags={"family": "platform"},
    description="One row is one metric of the store, written to `exports/` in PERF_HOME: "
    "`metrics.prom` for node_exporter's textfile collector, `<target>.json` for a monitor of "
    "applications. It reads the store alone, and sends nothing.",
)
def metrics_export(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """Write the files, each whole or not at all."""
    import json

    from perf_pipeline.exports import prometheus
    from perf_pipeline.exports.document import document
    from perf_pipeline.exports.gather import Exporter
    from perf_pipeline.store import whole_file

    folder = settings.current().home_dir / FOLDER
    with vocabulary.explained(), vocabulary.open_store() as store:
        exporter = Exporter(store)
        now = datetime.now(UTC)
        metrics = exporter.gather(now)
        texts = {folder / "metrics.prom": prometheus.text(exporter)}
    targets = sorted({point.labels["target"] for metric in metrics for point in metric.points})
    documents = {target: document(target, metrics, now) for target in targets}
    for target, made in documents.items():
        texts[folder / f"{target}.json"] = json.dumps(made, indent=2) + "\n"
    for path, text in texts.items():
        whole_file.replace(path, text)
    context.log.info("wrote %s files to %s", len(texts), folder)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(metrics),
            "series": sum(len(metric.points) for metric in metrics),
            "folder": dg.MetadataValue.path(Path(folder)),
            "health": vocabulary.table(
                [{"target": name, "health": made["health"]} for name, made in documents.items()]
            ),
        }
    )


def export_definitions() -> dg.Definitions:
    """Return the asset with its job and hourly schedule, which is off until somebody reads it."""
    job = singleton_job(
        EXPORT_JOB,
        dg.AssetSelection.assets(metrics_export),
        "Write the store's metrics into files.",
        max_runtime_s=300,
    )
    hourly = utc_schedule(
        job,
        "7 * * * *",
        "Write the store's metrics into files, seven minutes past each hour.",
        name="metrics_export_hourly",
        running=False,
    )
    return dg.Definitions(assets=[metrics_export], jobs=[job], schedules=[hourly])
