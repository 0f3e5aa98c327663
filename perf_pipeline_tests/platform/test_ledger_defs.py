"""The nightly run: what it moves, what it says, and when its checks fail."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from perf_pipeline import settings
from perf_pipeline.platform import ledger_defs
from perf_pipeline.store import Store, archive, partitions, place
from perf_pipeline.store.archive import Moved, Outcome
from perf_pipeline.store.archive_check import Condition
from perf_pipeline_tests.store.filling import fill

FINE = Condition((), (), (), (), 0)


def today() -> date:
    """Return the day it is when a test runs, which may be one after that of its collection."""
    return datetime.now(UTC).date()


@pytest.fixture
def settled(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return the store that the asset opens."""
    monkeypatch.setenv("PERF_STORE_URL", store.url)
    settings.current.cache_clear()
    return store


def materialize() -> tuple[dict[str, object], dict[str, bool]]:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([ledger_defs.ledger_archive], instance=instance)
    (event,) = result.asset_materializations_for_node("platform__ledger_archive")
    checks = {c.check_name: c.passed for c in result.get_asset_check_evaluations()}
    return {name: value.value for name, value in event.metadata.items()}, checks


@pytest.mark.server
def test_a_night_moves_days_and_makes_tomorrow(settled: Store) -> None:
    fill(settled, "one", today() - timedelta(days=15), 3, ("statements", "tables"))
    fill(settled, "one", today() - timedelta(days=1), 3, ("statements",))
    figures, checks = materialize()
    assert checks == {ledger_defs.WHOLE: True, ledger_defs.IN_TIME: True}
    assert figures["dagster/row_count"] == 2
    assert figures["moved_rows"] == 6
    assert figures["moved_archive_bytes"] == figures["archive_bytes"] > 0
    assert figures["hot_first_day"] == str(today() - timedelta(days=1))
    starts = {part.start for part in archive.held(settled) if part.is_daily}
    assert today() + timedelta(days=1) in starts
    with settled.begin() as connection:
        assert partitions.ensure(connection, today() + timedelta(days=1)) == 0
    figures, checks = materialize()
    assert figures["dagster/row_count"] == 0
    assert figures["partitions_made"] == 0


@pytest.mark.server
def test_the_checks_fail_for_a_lost_file_and_for_a_day_that_stays(
    settled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(settled, "one", today() - timedelta(days=15), 3, ("statements",))
    materialize()
    files = place.current()
    (path,) = files.sizes()
    files.delete(path)
    fill(settled, "one", today() - timedelta(days=17), 3, ("statements",))
    monkeypatch.setattr(archive, "PAUSES_S", (0.0,))
    with settled.begin() as reader:
        reader.execute("SELECT FROM ledger.statements")
        _, checks = materialize()
    assert checks == {ledger_defs.WHOLE: False, ledger_defs.IN_TIME: False}


@pytest.mark.parametrize(
    ("done", "found", "failing", "says"),
    [
        (Outcome(failures=("p: holds 1",)), FINE, ledger_defs.WHOLE, "failures: p: holds 1"),
        (Outcome(), Condition((), (), ("f",), (), 1), ledger_defs.WHOLE, "damaged: f"),
        (Outcome(), Condition(("f",), (), (), (), 1), ledger_defs.WHOLE, "missing: f"),
        (Outcome(), Condition((), ("f",), (), (), 1), ledger_defs.IN_TIME, "strange: f"),
        (Outcome(), Condition((), (), (), ("d",) * 7, 1), ledger_defs.IN_TIME, "and 2 more"),
    ],
)
def test_each_problem_fails_its_check(
    done: Outcome, found: Condition, failing: str, says: str
) -> None:
    results = {result.check_name: result for result in ledger_defs.results(done, found)}
    assert {name for name, result in results.items() if not result.passed} == {failing}
    assert says in str(results[failing].description)


def test_busy_partitions_fail_nothing_for_two_days() -> None:
    assert all(r.passed for r in ledger_defs.results(Outcome(busy=("p",)), FINE))


def test_the_largest_are_listed_first() -> None:
    day = date(2026, 11, 1)
    made = ledger_defs.archive_metadata(
        Outcome((Moved("tables", day, 1, 1, 10, 1), Moved("statements", day, 2, 1, 20, 3)))
    )
    table = made["moved"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [record.data["table"] for record in table.records] == ["statements", "tables"]
    assert made["moved_archive_bytes"] == 4
