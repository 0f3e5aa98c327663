"""The configuration file's text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.embedded import config
from perf_pipeline.errors import ConfigurationError

HBA = Path("/somewhere/pg_hba.conf")


def lines(text: str) -> dict[str, str]:
    """Read the file as PostgreSQL does: quotes doubled, backslashes escaped."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.partition(" = ")
            assert value[0] == value[-1] == "'"
            found[name] = value[1:-1].replace("''", "'").replace("\\\\", "\\")
    return found


@given(st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["C", "Zl", "Zp"])))
def test_any_value_survives(value: str) -> None:
    assert lines(config.render(1, HBA, {"cluster_name": value}))["cluster_name"] == value


def test_private_settings_stand() -> None:
    found = lines(config.render(5433, HBA, {"fsync": "off", "work_mem": "1MB"}))
    assert found["listen_addresses"] == "127.0.0.1"
    assert found["unix_socket_directories"] == ""
    assert found["port"] == "5433"
    assert found["hba_file"] == str(HBA)
    assert (found["fsync"], found["work_mem"]) == ("off", "1MB")


@pytest.mark.parametrize("name", [*sorted(config.FIXED), "PORT", "a b", "", "x = 1\ny", "x'"])
def test_refused_names(name: str) -> None:
    with pytest.raises(ConfigurationError, match="embedded server setting"):
        config.render(1, HBA, {name: "x"})


@pytest.mark.parametrize("value", ["a\nport = 1", "a\rb", "a\0b"])
def test_refused_values(value: str) -> None:
    with pytest.raises(ConfigurationError, match="not a setting on one line"):
        config.render(1, HBA, {"work_mem": value})


def test_authentication_is_by_password_over_loopback_only() -> None:
    rules = [line.split() for line in config.HBA.splitlines() if not line.startswith("#")]
    assert rules
    assert {(rule[0], rule[3], rule[4]) for rule in rules} == {
        ("host", "127.0.0.1/32", "scram-sha-256")
    }
