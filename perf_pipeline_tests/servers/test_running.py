"""Servers of other majors: what is prepared, and what a test is told where one cannot be had."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import UnreachableError
from perf_pipeline_tests.servers import running
from perf_pipeline_tests.servers.running import MAJORS, Servers, majors_asked_for


def nothing(_major: int) -> Path:
    raise UnreachableError("no route to the registry", "connect")


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Servers:
    monkeypatch.setattr(running.fetch, "ensure", nothing)
    return Servers(EmbeddedServer(tmp_path / "default"), 18, tmp_path, {})


def test_the_suites_own_server_stands_for_its_major(servers: Servers, tmp_path: Path) -> None:
    servers.prepare([18])
    assert servers.of(18).directory == tmp_path / "default"
    servers.stop()


def test_one_that_cannot_be_had_is_left_out(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "REQUIRED", False)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL 14 cannot be had: no route"):
        servers.of(14)
    servers.stop()


def test_where_all_are_required_it_fails(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "REQUIRED", True)
    with pytest.raises(pytest.fail.Exception, match=r"PERF_VERSIONS_REQUIRED=1.* 14 cannot be had"):
        servers.of(14)


def test_programs_of_another_major_are_noticed(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16.4'\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(running.fetch, "ensure", lambda _major: tmp_path)
    with pytest.raises(AssertionError, match="are 16, not 15"):
        servers.of(15)


def test_majors_that_collected_tests_ask_for() -> None:
    def item(**parameters: object) -> Any:
        return SimpleNamespace(callspec=SimpleNamespace(params=parameters))

    items = [item(each_major=16), item(other=1), SimpleNamespace(), item(each_major=14)]
    assert majors_asked_for(items) == [14, 16]
    assert MAJORS == (14, 15, 16, 17, 18)
