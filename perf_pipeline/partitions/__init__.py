"""Partitions of a target: policies, what is, what to do, doing it, and keeping what is dropped."""
