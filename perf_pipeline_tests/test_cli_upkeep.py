"""`perf-pipeline upkeep ...`: planned, done, told, and the exit codes."""

import json
from collections.abc import Callable

import psycopg
import pytest

from perf_pipeline import cli, settings
from perf_pipeline.components import catalog
from perf_pipeline.store import Store
from perf_pipeline_tests.upkeep.shop import OLD, fill, holding, one, target

pytestmark = pytest.mark.server


@pytest.fixture
def url(
    make_database: Callable[..., str], shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> str:
    made = make_database()
    fill(made)
    monkeypatch.setenv("SHOP_URL", made)
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    monkeypatch.setattr(catalog, "declared_target", lambda name: target(name))
    settings.current.cache_clear()
    return made


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["upkeep", *arguments, "--target", "shop"])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_planned_done_and_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(url) as connection:
        due = one(connection, f"SELECT count(*) FROM app.t WHERE done AND {OLD}")
    code, out, _ = run(capsys, "plan")
    assert (code, "rows.delete" in out, "0 left alone" in out) == (0, True, True)
    code, out, _ = run(capsys, "plan", "--json", "--only", "cleanup")
    (step,) = json.loads(out)["steps"]
    assert (code, step["operation"], step["object"]) == (0, "rows.delete", "app.t")
    code, out, _ = run(capsys, "apply", "--json", "--only", "cleanup", "--only", "analyze")
    assert code == 0
    results = json.loads(out)["results"]
    assert [(r["operation"], r["outcome"], r["rows"]) for r in results] == [
        ("rows.delete", "done", due),
        ("table.analyze", "done", None),
    ]
    code, out, _ = run(capsys, "status")
    assert (code, "app.t  " in out, f"{due:,} rows" in out) == (0, True, True)
    code, out, _ = run(capsys, "status", "--json")
    assert len(json.loads(out)["log"]) == 2
    assert run(capsys, "apply", "--only", "cleanup")[1].strip() == "0 done, 0 not"
    code, out, _ = run(capsys, "advice", "--json")
    assert code == 0
    assert {row["index"] for row in json.loads(out)["index_usage"]} == {
        "app.t_pkey",
        "app.t_at",
        "app.t_x",
    }
    assert "transaction ids are" in run(capsys, "advice")[1]


def test_what_is_blocked_or_wrong_has_its_exit_code(
    url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from perf_pipeline.upkeep import apply
    from perf_pipeline_tests.upkeep.shop import BUDGET

    monkeypatch.setattr(apply, "LockBudget", lambda: BUDGET)
    with holding(url, "LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE"):
        code, out, _ = run(capsys, "apply", "--only", "cleanup")
    assert (code, "blocked" in out, "holder" in out) == (1, True, True)
    assert run(capsys, "apply", "--minutes", "0")[0] == 2
    assert run(capsys, "plan", "--only", "everything")[0] == 2
    monkeypatch.setenv("SHOP_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    code, _, err = run(capsys, "plan")
    assert (code, "remedy" in err) == (3, True)
    bare = target("shop").__class__("shop", "SHOP_URL", target("shop").history_start)
    monkeypatch.setattr(catalog, "declared_target", lambda name: bare)
    code, _, err = run(capsys, "status")
    assert (code, "declares no upkeep" in err) == (2, True)
