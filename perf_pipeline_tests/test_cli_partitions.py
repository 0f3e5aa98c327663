import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from perf_pipeline import cli, cli_partitions, settings
from perf_pipeline.partitions.model import Policy, Span
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store

pytestmark = pytest.mark.server
POLICY = Policy(
    "public.t",
    "at",
    every="month",
    premake=1,
    retention=Span(1, "year"),
    then="archive_then_drop",
    fill_gaps=False,
)


@pytest.fixture
def run(
    make_database: Callable[..., str],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, str]]:
    url = make_database()
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE t (at date NOT NULL, n int) PARTITION BY RANGE (at);"
            "CREATE TABLE t_2019_03 PARTITION OF t"
            " FOR VALUES FROM ('2019-03-01') TO ('2019-04-01');"
            "INSERT INTO t VALUES ('2019-03-05', 7)"
        )
    monkeypatch.setenv("YARD_URL", url)
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    monkeypatch.setenv("PERF_ARCHIVE_URL", str(tmp_path / "archive"))
    settings.current.cache_clear()
    declared = (Target("yard", "YARD_URL", date(2026, 1, 1)), (POLICY,))
    monkeypatch.setattr(cli_partitions, "_declared", lambda _: declared)

    def command(*words: str) -> tuple[int, str]:
        code = cli.run(cli.cli, ["partitions", *words, "--target", "yard"])
        return code, capsys.readouterr().out

    return command


def test_plan_apply_and_restore(run: Callable[..., tuple[int, str]]) -> None:
    code, said = run("plan")
    assert code == 1
    assert "archive        public.t_2019_03 [2019-03-01, 2019-04-01)" in said
    code, said = run("apply", "--json")
    done: dict[str, Any] = json.loads(said)
    assert code == 0
    assert [step["kind"] for step in done["done"]] == [
        "create",
        "create",
        "archive",
        "detach",
        "drop",
    ]
    assert run("plan")[0] == 0
    assert run("apply") == (0, "nothing to do\n")
    assert run("restore", "t_2019_03", "--json")[0] == 0
    assert run("restore", "t_1999_01")[0] == 2
    code, said = run("adopt")
    assert code == 0
    assert "every: month" in said
    assert run("convert", "public.nothing")[0] == 2
