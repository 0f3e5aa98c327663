"""Detect, judge and explain changes in performance.

The public functions are loaded on first use: Dagster imports this package on every run, most of
which detect nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perf_pipeline.regressions.detectable import judgeable
    from perf_pipeline.regressions.detector import detect, detect_arrays
    from perf_pipeline.regressions.evidence import false_discovery

__all__ = ["detect", "detect_arrays", "false_discovery", "judgeable"]


def __getattr__(name: str) -> object:
    if name == "detect":
        from perf_pipeline.regressions.detector import detect

        return detect
    if name == "detect_arrays":
        from perf_pipeline.regressions.detector import detect_arrays

        return detect_arrays
    if name == "false_discovery":
        from perf_pipeline.regressions.evidence import false_discovery

        return false_discovery
    if name == "judgeable":
        from perf_pipeline.regressions.detectable import judgeable

        return judgeable
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
