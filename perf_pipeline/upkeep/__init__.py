"""Upkeep of indexes and tables: analyze, reindex, deletes by retention, orphans, bulk mode."""
