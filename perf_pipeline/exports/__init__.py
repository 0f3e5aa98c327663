"""Exports: Prometheus, OpenTelemetry, JSON and Grafana, with a ceiling of cardinality."""
