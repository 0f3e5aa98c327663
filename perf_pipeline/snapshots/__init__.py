"""Snapshots: sweep a target's statistics, turn two sweeps into one interval, keep it once."""

from perf_pipeline.snapshots.deltas import interval

__all__ = ["interval"]
