"""Backups and drills on a real server: everything that was committed comes back."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from perf_pipeline.embedded import process
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError, InputError
from perf_pipeline.recovery import backup, drills, programs, run, scratch
from perf_pipeline.recovery.model import KINDS, Policy, Tenant
from perf_pipeline_tests.conftest import PG_BIN
from perf_pipeline_tests.servers.databases import Databases

pytestmark = pytest.mark.server

SCHEMA = """
CREATE TABLE tenants (tenant_id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (
    order_id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants,
    total int NOT NULL, doubled int GENERATED ALWAYS AS (total * 2) STORED
);
CREATE TABLE lines (line_id int PRIMARY KEY, order_id int NOT NULL REFERENCES orders);
CREATE TABLE notes (note_id int PRIMARY KEY, line_id int NOT NULL REFERENCES lines);
CREATE TABLE others (id int PRIMARY KEY);
INSERT INTO tenants SELECT g, 'tenant ' || g FROM generate_series(1, 5) g;
INSERT INTO orders SELECT g, 1 + g % 5, g FROM generate_series(1, 100) g;
INSERT INTO lines SELECT g, 1 + g % 100 FROM generate_series(1, 300) g;
INSERT INTO notes SELECT g, g FROM generate_series(1, 300) g;
INSERT INTO others VALUES (1);
"""


@pytest.fixture(scope="module")
def site(
    server: EmbeddedServer, databases: Databases, server_directory: Path
) -> Iterator[drills.Site]:
    """Return a server with a database, and a folder for its backups with one in it."""
    databases.make(server, "drilled")
    url = server.url("drilled")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(SCHEMA)
        major = session.info.server_version // 10_000
    folder = server_directory / "recovery"
    folder.mkdir(mode=0o711)
    policy = Policy(rate_mb=1024, compress=1, keep=1, tenant=Tenant("tenant_id", "3"))
    with pytest.MonkeyPatch.context() as patch:
        if PG_BIN is not None:
            patch.setenv("PERF_PG_BIN", str(PG_BIN))
        found = programs.of_major(major, folder)
    made = drills.Site(url, policy, folder, found)
    drills.base_backup(made)
    yield made
    databases.drop(server, "drilled")


@contextmanager
def writing(url: str) -> Iterator[None]:
    """Have an application write while the block runs."""
    over = threading.Event()

    def write() -> None:
        with psycopg.connect(url, autocommit=True) as session:
            while not over.wait(0.002):
                session.execute("INSERT INTO others SELECT 1 + max(id) FROM others")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_segment_is_named_by_the_byte_before_its_end() -> None:
    assert backup.segment(1, "0/17000120", 16 << 20) == "000000010000000000000017"
    assert backup.segment(1, "0/18000000", 16 << 20) == "000000010000000000000017"
    assert backup.segment(10, "2/FF000001", 16 << 20) == "0000000A00000002000000FF"
    assert backup.segment(1, "1/40000001", 1 << 30) == "000000010000000100000001"


@pytest.mark.parametrize("kind", KINDS)
def test_a_drill_brings_back_what_was_committed(site: drills.Site, kind: str) -> None:
    with writing(site.url):
        found = drills.drill(site, next(each for each in KINDS if each == kind))
    assert found.lost == ()
    assert found.met
    assert 0 < found.seconds < found.goal_s
    if kind == "tenant":  # 1 tenant, 20 orders, their 60 lines, and the notes on these
        assert found.proof.startswith("141 rows of 4 tables")
    assert [path.name for path in site.folder.iterdir()] == [backup.listed(site.folder)[0].name]


def test_a_damaged_backup_is_no_backup(site: drills.Site) -> None:
    (newest,) = backup.listed(site.folder)
    damaged = site.folder.with_name("damaged")
    shutil.copytree(newest.folder, damaged / newest.name)
    manifest = damaged / newest.name / "backup_manifest"
    text = manifest.read_text()
    assert '"Size": 3,' in text  # PG_VERSION
    manifest.write_text(text.replace('"Size": 3,', '"Size": 4,', 1))
    there = drills.Site(site.url, site.policy, damaged, site.programs)
    with pytest.raises(programs.ProgramError, match="pg_verifybackup failed"):
        drills.drill(there, "full")
    shutil.rmtree(damaged)


def test_a_commit_that_is_missing_is_named(site: drills.Site) -> None:
    with psycopg.connect(site.url, autocommit=True) as session:
        there = drills._insert(session, "there")
        gone = str(uuid.uuid4())
        assert drills._lost(session, [there], [gone]) == ()
        assert drills._lost(session, [gone], [there]) == (
            f"commit {gone} is missing",
            f"commit {there} came later",
        )


def test_a_drill_that_is_killed_leaves_nothing_that_runs(site: drills.Site) -> None:
    """The next one ends its server and its programs, and takes its folder."""
    (newest,) = backup.listed(site.folder)
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from perf_pipeline.recovery import backup, programs, scratch\n"
        "folder = Path(sys.argv[1]); found = programs.of_major(int(sys.argv[2]), folder)\n"
        "newest = backup.listed(folder)[0]\n"
        "with scratch.room(folder, 'full', found) as room:\n"
        "    copy = scratch.Scratch(room / 'copy', found, newest.superuser, newest.needs)\n"
        "    copy.folder.mkdir(); backup.own(copy.folder, found)\n"
        "    backup.unpack(newest, copy.data, found); copy.start(); copy.wait(60)\n"
        "    wal = room / 'wal'; wal.mkdir(); backup.own(wal, found)\n"
        "    found.start('pg_receivewal', '-D', wal, url=os.environ['LENT'])\n"
        "    while not any(wal.iterdir()): time.sleep(0.01)\n"
        "    print('runs', flush=True); input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, site.folder, str(newest.major)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "LENT": site.url,
            **({"PERF_PG_BIN": str(PG_BIN)} if PG_BIN else {}),
        },
    ) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "runs\n"
        killed.send_signal(signal.SIGKILL)
    data = site.folder / "drill-full" / "copy" / "data"
    pid = process.postmaster_pid(data)
    assert pid is not None
    assert process.is_postmaster(pid, data)
    receivers = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_receivewal'"
    with psycopg.connect(site.url, autocommit=True) as session:
        assert session.execute(receivers).fetchone() == (1,)
        with run.alone(site.folder, "drilled"):
            assert not process.is_postmaster(pid, data)
            assert not (site.folder / "drill-full").exists()
            drills._until(lambda: session.execute(receivers).fetchone() == (0,), 60)
    (site.folder / ".target").unlink()


def test_a_copy_that_lets_nobody_in_says_so_at_once(
    site: drills.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "_REFUSALS", 2)
    elsewhere = drills.Site(site.url.replace("/drilled", "/nowhere"), *_policy_and_rest(site))
    with pytest.raises(programs.ProgramError, match=r"lets nobody in: .*does not exist"):
        drills.drill(elsewhere, "full")


def _policy_and_rest(site: drills.Site) -> tuple[Policy, Path, programs.Programs]:
    return site.policy, site.folder, site.programs


def test_an_older_backup_goes_once_a_newer_one_is_proved(site: drills.Site) -> None:
    (before,) = backup.listed(site.folder)
    time.sleep(max(0.0, 1.0 - time.time() % 1))  # its name is of the second
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drills.backups, "unpack", _refuse)
        with pytest.raises(programs.ProgramError, match="differs"):
            drills.base_backup(site)
    assert backup.listed(site.folder) == [before]
    plain = drills.Site(site.url, Policy(rate_mb=1024, compress=0, keep=1), *_rest(site))
    newer = drills.base_backup(plain)
    assert backup.listed(site.folder) == [newer]
    assert not newer.packed
    assert drills.drill(plain, "full").met


def _rest(site: drills.Site) -> tuple[Path, programs.Programs]:
    return site.folder, site.programs


def _refuse(*_: object) -> None:
    raise programs.ProgramError("a file differs", "take another")


def test_what_was_broken_off_is_no_backup_and_goes_before_the_next(
    site: drills.Site, tmp_path: Path
) -> None:
    (whole,) = backup.listed(site.folder)
    kept = tmp_path / whole.name
    kept.mkdir()
    shutil.copy(whole.folder / "backup.json", kept)
    half, drilled = tmp_path / "20260101T000000Z", tmp_path / "drill-full"
    foreign = {"lost+found": "base.tar.gz", "20250101T000000Z": "hers", "drill-tenant": "hers"}
    for folder, file in ((half, "base.tar.gz"), (drilled, "copy"), *foreign.items()):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_bytes(b"half")
    (tmp_path / "lost+found" / "backup.json").write_text("no backup of ours")
    assert [each.name for each in backup.listed(tmp_path)] == [whole.name]
    with run.alone(tmp_path, "thorbis"):
        left = {path.name: path for path in tmp_path.iterdir() if path.is_dir()}
        assert set(left) == {whole.name, *foreign}
        assert all((left[name] / file).is_file() for name, file in foreign.items())
        refused = pytest.raises(InputError, match="holds what no drill of ours has made")
        with refused, scratch.room(tmp_path, "tenant", site.programs):
            pass
        half.mkdir()  # as a backup that is under way has it
        busy = pytest.raises(BusyError, match="still backing up or drilling thorbis")
        with busy, run.alone(tmp_path, "thorbis", 0.0):
            pass
        assert half.is_dir()
    other = pytest.raises(ConfigurationError, match="holds the backups of target 'thorbis'")
    with other, run.alone(tmp_path, "menuca"):
        pass
    (kept / "backup.json").write_text("")
    with pytest.raises(InputError, match=r"backup.json cannot be read: .*"):
        backup.listed(tmp_path)


def test_a_tenant_nobody_has_is_named(site: drills.Site) -> None:
    for tenant, message in (
        (Tenant("tenant_id", "77"), "no row of any table has tenant_id = '77'"),
        (Tenant("shop_id", "1"), "no row of any table has shop_id"),
    ):
        policy = Policy(rate_mb=1024, keep=1, tenant=tenant)
        with pytest.raises(ConfigurationError, match=message):
            drills.drill(drills.Site(site.url, policy, *_rest(site)), "tenant")


def test_no_secret_is_an_argument_and_another_major_is_named(tmp_path: Path) -> None:
    found = programs.connection("postgresql://me:secret@127.0.0.1:5433/db?sslmode=disable")
    assert found == {
        "PGUSER": "me",
        "PGPASSWORD": "secret",
        "PGHOST": "127.0.0.1",
        "PGPORT": "5433",
        "PGDATABASE": "db",
        "PGSSLMODE": "disable",
    }
    with pytest.raises(ConfigurationError, match="PostgreSQL 13 is verified"):
        programs.of_major(13, tmp_path)
