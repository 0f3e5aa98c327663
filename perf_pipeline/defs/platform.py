"""Keeping Dagster itself small, and handing on what the store knows."""

import dagster as dg

from perf_pipeline.exports.defs import export_definitions
from perf_pipeline.platform.defs import platform_definitions


@dg.definitions
def platform() -> dg.Definitions:
    """Return the housekeeping of Dagster's own storage, and the export of metrics."""
    return dg.Definitions.merge(platform_definitions(), export_definitions())
