"""What reports of load tests say in words."""

import pytest

from perf_pipeline.reports.loadtests import health, say
from perf_pipeline.reports.loadtests.trend import Trend


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Trend("p95_ms", 9, 1.0, "worse", 0.5, 0.25, 0.75),
            "gets worse: +50 % over 1 d (95 % interval +25 % to +75 %, 9 runs)",
        ),
        (
            Trend("p95_ms", 10, 0.5, "no trend shown", 0.4, -0.4, 961.0),
            "no trend shown: +40 % over 12 h (95 % interval \N{MINUS SIGN}40 % to without bound,"
            " 10 runs)",
        ),
        (
            Trend("cpu_percent", 10, 1.0, "better", -5.0, None, -1.0),
            "gets better: \N{MINUS SIGN}5.00 points over 1 d (95 % interval without bound to"
            " \N{MINUS SIGN}1.00 points, 10 runs)",
        ),
        (Trend("p95_ms", 3, 1.0, "not enough runs"), "not enough runs for a trend (3 of 8)"),
        (Trend("p95_ms", 30, 0.0, "all at once"), "no trend: all runs began at once"),
    ],
)
def test_a_trend_is_told_with_its_interval(found: Trend, said: str) -> None:
    assert say.trend(found) == said


def test_every_health_has_its_words_and_its_badge() -> None:
    told = {say.word(status) for status in health.WORDS}
    assert len(told) == len(health.WORDS)
    badges = {status: say.badge(status) for status in health.WORDS}
    # only what is known to be well looks well
    assert [status for status, badge in badges.items() if badge == "improvement"] == ["HEALTHY"]


def test_large_changes_are_factors() -> None:
    assert say.relative(0.5) == "+50 %"
    assert say.relative(51.2) == "52.2\N{MULTIPLICATION SIGN}"
    assert say.relative(None) == "\N{EM DASH}"
