"""Everything that concerns all targets: collection, the sensor of due reports, their jobs."""

import dagster as dg

from perf_pipeline.components import fleet_definitions


@dg.definitions
def fleet(context: dg.ComponentLoadContext) -> dg.Definitions:
    """Return the fleet's definitions over every target of this folder."""
    return fleet_definitions(context)
