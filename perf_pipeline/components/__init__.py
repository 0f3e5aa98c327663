"""The YAML vocabulary: one `PostgresTarget` block is one watched database."""

from perf_pipeline.components.fleet import fleet_definitions
from perf_pipeline.components.target import PostgresTarget

__all__ = ["PostgresTarget", "fleet_definitions"]
