"""Our own database: ledger, state, texts, rollups, baselines, findings, reports."""

from perf_pipeline.store.engine import Store

__all__ = ["Store"]
