"""`perf-pipeline example create`: what it makes, says and refuses."""

import json
from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline import cli
from perf_pipeline.examples.systems import SYSTEMS


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["example", "create", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_each_system_has_a_command_with_its_described_size(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, system in SYSTEMS.items():
        code, out, _ = run(capsys, name, "--help")
        assert code == 0
        for value in vars(system.make_size()).values():
            assert f"[default: {value}; x>=1]" in " ".join(out.split())


@pytest.mark.server
def test_a_system_is_created_by_url_and_by_target(
    capsys: pytest.CaptureFixture[str],
    make_database: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = make_database()
    small = ("omninode", "--events", "200", "--days", "2")
    code, out, _ = run(capsys, *small, "--url", url, "--json")
    assert code == 0
    made = json.loads(out)
    assert made["created"]
    assert made["rows"] == sum(made["tables"].values())
    assert made["rows_per_second"] == pytest.approx(made["rows"] / made["seconds"])
    with psycopg.connect(url) as connection:
        counted = connection.execute("SELECT count(*) FROM omninode.hook_events").fetchone()
    assert counted == (made["tables"]["omninode.hook_events"],)
    monkeypatch.setenv("OMNINODE_URL", url)
    code, out, _ = run(capsys, *small)
    assert code == 0
    assert "0 files applied" in out
    assert "rows were there already" in out


@pytest.mark.server
def test_production_and_impossible_sizes_are_refused(
    capsys: pytest.CaptureFixture[str], make_database: Callable[..., str]
) -> None:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as connection:
        name = psycopg.sql.Identifier(connection.info.dbname)
        connection.execute(
            psycopg.sql.SQL("ALTER DATABASE {} SET perf_pipeline.environment = 'prod'").format(name)
        )
    code, _, err = run(capsys, "menuca", "--url", url)
    assert code == 2
    assert "marked as production" in err
    code, _, err = run(capsys, "thorbis", "--url", url, "--tenants", "3")
    assert code == 2
    assert "businesses=3 is too small" in err
    assert run(capsys, "guardian", "--url", url, "--years", "0")[0] == 2
    code, _, err = run(capsys, "guardian", "--url", url, "--target", "guardian")
    assert code == 2
    assert "--target and --url" in err
    code, _, err = run(capsys, "guardian", "--url", "postgresql://nobody@127.0.0.1:1/nothing")
    assert code == 3
