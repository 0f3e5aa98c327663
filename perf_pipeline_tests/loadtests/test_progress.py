"""What pgbench says while it runs, in the words of each version."""

import pytest

from perf_pipeline.loadtests import progress
from perf_pipeline.loadtests.progress import Sample


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        (
            "progress: 1.0 s, 4321.9 tps, lat 0.229 ms stddev 0.101",  # 14
            Sample(1.0, 4321.9, 0.229, None),
        ),
        (
            "progress: 10.0 s, 20.1 tps, lat 3.100 ms stddev 1.000, 2 failed, lag 0.123 ms",
            Sample(10.0, 20.1, 3.1, 2),
        ),
        ("progress: 2.0 s, 0.0 tps, lat 0.000 ms stddev 0.000, 0 failed", Sample(2.0, 0, None, 0)),
    ],
)
def test_a_line_is_read(line: str, sample: Sample) -> None:
    assert progress.parse(f"pgbench (18.1)\n{line}\n") == [sample]


def test_a_line_that_is_not_written_yet_waits() -> None:
    text = "progress: 1.0 s, 5.0 tps, lat 1.0 ms stddev 0.1, 0 failed\nprogress: 2.0 s, 5.0 tp"
    assert [each.at_s for each in progress.parse(text)] == [1.0]


def test_a_short_stage_says_something_a_long_one_not_too_much() -> None:
    assert [progress.every(seconds) for seconds in (1, 6, 30, 1800)] == [1, 2, 10, 10]
