"""Every knob is read, bounded, documented, and nothing else is documented."""

import json
import re
from pathlib import Path

import pytest

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.invalidation.sinks import SinkPolicy, servers
from perf_pipeline.postgres.connect import Limits
from perf_pipeline.store import Store

README = Path(__file__).resolve().parents[1] / "README.md"


def documented() -> set[str]:
    return set(re.findall(r"^\| `(PERF_[A-Z_]+)` \|", README.read_text("utf-8"), re.MULTILINE))


def test_the_readme_lists_every_setting_and_no_other() -> None:
    assert documented() == {f"PERF_{name.upper()}" for name in settings.Settings.model_fields}


def test_defaults_are_those_of_the_readme() -> None:
    text = README.read_text("utf-8")
    chosen = settings.Settings()
    numbers = [name for name, value in chosen if isinstance(value, int)]
    assert len(numbers) > 8
    for name in numbers:
        assert f"| `PERF_{name.upper()}` | {getattr(chosen, name)} |" in text


def test_limits_of_a_session_are_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_STATEMENT_TIMEOUT_MS", "1234")
    monkeypatch.setenv("PERF_LOCK_TIMEOUT_MS", "56")
    monkeypatch.setenv("PERF_CONNECT_TIMEOUT_S", "7")
    settings.current.cache_clear()
    assert Limits.from_settings() == Limits(1234, 56, 7)


def test_threads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_COLLECTION_THREADS", "3")
    assert settings.load().collection_threads == 3
    monkeypatch.setenv("PERF_COLLECTION_THREADS", "0")
    with pytest.raises(ConfigurationError, match="PERF_COLLECTION_THREADS='0'"):
        settings.load()


def test_redis_url_is_where_a_sink_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_REDIS_URL", "redis://127.0.0.1:1/2")
    monkeypatch.setenv("OTHER_REDIS", "redis://127.0.0.1:1/3")
    assert servers.url_of(SinkPolicy("redis")) == "redis://127.0.0.1:1/2"
    assert servers.url_of(SinkPolicy("redis", url_env="OTHER_REDIS")) == "redis://127.0.0.1:1/3"


def test_store_url_wins_over_the_embedded_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_STORE_URL", "postgresql+psycopg://u@127.0.0.1:1/s")
    settings.current.cache_clear()
    assert Store().url == "postgresql://u@127.0.0.1:1/s"


def test_embedded_url_is_read_from_its_endpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PERF_HOME", str(tmp_path))
    settings.current.cache_clear()
    with pytest.raises(UnreachableError, match="embedded server is not running"):
        settings.store_url()
    (tmp_path / "embedded").mkdir()
    endpoint = {"host": "127.0.0.1", "port": 5, "user": "perf", "password": "a/b@c"}
    (tmp_path / "embedded" / settings.ENDPOINT_FILE).write_text(json.dumps(endpoint))
    assert settings.store_url() == "postgresql://perf:a%2Fb%40c@127.0.0.1:5/perf_store"


def test_pg_bin_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from perf_pipeline.embedded import example

    monkeypatch.setenv("PERF_PG_BIN", str(tmp_path / "nothing"))
    settings.current.cache_clear()
    with pytest.raises(ConfigurationError, match="nothing"), example.house():
        pytest.fail("the house must not open")
