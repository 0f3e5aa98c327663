"""A server newer than any we know: what it still has is read, what it has not is named.

A view or function that a major version takes away is taken away here, in the test's own database of
a real server, for one family after the other.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import doctor, sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.snapshots import collect
from perf_pipeline.snapshots.record import collect as record
from perf_pipeline.store import Store

pytestmark = pytest.mark.server

#: Without these nothing can be read: no newer version is worth a thought that lacks them.
NEEDED = ("server", "quiet")


def mentioned(name: str, major: int) -> set[str]:
    """Return the functions and views of the server that a file speaks of."""
    text = sqlfiles.load(f"snapshots/{name}", major).text
    functions = re.findall(r"pg_catalog\.(\w+)\(", text)
    return {*functions, *re.findall(r"(?:FROM|JOIN) (?:pg_catalog|\{extension\})\.(\w+)", text)}


@contextmanager
def taken_away(admin: psycopg.Connection, name: str) -> Iterator[bool]:
    """Rename a function (all of that name) or view of the server; yield whether it is one."""
    found = admin.execute(
        "SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc"
        " WHERE proname = %(name)s AND prokind <> 'a'"
        " UNION ALL SELECT 'VIEW', oid::regclass::text FROM pg_class"
        " WHERE relname = %(name)s AND relkind = 'v'",
        {"name": name},
    ).fetchall()
    admin.execute("SET allow_system_table_mods = on")
    for kind, signature in found:
        admin.execute(f"ALTER {kind} {signature} RENAME TO {name}_of_old")
    try:
        yield bool(found)
    finally:
        for kind, signature in found:
            renamed = signature.replace(name, f"{name}_of_old", 1)
            admin.execute(f"ALTER {kind} {renamed} RENAME TO {name}")


def read(url: str) -> collect.Sweep:
    with pg.session(url) as connection:
        return collect.sweep(connection)


def left_out(swept: collect.Sweep) -> set[str]:
    return {note.split(" left out: ")[0] for note in swept.notes if " left out: " in note}


@pytest.mark.usefixtures("every_sign")
def test_whatever_is_gone_the_rest_is_read_and_the_family_named(
    target_url: str, admin: psycopg.Connection
) -> None:
    major = admin.info.server_version // 10_000
    whole = read(target_url)
    assert whole.notes == ()
    names = [source.name for source in whole.sources]
    # without `control`: whether it is there is asked first
    names += ["own_cost", "took", "signs", "cumulative", "statements_info", "database_size"]
    names += ["schema_version", "schema_objects"]
    uses = {name: mentioned(name, major) for name in names}
    needed = set().union(*(mentioned(name, major) for name in NEEDED))
    lost: set[str] = set()
    for name in names:
        # the fewer others speak of it, the more this is about the one family
        things = {thing: sum(thing in use for use in uses.values()) for thing in uses[name]}
        for thing in sorted(things.keys() - needed, key=lambda thing: (things[thing], thing)):
            with taken_away(admin, thing) as gone:
                if not gone:
                    continue  # a table, or SQL's own
                swept = read(target_url)
            hit = {other for other in names if thing in uses[other]}
            assert left_out(swept) == hit, thing
            assert any(thing in note and "does not exist" in note for note in swept.notes)
            missing = set(whole.frames) - set(swept.frames)
            # the database's row is not kept without a size; objects are read by fingerprint
            follows = {"database_size": {"database"}, "schema_version": {"schema_objects"}}
            assert missing <= hit.union(*(follows.get(one, set()) for one in hit))
            lost |= hit
            break
    assert lost == set(names)


def test_without_the_cluster_identity_the_rest_is_read(
    target_url: str, admin: psycopg.Connection
) -> None:
    assert read(target_url).observation.system_identifier
    with taken_away(admin, "pg_control_system"):
        swept = read(target_url)
    assert swept.observation.system_identifier is None
    assert swept.frames["statements"].height > 0


def test_a_sweep_of_an_unknown_version_says_so_and_counts(
    store: Store,
    target: Target,
    target_url: str,
    admin: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    major = admin.info.server_version // 10_000
    monkeypatch.setattr(sqlfiles, "NEWEST_TESTED_MAJOR", major - 1)
    with taken_away(admin, "pg_stat_activity"):
        first = record(target, store)
        second = record(target, store)
    for swept in (first, second):
        assert any(f"PostgreSQL {major} is newer than {major - 1}" in note for note in swept.notes)
        assert any(
            "activity left out" in note and "pg_stat_activity" in note for note in swept.notes
        )
    assert second.rows["database"] == 1
    assert second.quality == "exact"
    (version,) = [aspect for aspect in doctor.examine(target_url) if aspect.name == "version"]
    assert (version.status, "is the newest we tested" in version.remedy) == ("warn", True)
