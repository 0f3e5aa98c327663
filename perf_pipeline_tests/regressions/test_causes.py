"""Each kind of cause on rows of a ledger: named where its evidence is, and not where it is not."""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from perf_pipeline.regressions.find import find
from perf_pipeline.snapshots.rollup import roll_up
from perf_pipeline.store import Store, happenings
from perf_pipeline_tests.regressions import ledger
from perf_pipeline_tests.regressions.test_find import DEMO_DAY

pytestmark = pytest.mark.server

Tables = dict[str, pl.DataFrame]
TEXT = "SELECT * FROM hs.work_orders AS w JOIN hs.mv_busy USING (id) WHERE w.customer_id = $1"
TEXTS = {
    100: TEXT,
    101: "SELECT count(*) FROM hs.invoices",
    900: "REFRESH MATERIALIZED VIEW hs.mv_busy",
}


class Case:
    """A ledger of a minute of sweeps in which statement 100 gets slower half-way."""

    def __init__(self, *, reading: bool = True) -> None:
        tables, self.onset = ledger.demo()
        self.tables: Tables = {name: tables[name] for name in ("sweeps", "statements")}
        self.ends: list[datetime] = tables["sweeps"]["ts"].to_list()
        # all that a call took longer was reading
        slow = (pl.col("queryid") == 100) & (pl.col("ts") >= self.onset)
        self.tables["statements"] = self.tables["statements"].with_columns(
            blk_read_time=pl.when(slow & pl.lit(reading))
            .then(pl.col("total_exec_time") * 0.95)
            .otherwise(0.001),
            blk_write_time=pl.lit(0.0),
            shared_blks_read=pl.lit(0),
            shared_blks_hit=pl.col("calls") * 40,
            rows=pl.col("calls"),
        )

    def after(self) -> pl.Expr:
        return pl.col("ts") >= self.onset

    def add(self, table: str, calm: Mapping[str, Any], upset: Mapping[str, Any]) -> None:
        """Give every sweep a row: one of calm values before the onset, one of others from it on."""
        rows = [{"ts": ts, **(upset if ts >= self.onset else calm)} for ts in self.ends]
        frame = pl.DataFrame(rows)
        if table == "statements":
            frame = pl.concat([self.tables["statements"], frame], how="diagonal_relaxed")
        self.tables[table] = frame

    def sweeps(self, **columns: Any) -> None:
        """Let columns of the sweeps change at the onset: (before, after)."""
        self.tables["sweeps"] = self.tables["sweeps"].with_columns(
            **{
                name: pl.when(self.after()).then(pl.lit(new)).otherwise(pl.lit(old))
                for name, (old, new) in columns.items()
            }
        )

    def causes(self, store: Store) -> dict[str, dict[str, Any]]:
        """Write the ledger, find, and return the causes of the statement's finding by kind."""
        name = f"shop_{next(NUMBERS)}"
        texts(store, ledger.write(store, name, self.tables))
        return found(store, name)


NUMBERS = itertools.count()


def texts(store: Store, target_id: int) -> None:
    with store.begin() as connection:
        for queryid, query in TEXTS.items():
            connection.execute(
                "INSERT INTO ledger.query_texts VALUES (%s, %s, now()) ON CONFLICT DO NOTHING",
                (f"h{queryid}", query),
            )
            connection.execute(
                "INSERT INTO ledger.statement_texts VALUES (%s, 5, 10, %s, %s)",
                (target_id, queryid, f"h{queryid}"),
            )


def found(store: Store, target: str) -> dict[str, dict[str, Any]]:
    rows = find(store, target, DEMO_DAY, DEMO_DAY).findings.filter(pl.col("queryid") == 100)
    (text,) = rows["causes"].to_list()
    return {cause["kind"]: cause for cause in json.loads(text)}


@pytest.fixture
def store(shared_store: Store) -> Store:
    """Return one store for all cases: each is a target of its own."""
    return shared_store


Change = Callable[[Case], None]
EXACT = {"quality": "exact"}
LOCK = {
    "pid": 7,
    "blocker_pid": 8,
    "locktype": "relation",
    "mode": "RowExclusiveLock",
    "schema_name": "hs",
    "relation_name": "work_orders",
    "blocker_queryid": 555,
    "blocker_application_name": "nightly",
    "is_cycle": False,
    "behind_root": 4,
}


def restart(case: Case) -> None:
    case.sweeps(postmaster_start=(datetime(2025, 3, 1), datetime(2025, 3, 3, 12)))


