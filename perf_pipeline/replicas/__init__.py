"""Replicas: roles, lag, and which server may be read."""
