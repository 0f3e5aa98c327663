"""Capacity: trends with honest intervals, and the days until something is full."""
