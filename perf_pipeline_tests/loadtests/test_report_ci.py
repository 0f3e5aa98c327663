from typing import Any
from xml.etree import ElementTree as ET

import pytest

from perf_pipeline.loadtests import report_ci
from perf_pipeline.loadtests.report_ci import Case


def case(**changes: Any) -> Case:
    usual = {
        "name": "peak", "outcome": "OK", "passed": True, "blocks": False, "reason": "within",
        "seconds": 2.5, "execution_ids": ("one",), "p95_ms": 12.345, "throughput_tps": 1234.5,
    }  # fmt: skip
    return Case(**(usual | changes))


FIRST = case(name="first", outcome="NO_BASELINE", passed=False, reason="no baseline yet")
WORSE = case(
    name="worse", outcome="REGRESSED", passed=False, blocks=True, reason="p95 +80 % | <tps>"
)
BROKEN = case(
    name="broken", outcome="ERROR", passed=False, blocks=True, reason="no table\x00",
    p95_ms=None, throughput_tps=None, execution_ids=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("cases", "blocked"),
    [
        ([case()], False),
        ([case(), FIRST], False),
        ([case(), WORSE], True),
        ([BROKEN], True),
        # a gate that looked at nothing is not open
        ([], True),
    ],
)
def test_the_gate_is_open_only_when_nothing_blocks(cases: list[Case], blocked: bool) -> None:
    assert report_ci.is_blocked(cases) is blocked


def test_the_table_lines_up() -> None:
    lines = report_ci.table([case(), BROKEN]).splitlines()
    assert lines[0].split() == ["test", "outcome", "p95", "ms", "tps", "why"]
    assert lines[1].split()[:4] == ["peak", "OK", "12.35", "1,234.5"]
    assert lines[2].split()[:4] == ["broken", "ERROR", "-", "-"]
    assert (
        len({line.index(word) for line, word in zip(lines, ("why", "within", "no"), strict=True)})
        == 1
    )


def test_markdown_holds_whatever_is_named() -> None:
    text = report_ci.markdown([case(), WORSE], "abc`1", "fix/<b>", "staging")
    assert text.startswith("## Load tests: gate blocked\n")
    assert "Commit `abc'1`, branch `fix/<b>`, environment staging." in text
    assert "p95 +80 % \\| &lt;tps>" in text
    assert report_ci.markdown([case()], "a", "b", "staging").startswith("## Load tests: gate open")


def test_junit_tells_failed_from_skipped() -> None:
    suite = ET.fromstring(report_ci.junit([case(), FIRST, WORSE, BROKEN]))  # noqa: S314  # ours
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "4", "failures": "1", "errors": "1", "skipped": "1"}
    assert [[kind.tag for kind in each] for each in suite] == [
        [],
        ["skipped"],
        ["failure"],
        ["error"],
    ]
    (failure,) = suite.iter("failure")
    assert failure.get("message") == "REGRESSED: p95 +80 % | <tps>"
    assert failure.text == "one"
