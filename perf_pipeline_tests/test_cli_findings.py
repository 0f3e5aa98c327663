"""`perf-pipeline findings ...`: exit codes, what is printed, and what a wrong name leads to."""

import json
import socket

import pytest

from perf_pipeline import cli, settings
from perf_pipeline.regressions.find import find
from perf_pipeline.store import Store
from perf_pipeline_tests.regressions import ledger
from perf_pipeline_tests.regressions.test_find import DEMO_DAY

pytestmark = pytest.mark.server

DAYS = ("--since", "2025-03-01", "--last", "2025-03-03")


def run(
    capsys: pytest.CaptureFixture[str], *arguments: str, target: str = "shop"
) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["findings", *arguments, "--target", target])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(autouse=True)
def of_the_environment(shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    settings.current.cache_clear()


@pytest.fixture(scope="module")
def finding(shared_store: Store) -> str:
    tables, _ = ledger.demo()
    target_id = ledger.write(shared_store, "shop", tables)
    query = "SELECT * FROM hs.work_orders WHERE customer_id = $1"
    ledger.texts(shared_store, target_id, {100: query})
    return str(find(shared_store, "shop", DEMO_DAY, DEMO_DAY).findings["finding_id"].item())


def test_a_finding_is_listed_shown_and_judged(
    finding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "list", *DAYS)
    assert (code, err) == (1, "")
    assert finding[:8] in out
    assert "index_dropped" in out
    assert "FROM hs.work_orders" in out
    code, out, _ = run(capsys, "show", finding[:6])
    assert code == 1
    assert "hs.idx_customer" in out
    assert "nothing was said of it" in out
    code, out, _ = run(capsys, "ack", finding[:6], "--why", "known", "--who", "ann")
    assert (code, "is acknowledged" in out) == (0, True)
    assert run(capsys, "list", *DAYS)[0] == 0
    code, out, _ = run(capsys, "show", finding, "--json")
    assert code == 0
    (row,) = json.loads(out)
    assert (row["verdict"], row["history"][0]["given_by"]) == ("acknowledged", "ann")
    assert row["evidence"]["summary"]
    code, out, _ = run(capsys, "false", finding[:6], "--json")
    assert code == 0
    assert json.loads(out)[0]["verdict"] == "false"
    code, out, _ = run(capsys, "precision", "--json")
    assert code == 0
    assert json.loads(out)[0]["precision"] == 0.0
    assert run(capsys, "clear", finding[:6])[0] == 0
    code, out, _ = run(capsys, "precision")
    assert "index_dropped" in out
    assert run(capsys, "expected", finding)[0] == 0
    assert run(capsys, "list", "--since", "2025-02-01", "--last", "2025-02-02")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ack", "0000"], "'0000' is no finding"),
        (["show", "ab"], "too short"),
        (["list", "--since", "2025-03-03", "--last", "2025-03-01"], "before first day"),
    ],
)
def test_a_wrong_name_or_day_is_bad_input(
    finding: str, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert finding
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert told in err


def test_an_unknown_target_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["list"], ["precision"], ["ack", "abcd"]):
        code, _, err = run(capsys, *command, target="nobody")
        assert code == 2
        assert "'nobody' has no history" in err


def test_a_store_that_does_not_answer_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv("PERF_STORE_URL", f"postgresql://u@127.0.0.1:{port}/d")
        settings.current.cache_clear()
        assert run(capsys, "list")[0] == 3
