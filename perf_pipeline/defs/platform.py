"""Keeping Dagster itself small."""

import dagster as dg

from perf_pipeline.platform.defs import platform_definitions


@dg.definitions
def platform() -> dg.Definitions:
    """Return the housekeeping of Dagster's own storage."""
    return platform_definitions()
