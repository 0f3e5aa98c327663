"""Alerts: policies evaluated over measured windows, incidents, and messages that arrive."""
