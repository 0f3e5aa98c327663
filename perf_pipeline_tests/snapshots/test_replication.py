"""A real streaming replica, as its primary and it itself tell of it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import binaries, cluster, place
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.snapshots import deltas
from perf_pipeline.snapshots.evidence import Evidence
from perf_pipeline.snapshots.families import DATABASE, STATEMENTS, TABLES
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN
from perf_pipeline_tests.snapshots.sessions import swept, until

pytestmark = pytest.mark.server

SLOT = "standby_1"


def base_backup(server: EmbeddedServer, folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start to copy a server's data into `<folder>/data`, as the user who runs it."""
    who = place.identity(server.directory)
    folder.mkdir()
    if who.uid is not None and who.gid is not None:
        folder.chmod(0o711)
        (folder / "data").mkdir(mode=0o700)
        os.chown(folder / "data", who.uid, who.gid)
    runnable = place.runnable(binaries.find(PG_BIN), who)
    return subprocess.Popen(
        [
            *(runnable.program("pg_basebackup"), "-D", folder / "data", "--no-sync"),
            *("--checkpoint=fast", "-d", server.url(), *options),
        ],
        env=cluster.environment(),
        cwd="/",
        stderr=subprocess.PIPE,
        text=True,
        **who.drop(),
    )


def follow(server: EmbeddedServer, folder: Path) -> None:
    """Have the copy in `<folder>/data` follow a server.

    What `pg_basebackup -R` writes may hold options that the libpq of an older server refuses.
    """
    (folder / "password").write_text((server.directory / "password").read_text())
    conninfo = psycopg.conninfo.make_conninfo(server.url())
    with (folder / "data" / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"primary_conninfo = '{conninfo}'\n")  # the last one counts


@pytest.fixture(scope="module")
def replica(default_server: EmbeddedServer, server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a hot standby of the suite's server, with a slot."""
    folder = server_directory / "replica"
    backup = base_backup(default_server, folder, "-R", "-C", "-S", SLOT)
    _, said = backup.communicate(timeout=60)
    assert backup.returncode == 0, said
    follow(default_server, folder)
    settings = {**FORGETFUL, "wal_retrieve_retry_interval": "100ms"}
    server = EmbeddedServer(folder, pg_bin=PG_BIN, settings=settings)
    server.start()
    yield server
    server.stop()
    with psycopg.connect(default_server.url(), autocommit=True) as primary:
        until(primary, f"SELECT NOT active FROM pg_replication_slots WHERE slot_name = '{SLOT}'")
        primary.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])


def of_replica(replica: EmbeddedServer, url: str) -> str:
    """Return the URL of the same database on the replica."""
    return replica.url(url.rsplit("/", 1)[1])


def caught_up(admin: psycopg.Connection, *, what: str = "replay_lsn") -> None:
    """Wait until the replica has taken all that was committed until now.

    With `synchronous_commit = off` a commit is in the WAL's buffers, which a replica does not get,
    up to 0.6 s before it is written: a commit that waits takes along all before it.
    """
    row = admin.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    with admin.transaction():
        admin.execute("SET LOCAL synchronous_commit = on")
        admin.execute("SELECT pg_logical_emit_message(true, 'tests', 'flush')")
    assert row is not None
    until(admin, f"SELECT {what} >= '{row[0]}' FROM pg_stat_replication")


def test_a_copy_made_as_files_is_on_the_replica_too(
    replica: EmbeddedServer,
    target_url: str,
    make_database: Callable[..., str],
    admin: psycopg.Connection,
) -> None:
    """The suite's databases are made so: the WAL says that files are to be copied."""
    until(admin, "SELECT EXISTS (SELECT FROM pg_stat_replication)")
    template = admin.info.dbname
    admin.close()  # nobody may be connected to what is copied
    url = make_database(template)
    with psycopg.connect(url, autocommit=True) as session:
        caught_up(session)
    with psycopg.connect(of_replica(replica, url), autocommit=True) as there:
        assert there.execute("SELECT sum(n) FROM app.orders").fetchone() == (5050,)


