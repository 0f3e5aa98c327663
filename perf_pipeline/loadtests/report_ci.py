"""What `perf-pipeline ci` says of its tests: a table, Markdown for a pull request, JUnit; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

#: Outcome of a test that could not be run at all.
ERROR: Final = "ERROR"
_HEAD: Final = ("test", "outcome", "p95 ms", "tps", "why")


@dataclass(frozen=True)
class Case:
    """One load test of a gate.

    Attributes
    ----------
    name : str
    outcome : str
        State of the execution (OK, SUSPECTED, REGRESSED, NO_BASELINE, NO_DATA), or ERROR.
    passed, blocks : bool
        A test that neither passed nor blocks (no baseline yet, a warning) is told as skipped.
    reason : str
    seconds : float
        The run took, re-runs included.
    execution_ids : tuple of str
        The first is the one that is judged, the others confirm it.
    p95_ms, throughput_tps : float or None

    """

    name: str
    outcome: str
    passed: bool
    blocks: bool
    reason: str
    seconds: float
    execution_ids: tuple[str, ...] = ()
    p95_ms: float | None = None
    throughput_tps: float | None = None


def is_blocked(cases: Sequence[Case]) -> bool:
    """Return whether the gate stays shut: some test blocks, or there was none."""
    return not cases or any(case.blocks for case in cases)


def _cells(case: Case) -> tuple[str, ...]:
    p95 = "-" if case.p95_ms is None else f"{case.p95_ms:.2f}"
    tps = "-" if case.throughput_tps is None else f"{case.throughput_tps:,.1f}"
    return (case.name, case.outcome, p95, tps, case.reason)


def table(cases: Sequence[Case]) -> str:
    """Return a table for a terminal."""
    rows = [_HEAD, *map(_cells, cases)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEAD) - 1)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]))
        for row in rows
    )


def markdown(cases: Sequence[Case], commit: str, branch: str, environment: str) -> str:
    """Return the summary for a pull request."""
    verdict = "blocked" if is_blocked(cases) else "open"
    lines = [
        f"## Load tests: gate {verdict}",
        "",
        f"Commit `{_inline(commit)}`, branch `{_inline(branch)}`, environment {environment}.",
        "",
        f"| {' | '.join(_HEAD)} |",
        f"|{'---|' * len(_HEAD)}",
        *(f"| {' | '.join(map(_cell, _cells(case)))} |" for case in cases),
    ]
    return "\n".join(lines) + "\n"


def _inline(text: str) -> str:
    return " ".join(text.replace("`", "'").split())


def _cell(text: str) -> str:
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return " ".join(safe.replace("|", "\\|").split())


def junit(cases: Sequence[Case]) -> str:
    """Return the tests as JUnit XML: failures block, skipped did neither pass nor block."""
    kinds = [_kind(case) for case in cases]
    suite = ET.Element(
        "testsuite",
        name="perf-pipeline",
        tests=str(len(cases)),
        failures=str(kinds.count("failure")),
        errors=str(kinds.count("error")),
        skipped=str(kinds.count("skipped")),
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    for case, kind in zip(cases, kinds, strict=True):
        element = ET.SubElement(
            suite, "testcase", classname="perf_pipeline.loadtests", name=case.name,
            time=f"{case.seconds:.3f}",
        )  # fmt: skip
        if kind:
            told = ET.SubElement(element, kind, message=_xml(f"{case.outcome}: {case.reason}"))
            told.text = _xml("\n".join(case.execution_ids))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _kind(case: Case) -> str:
    if case.outcome == ERROR:
        return "error"
    if case.blocks:
        return "failure"
    return "" if case.passed else "skipped"


def _xml(text: str) -> str:
    """Leave out what XML 1.0 cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or c >= "\ue000")