def failover(case: Case) -> None:
    case.sweeps(timeline=(1, 2))


def imported_restart(case: Case) -> None:
    restart(case)
    case.sweeps(source=("imported", "imported"))


def reset(case: Case) -> None:
    case.sweeps(database_stats_reset=(datetime(2025, 3, 1), datetime(2025, 3, 3, 12)))


def refresh(case: Case) -> None:
    row = ledger.statement([case.onset], [80.0], 900, calls=1, quality="first_seen")
    case.tables["statements"] = pl.concat([case.tables["statements"], row], how="diagonal_relaxed")


def checkpoints(case: Case) -> None:
    row = {**EXACT, "process": "checkpointer"}
    case.add(
        "checkpointer", {**row, "checkpoints_requested": 0}, {**row, "checkpoints_requested": 1}
    )


def wal(case: Case) -> None:
    case.add("wal", {**EXACT, "wal_bytes": 1_000}, {**EXACT, "wal_bytes": 90_000_000})


def host(case: Case, **upset: float) -> None:
    calm = {f"cpu_{kind}_seconds": 0.1 for kind in ("user", "system", "iowait", "steal")}
    calm |= {"cpu_idle_seconds": 3.0, "disk_read_bytes": 1_000, "disk_write_bytes": 1_000}
    calm |= {"swap_in_bytes": 0, "swap_out_bytes": 0}
    case.add("host", {**EXACT, **calm}, {**EXACT, **calm, **upset})


def disk_waits(case: Case) -> None:
    host(case, cpu_iowait_seconds=2.0, cpu_idle_seconds=1.0)


def disk(case: Case) -> None:
    host(case, disk_read_bytes=400_000_000)


def swapping(case: Case) -> None:
    host(case, swap_in_bytes=80_000_000)


def processors(case: Case) -> None:
    host(case, cpu_user_seconds=5.0, cpu_idle_seconds=0.0)


def connections(case: Case) -> None:
    case.add("database", {**EXACT, "numbackends": 9}, {**EXACT, "numbackends": 90})


def lag(case: Case) -> None:
    row = {"direction": "sends", "sync_state": "sync"}
    case.add("replication", {**row, "replay_lag_seconds": 0.1}, {**row, "replay_lag_seconds": 40.0})


def lock_waits(case: Case) -> None:
    case.add("locks", {**LOCK, "queryid": 101}, {**LOCK, "queryid": 100})


def neighbour(case: Case) -> None:
    case.tables["statements"] = pl.concat(
        [
            case.tables["statements"],
            ledger.statement(
                case.ends,
                [2.0] * 60,
                500,
                calls=[5 if ts < case.onset else 900 for ts in case.ends],
            ),
        ],
        how="diagonal_relaxed",
    )


def growth(case: Case) -> None:
    table = {**EXACT, "relid": 9, "schema_name": "hs", "table_name": "work_orders"}
    case.add("tables", {**table, "n_live_tup": 50_000}, {**table, "n_live_tup": 400_000})


def bloat(case: Case) -> None:
    table = {**EXACT, "relid": 9, "schema_name": "hs", "table_name": "work_orders"}
    table["n_live_tup"] = 50_000
    case.add("tables", {**table, "relpages": 2_000}, {**table, "relpages": 9_000})


def plan(case: Case) -> None:
    case.tables["statements"] = case.tables["statements"].with_columns(
        shared_blks_hit=pl.when(self_slow(case))
        .then(pl.col("calls") * 4000)
        .otherwise(pl.col("shared_blks_hit"))
    )
    table = {**EXACT, "relid": 9, "schema_name": "hs", "table_name": "work_orders"}
    case.add(
        "tables",
        {**table, "seq_tup_read": 0, "idx_scan": 40},
        {**table, "seq_tup_read": 90_000, "idx_scan": 1},
    )


def self_slow(case: Case) -> pl.Expr:
    return (pl.col("queryid") == 100) & case.after()


