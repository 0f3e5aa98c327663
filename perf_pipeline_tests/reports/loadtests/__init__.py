"""Tests of the reports of load tests."""
