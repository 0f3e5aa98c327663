"""What Dagster loads: one YAML file per target, the fleet, and the platform."""
