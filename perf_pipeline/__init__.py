"""PostgreSQL performance as Dagster assets."""

__version__ = "0.1.0"
