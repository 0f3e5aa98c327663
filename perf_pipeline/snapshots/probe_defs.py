"""The sensor that probes targets every half minute."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from perf_pipeline import vocabulary
from perf_pipeline.errors import PerfPipelineError
from perf_pipeline.postgres.target import Target

SENSOR: Final = "probes"
_EVERY_S: Final = 30


def fleet_definitions(targets: Sequence[Target]) -> dg.Definitions:
    """Return the sensor `probes`; nothing where no target promises to be available."""
    promised = [each for each in targets if each.promises.availability_percent is not None]
    if not promised:
        return dg.Definitions()

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=_EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Opens a connection to each target that promises to be available, through its "
        "pool where that is known, every 30 s: 5 s, three more attempts. Writes how long it took, "
        "or that nobody answered, and starts nothing: a run would take longer than an outage.",
    )
    def probes() -> dg.SkipReason:
        from perf_pipeline.snapshots import probe

        try:
            with vocabulary.open_store() as store:
                found = probe.probe_all(store, promised, datetime.now(UTC))
        except PerfPipelineError as error:
            return dg.SkipReason(str(error))
        said = [
            f"{each.target} {each.via}: "
            + (f"{each.ms:.0f} ms" if each.ms is not None else each.wrong or f"AWAY, {each.reason}")
            for each in found
        ]
        return dg.SkipReason("; ".join(said)[:2000])

    return dg.Definitions(sensors=[probes])
