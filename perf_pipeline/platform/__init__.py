"""Keeping Dagster itself well: its storage, its home folder, its old runs."""
