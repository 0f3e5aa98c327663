"""Routes by role: fresh replicas, else the primary; never one that lags, is cut off or alone."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from perf_pipeline.embedded import binaries, cluster, place
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, UnreachableError
from perf_pipeline.postgres import replicas
from perf_pipeline.postgres.replicas import Replica, State, choose, judged
from perf_pipeline.postgres.target import Target
from perf_pipeline.replicas.defs import target_definitions
from perf_pipeline_tests.conftest import FORGETFUL, PG_BIN


def row(**changed):
    return {
        "in_recovery": True,
        "cluster": "7",
        "started_at": "2026-01-01 00:00:00+00",
        "receiver": "streaming",
        "silent_s": 1.0,
        "lag_s": 0.0,
        **changed,
    }


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({}, ""),
        ({"lag_s": 60.0}, ""),
        ({"lag_s": 61.0}, "is 61 s behind"),
        ({"lag_s": None}, "is an unknown time behind"),
        ({"receiver": ""}, "receives nothing from a primary"),  # its primary is gone
        ({"receiver": "waiting"}, "receives nothing from a primary"),
        ({"silent_s": 61.0}, "has not heard from its primary for 61 s"),
        ({"in_recovery": False, "receiver": ""}, ""),
    ],
)
def test_a_server_is_judged_by_what_it_says_of_itself(said, wrong) -> None:
    assert judged("a", row(**said)).wrong == wrong


PRIMARY = State("primary", False, 0.0, "", ("primary",))
AWAY = State("primary", None, None, "not reached: refused", ("primary",))
FIRST = State("first", True, 0.0, "", ("analytics",))
SECOND = State("second", True, 0.0, "", ("reporting",))
LATE = replace(FIRST, wrong="is 90 s behind")
PROMOTED = replace(SECOND, in_recovery=False)


@pytest.mark.parametrize(
    ("role", "states", "name"),
    [
        ("primary", [PRIMARY, FIRST, SECOND], "primary"),
        ("analytics", [PRIMARY, FIRST, SECOND], "first"),
        ("reporting", [PRIMARY, FIRST, SECOND], "second"),
        ("analytics", [PRIMARY, LATE, SECOND], "second"),
        ("analytics", [PRIMARY, LATE], "primary"),
        ("analytics", [PRIMARY], "primary"),
        ("analytics", [AWAY, FIRST], "first"),
        ("primary", [AWAY, FIRST, PROMOTED], "second"),
        ("reporting", [AWAY, LATE, PROMOTED], "second"),
    ],
)
def test_a_role_goes_to_its_server(role, states, name) -> None:
    assert choose(role, states).name == name


def test_a_url_that_leads_elsewhere_is_no_replica() -> None:
    own = judged("primary", row(in_recovery=False))
    same = judged("same", row(in_recovery=False))
    strange, promoted = (
        judged(name, row(in_recovery=False, started_at="later", cluster=cluster))
        for name, cluster in (("strange", "8"), ("promoted", "7"))
    )
    follower = judged("follower", row(cluster="8"))
    states = replicas.compared([own, same, strange, follower])
    assert [each.wrong for each in states] == [
        "",
        "is the target's own server: its URL leads there",
        *["is no copy of the target's server: its URL leads to another one"] * 2,
    ]
    assert {choose(role, states).name for role in replicas.ROLES} == {"primary"}
    away = judged("primary", None, error="refused")
    assert [each.wrong for each in replicas.compared([away, promoted])] == [away.wrong, ""]
    with pytest.raises(UnreachableError, match="both take writes"):
        choose("primary", replicas.compared([own, promoted]))


def test_where_nobody_serves_or_two_do_it_is_said() -> None:
    with pytest.raises(UnreachableError, match=r"no server for primary: .*refused; first is a sta"):
        choose("primary", [AWAY, FIRST])
    with pytest.raises(UnreachableError, match=r"no server for analytics: .*first is 90 s behind"):
        choose("analytics", [AWAY, LATE])
    with pytest.raises(UnreachableError, match="primary and second both take writes"):
        choose("primary", [PRIMARY, PROMOTED])


@pytest.fixture
def pair(tmp_path: Path, server_directory: Path) -> Iterator[tuple[EmbeddedServer, EmbeddedServer]]:
    """Return a primary and its standby, both to be killed."""
    folders = server_directory / "primary", server_directory / "standby"
    settings = {**FORGETFUL, "wal_retrieve_retry_interval": "100ms", "synchronous_commit": "on"}
    primary = EmbeddedServer(folders[0], pg_bin=PG_BIN, settings=settings)
    primary.start()
    who = place.identity(folders[0])
    folders[1].mkdir(mode=0o711)
    data = folders[1] / "data"
    data.mkdir(mode=0o700)
    if who.uid is not None and who.gid is not None:
        os.chown(data, who.uid, who.gid)
    program = place.runnable(binaries.find(PG_BIN), who).program("pg_basebackup")
    subprocess.run(
        [program, "-D", data, "-R", "--no-sync", "--checkpoint=fast", "-d", primary.url()],
        env=cluster.environment(),
        cwd="/",
        check=True,
        **who.drop(),
    )
    (folders[1] / "password").write_text((folders[0] / "password").read_text())
    with (data / "postgresql.auto.conf").open("a") as conf:
        conf.write(f"primary_conninfo = '{psycopg.conninfo.make_conninfo(primary.url())}'\n")
    standby = EmbeddedServer(folders[1], pg_bin=PG_BIN, settings=settings)
    standby.start()
    yield primary, standby
    for server, folder in zip((standby, primary), reversed(folders), strict=True):
        server.stop(force=True)
        shutil.rmtree(folder)


def eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.server
def test_reads_follow_a_real_replica_that_stops_is_cut_off_and_is_promoted(
    pair: tuple[EmbeddedServer, EmbeddedServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, standby = pair
    monkeypatch.setenv("ROUTED_URL", primary.url())
    monkeypatch.setenv("ROUTED_STANDBY_URL", standby.url())
    replica = Replica("standby", "ROUTED_STANDBY_URL", max_lag_s=0.2)
    target = Target("routed", "ROUTED_URL", date(2026, 1, 1), replicas=(replica,))

    def state() -> State:
        return replicas.look(target)[1]

    eventually(lambda: state().wrong == "" and state().in_recovery is True)

    def where(session: psycopg.Connection) -> bool:
        (found,) = session.execute("SELECT pg_is_in_recovery()").fetchone() or (False,)
        return bool(found)

    assert replicas.read(target, where) is True
    assert replicas.read(target, where, "primary") is False
    (asset,) = target_definitions(target).assets or ()
    assert isinstance(asset, dg.AssetsDefinition)
    result = dg.materialize([asset])
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]

    # a replay that is held back: what was received is not shown, and reads go to the primary
    with psycopg.connect(standby.url(), autocommit=True) as there:
        there.execute("SELECT pg_wal_replay_pause()")
        with psycopg.connect(primary.url(), autocommit=True) as admin:
            admin.execute("CREATE TABLE made (id int)")
            admin.execute("INSERT INTO made VALUES (1)")
        eventually(lambda: state().wrong.endswith("behind"))
        assert replicas.read(target, where) is False
        there.execute("SELECT pg_wal_replay_resume()")
    eventually(lambda: replicas.read(target, where))

    # what only reads may do nothing else, wherever it is done
    def writes(session: psycopg.Connection) -> None:
        session.execute("CREATE TABLE public.written (id int)")

    for role in replicas.ROLES:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            replicas.read(target, writes, role)

    # its variable leads to the target's own server, as where there is no replica yet
    monkeypatch.setenv("ROUTED_STANDBY_URL", primary.url())
    assert state().wrong.startswith("is the target's own server")
    assert replicas.read(target, where, "primary") is False
    monkeypatch.setenv("ROUTED_STANDBY_URL", standby.url())

    # work that a replica breaks off is done where writes go
    tried: list[bool] = []

    def broken_off(session: psycopg.Connection) -> int:
        tried.append(where(session))
        if tried[-1]:
            raise psycopg.errors.SerializationFailure("conflict with recovery")
        return 7

    assert replicas.read(target, broken_off) == 7
    assert tried == [True, False]

    # the primary gone: the replica is cut off, and nothing can be written until it is promoted
    primary.stop(force=True)
    eventually(lambda: "receives nothing" in state().wrong)
    with pytest.raises(UnreachableError, match="no server for analytics"):
        replicas.read(target, where)
    with psycopg.connect(standby.url(), autocommit=True) as there:
        there.execute("SELECT pg_promote(true, 60)")
    eventually(lambda: state().in_recovery is False)
    assert replicas.read(target, where, "primary") is False
    assert replicas.read(target, where) is False

    # the old primary comes back beside the promoted one
    primary.start()
    monkeypatch.setenv("ROUTED_URL", primary.url())
    with pytest.raises(UnreachableError, match="primary and standby both take writes"):
        replicas.read(target, where, "primary")


def test_a_replica_without_its_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="NO_SUCH_URL is not set"):
        Replica("a", "NO_SUCH_URL").url()