def test_a_replica_that_follows_stops_and_is_cut_off(
    replica: EmbeddedServer, target_url: str, admin: psycopg.Connection
) -> None:
    admin.execute("SET synchronous_commit = on")  # else WAL is written a moment later
    caught_up(admin)
    with psycopg.connect(of_replica(replica, target_url), autocommit=True) as standby:
        # nothing is written: up to date, whatever the age of the last transaction
        until(standby, "SELECT now() - pg_last_xact_replay_timestamp() > '1 s'")
        primary, there = swept(target_url), swept(of_replica(replica, target_url))
        assert primary.notes == there.notes == ()
        (sends,) = primary.frames["replication"].to_dicts()
        assert (sends["direction"], sends["state"], sends["sync_state"]) == (
            "sends",
            "streaming",
            "async",
        )
        assert (sends["slot_name"], sends["peer"]) == (SLOT, "127.0.0.1")
        assert sends["application_name"] == "walreceiver"
        for lag in ("send", "write", "flush", "replay"):
            assert 0 <= sends[f"{lag}_lag_bytes"] < 10_000
        assert sends["backup_phase"] is None
        (slot,) = primary.frames["slots"].to_dicts()
        assert (slot["slot_name"], slot["active"], slot["wal_status"]) == (SLOT, True, "reserved")
        assert (slot["slot_type"], slot["temporary"]) == ("physical", False)
        assert slot["retained_bytes"] >= 0
        assert slot["unconfirmed_bytes"] is None
        assert slot["safe_wal_bytes"] is None
        major = admin.info.server_version // 10_000
        assert (slot["failover"] is None) == (major < 17)
        (receives,) = there.frames["replication"].to_dicts()
        assert (receives["direction"], receives["state"]) == ("receives", "streaming")
        assert (receives["peer"], receives["slot_name"]) == ("127.0.0.1", SLOT)
        # half a record at the end of what the primary has sent, or one just written, is no lag
        assert 0 <= receives["replay_lag_bytes"] < 10_000
        assert receives["replay_lag_seconds"] == 0
        assert 0 <= receives["last_message_seconds"] < 60
        assert "slots" not in there.frames

        standby.execute("SELECT pg_wal_replay_pause()")
        until(standby, "SELECT pg_get_wal_replay_pause_state() = 'paused'")
        admin.execute("INSERT INTO app.other SELECT generate_series(1, 1000)")
        caught_up(admin, what="flush_lsn")
        (sends,) = swept(target_url).frames["replication"].to_dicts()
        (receives,) = swept(of_replica(replica, target_url)).frames["replication"].to_dicts()
        assert sends["replay_lag_bytes"] > 50_000
        assert 0 <= sends["flush_lag_bytes"] < 10_000
        assert receives["replay_lag_bytes"] > 50_000
        assert receives["replay_lag_seconds"] > 0

        standby.execute("SELECT pg_wal_replay_resume()")
        caught_up(admin)
        standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
        standby.execute("SELECT pg_reload_conf()")
        until(standby, "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
        until(admin, "SELECT NOT EXISTS (SELECT FROM pg_stat_replication)")
        admin.execute("INSERT INTO app.other SELECT generate_series(1001, 2000)")
        primary, there = swept(target_url), swept(of_replica(replica, target_url))
        assert "replication" not in primary.frames
        (slot,) = primary.frames["slots"].to_dicts()
        assert not slot["active"]
        assert slot["retained_bytes"] > 50_000
        assert (slot["inactive_seconds"] is None) == (major < 17)
        # it cannot know what the primary wrote since: no lag is unknown, not zero
        (receives,) = there.frames["replication"].to_dicts()
        assert (receives["state"], receives["replay_lag_seconds"]) == (None, None)
        standby.execute("ALTER SYSTEM RESET primary_conninfo")
        standby.execute("SELECT pg_reload_conf()")


def test_a_base_backup_and_how_far_it_is(
    default_server: EmbeddedServer,
    server_directory: Path,
    target_url: str,
    admin: psycopg.Connection,
) -> None:
    backup = base_backup(default_server, server_directory / "backup", "--max-rate=1M", "-Xnone")
    try:
        until(
            admin,
            "SELECT coalesce((SELECT backup_streamed > 0 AND backup_total > 0"
            " FROM pg_stat_progress_basebackup), false)",
        )
        rows = {row["state"]: row for row in swept(target_url).frames["replication"].to_dicts()}
    finally:
        backup.terminate()
        backup.communicate(timeout=30)
    row = rows["backup"]
    assert row["application_name"] == "pg_basebackup"
    assert row["backup_phase"] == "streaming database files"
    assert 0 < row["backup_bytes"] < row["backup_total_bytes"]
    assert row["replay_lag_bytes"] is None


def test_a_promoted_replica_is_another_server_than_its_primary_and_the_one_it_was(
    replica: EmbeddedServer,
    default_server: EmbeddedServer,
    target_url: str,
    admin: psycopg.Connection,
) -> None:
    """The last test here: nothing follows the primary any more."""
    url = of_replica(replica, target_url)
    with psycopg.connect(replica.url(), autocommit=True) as standby:
        conninfo = psycopg.conninfo.make_conninfo(default_server.url())
        standby.execute(psycopg.sql.SQL("ALTER SYSTEM SET primary_conninfo = {}").format(conninfo))
        standby.execute("SELECT pg_reload_conf()")
    until(admin, "SELECT EXISTS (SELECT FROM pg_stat_replication)")
    caught_up(admin)
    for name in (target_url, url):
        with psycopg.connect(name, autocommit=True) as session:
            session.execute("SELECT count(*) FROM app.orders WHERE n > 50")
    primary, standby = swept(target_url), swept(url)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("SELECT pg_promote()")
        for _ in range(3):
            session.execute("SELECT count(*) FROM app.orders WHERE n > 60")
    promoted = swept(url)
    # known at once, although the control file has it from the next checkpoint on only
    assert promoted.observation.timeline == (primary.observation.timeline or 0) + 1

    failover = Evidence(primary.observation, promoted.observation)
    assert "reset before the previous sweep" in (failover.other_server or "")
    untold = replace(
        promoted.observation,
        statements_stats_reset=None,
        database_stats_reset=None,
        cumulative_stats_reset=None,
    )
    assert Evidence(primary.observation, untold).other_server == (
        "it was restarted and promoted or demoted"
    )
    assert failover.quality == "reset"
    for family in (STATEMENTS, TABLES, DATABASE):
        before, after = (swept.frames[family.name] for swept in (primary, promoted))
        assert deltas.interval(before, after, failover, family).is_empty()

    in_place = Evidence(standby.observation, promoted.observation)
    assert in_place.other_server is None
    assert "it was promoted" in in_place.notes()
    before, after = (swept.frames["statements"] for swept in (standby, promoted))
    rows = deltas.interval(before, after, in_place)
    counted = [row["calls"] for row in rows.to_dicts() if row["calls"] == row["rows"] == 3]
    assert len(counted) == 1
    assert set(rows["quality"]) <= {"exact", "first_seen", "lower_bound"}
