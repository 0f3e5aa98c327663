"""Snapshots: sweep a target's statistics, turn two sweeps into one interval, keep it once."""
