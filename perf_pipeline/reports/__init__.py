"""The regression report of one target and UTC day: one HTML file, and Markdown for Dagster."""