CHANGES: dict[str, tuple[Change, str, str]] = {
    "server_restarted": (restart, "", "running since 2025-03-03 12:00:00 UTC"),
    "server_replaced": (failover, "", "another server, timeline or role answers"),
    "statistics_reset": (reset, "tables and indexes", "begins anew"),
    "view_refreshed": (refresh, "hs.mv_busy", "the statement names hs.mv_busy"),
    "checkpoints_rose": (checkpoints, "", "0 -> 1,"),
    "wal_rose": (wal, "", "MB of WAL a second"),
    "disk_waits_rose": (disk_waits, "", "% of the processors waiting for the disk"),
    "disk_rose": (disk, "", "MB a second from and to the disk"),
    "swapping_rose": (swapping, "", "MB a second from and to swap"),
    "connections_rose": (connections, "", "9 -> 90 connections"),
    "replication_lag_rose": (lag, "", "0.1 -> 40 seconds of replication lag"),
    "lock_waits_rose": (lock_waits, "hs.work_orders", "queryid 555 of nightly in the way"),
    "other_load_rose": (neighbour, "queryid 500", "an hour, its time"),
    "table_grew": (growth, "hs.work_orders", "50,000 -> 400,000 live rows"),
    "table_bloated": (bloat, "hs.work_orders", "2,000 -> 9,000 pages"),
    "plan_changed": (plan, "queryid 100", "hs.work_orders: 0 ->"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_a_cause_is_named_with_what_shows_it(store: Store, kind: str) -> None:
    change, thing, shown = CHANGES[kind]
    case = Case()
    change(case)
    named = case.causes(store)
    assert set(named) - {"server_restarted"} <= {kind}
    assert named[kind]["object"] == thing
    assert any(shown in line for line in named[kind]["evidence"]), named[kind]
    assert 0.05 <= named[kind]["score"] <= 1


def test_the_same_rows_without_a_change_name_no_cause(store: Store) -> None:
    case = Case()
    for change, _, _ in CHANGES.values():
        if change is refresh:
            continue
        onset, case.onset = case.onset, datetime(2026, 1, 1)  # all of it calm
        change(case)
        case.onset = onset
    assert case.causes(store) == {}


def test_what_another_target_of_the_server_keeps_counts_for_this_one(store: Store) -> None:
    case = Case()
    disk_waits(case)
    frames = {"sweeps": case.tables["sweeps"], "host": case.tables.pop("host")}
    holder = ledger.write(store, "holder", frames)
    apart = case.causes(store)
    assert apart == {}
    case.sweeps(server_target_id=(holder, holder))
    assert set(case.causes(store)) == {"disk_waits_rose"}


def test_an_imported_restart_counts_as_one(store: Store) -> None:
    case = Case()
    imported_restart(case)
    assert set(case.causes(store)) == {"server_restarted"}


def test_busy_processors_explain_computing_and_hardly_explain_reading(store: Store) -> None:
    case = Case(reading=False)
    processors(case)
    computing = case.causes(store)["processors_rose"]
    assert any(
        "100 % of the change of time per call is computing" in x for x in computing["evidence"]
    )
    other = Case()
    processors(other)
    reading = other.causes(store)["processors_rose"]
    assert reading["score"] < computing["score"] / 2


def test_a_table_that_grew_is_no_changed_plan(store: Store) -> None:
    case = Case()
    plan(case)
    growth(case)
    named = case.causes(store)
    assert "plan_changed" not in named
    assert "table_grew" in named


@pytest.mark.parametrize(
    ("kind", "begins", "lasts", "expected"),
    [
        ("deploy", 0, None, "deploy"),
        ("load_test", 0, 600, "load_test"),
        ("dagster_run", -1, 600, "dagster_run"),
        ("backup", 0, None, "backup"),
    ],
)
def test_what_people_tell_is_named(
    store: Store, kind: str, begins: int, lasts: int | None, expected: str
) -> None:
    case = Case()
    at = case.onset.replace(tzinfo=UTC) + timedelta(seconds=begins)
    ended = None if lasts is None else at + timedelta(seconds=lasts)
    shop = f"told_{kind}"
    ledger.write(store, shop, case.tables)
    happenings.add(store, shop, kind, "web 4.2", at, ended_at=ended, source="ann")
    happenings.add(store, "elsewhere", kind, "not here", at, source="ann")
    everywhere = happenings.add(store, None, "maintenance", "all", at, source="ann")
    named = found(store, shop)
    happenings.remove(store, everywhere)
    assert set(named) == {expected, "maintenance"}
    assert named[expected]["object"] == "web 4.2"
    assert any("told by ann" in line for line in named[expected]["evidence"])


def test_the_end_of_a_load_test_explains_a_fall(store: Store) -> None:
    tables, onset = ledger.demo(factor=0.05)
    ledger.write(store, "tested", {name: tables[name] for name in ("sweeps", "statements")})
    at = onset.replace(tzinfo=UTC)
    begun = at - timedelta(hours=1)
    happenings.add(store, "tested", "load_test", "checkout", begun, ended_at=at, source="ann")
    assert set(found(store, "tested")) == {"load_test_ended"}


def test_a_new_value_of_a_tag_is_named_where_the_statement_carries_it(store: Store) -> None:
    case = Case()
    target_id = ledger.write(store, "tagged", case.tables)
    seen = [
        (100, {"release": "4.1", "route": "/orders"}, timedelta(hours=-3)),
        (100, {"release": "4.2", "route": "/orders"}, timedelta(seconds=1)),
        (101, {"route": "/new"}, timedelta(seconds=1)),
    ]
    with store.begin() as connection:
        for queryid, tags, after in seen:
            at = case.onset.replace(tzinfo=UTC) + after
            connection.execute(
                "INSERT INTO ledger.statement_tags VALUES (%s, 5, 10, %s, %s, %s, %s)",
                (target_id, queryid, json.dumps(tags), at, at),
            )
    named = found(store, "tagged")
    assert set(named) == {"tag_first_seen"}
    assert named["tag_first_seen"]["object"] == "release=4.2"
    assert "before it was 4.1" in named["tag_first_seen"]["evidence"]


def test_the_evidence_says_whether_the_plan_changed(store: Store) -> None:
    case = Case()
    plan(case)
    ledger.write(store, "planned", case.tables)
    (text,) = find(store, "planned", DEMO_DAY, DEMO_DAY).findings["evidence"].to_list()
    judged = json.loads(text)["plan"]
    assert judged["changed"]
    assert judged["evidence"][0] == "40 -> 4,000 blocks a call for as many rows (1 -> 1)"


def test_judged_by_the_hour_a_neighbour_and_a_refresh_are_named_as_well(store: Store) -> None:
    rng = np.random.default_rng(11)
    ends = [datetime(2025, 3, 1) + timedelta(hours=h, minutes=55) for h in range(12 * 24)]
    onset = datetime(2025, 3, 11, 15)
    upset = np.array([ts > onset for ts in ends])
    mine = np.where(upset, 3.0, 1.0) * rng.lognormal(0, 0.04, len(ends))
    rows = [
        ledger.statement(ends, mine, 100, calls=900),
        ledger.statement(ends, rng.lognormal(0, 0.04, len(ends)), 101, calls=900),
        # another statement is called for the first time, and one that always was, more often
        ledger.statement([ts for ts in ends if ts > onset], [5.0] * int(upset.sum()), 500, 400_000),
        ledger.statement(ends, [6.0] * len(ends), 501, np.where(upset, 300_000, 2_000)),
        ledger.statement([ts for ts in ends if ts > onset][:1], [80.0], 900, calls=1),
    ]
    target_id = ledger.write(
        store, "hourly", {"sweeps": ledger.sweeps(ends), "statements": pl.concat(rows)}
    )
    texts(store, target_id)
    roll_up(store, "hourly", date(2025, 3, 1), date(2025, 3, 12))
    findings = find(store, "hourly", date(2025, 3, 12), date(2025, 3, 12)).findings
    (text,) = findings.filter(pl.col("queryid") == 100)["causes"].to_list()
    named = {(cause["kind"], cause["object"]): cause for cause in json.loads(text)}
    assert set(named) == {
        ("other_load_rose", "queryid 500"),
        ("other_load_rose", "queryid 501"),
        ("view_refreshed", "hs.mv_busy"),
    }
    told = " ".join(named["other_load_rose", "queryid 501"]["evidence"])
    assert "calls about 2,000 -> about 300,000 an hour" in told


def test_a_load_test_that_the_store_knows_is_named_without_being_told(store: Store) -> None:
    case = Case()
    ledger.write(store, "benched", case.tables)
    began = case.onset.replace(tzinfo=UTC)
    with store.begin() as connection:
        connection.execute(
            "WITH test AS (INSERT INTO perf_mgmt.performance_tests (name, version, test_type)"
            " SELECT 'checkout', '2', min(e)"
            " FROM unnest(enum_range(NULL::perf_mgmt.test_type_enum)) AS e RETURNING test_id)"
            " INSERT INTO perf_mgmt.test_executions (execution_id, test_id, target, environment,"
            " status, server_version_num, database_version, started_at, commit_sha)"
            " SELECT gen_random_uuid(), test_id, %s, 'staging', 'RUNNING', 180000, '18', %s, 'abc'"
            " FROM test",
            ("benched", began),
        )
    named = found(store, "benched")
    assert set(named) == {"load_test"}
    assert named["load_test"]["object"] == "checkout"
    told = "version 2, staging, commit abc; told by the load test itself"
    assert told in named["load_test"]["evidence"]
