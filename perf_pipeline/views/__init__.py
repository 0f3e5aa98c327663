"""Materialized views: what they rest on, when to refresh them, how, and what it cost."""
