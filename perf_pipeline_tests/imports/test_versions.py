import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports.versions import number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15", 150_000),
        ("15.4", 150_004),
        ("150004", 150_004),
        (" 18.6 ", 180_006),
        ("PostgreSQL 15.4 (Debian 15.4-1) on x86_64", 150_004),
        ("17beta1", 170_000),
        ("15.4 (Debian 15.4-1.pgdg120+1)", 150_004),
    ],
)
def test_a_version_is_read_however_it_is_written(text: str, expected: int) -> None:
    assert number(text, "x") == expected


@pytest.mark.parametrize("text", ["", "new", "9.6", "1504", "15004", "v15"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--server-version.*not a version"):
        number(text, "--server-version")
