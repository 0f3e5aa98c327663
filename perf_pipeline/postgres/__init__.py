"""Talking to any PostgreSQL 14-18: sessions, SQL files, catalog, COPY, locks, versions."""
