"""No room on the server's disk, or on the archive's: told with a remedy, nothing half done.

The kernel refuses to let files grow (RLIMIT_FSIZE), for one backend or for this process only: the
errors are those of a real write, at the place where a disk would be full.
"""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from perf_pipeline.partitions import proofs, runner
from perf_pipeline.partitions.model import Policy
from perf_pipeline_tests.partitions.conftest import PARENT, Shop, months_ago

pytestmark = pytest.mark.server
THIS, NEXT = months_ago(0)[2], months_ago(-1)[2]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond some bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def full(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what leaves the maintainer's sessions no room in files, or `unlimited` room again.

    Sessions of the server only: what they commit is written to the log by others.
    """
    real = runner.session
    limit = ["unlimited"]

    @contextmanager
    def session(*args: Any) -> Iterator[Any]:
        with real(*args) as connection:
            pid = connection.info.backend_pid
            # it reads what it is sent: a program that ends before is an error of its own
            change = f"cat >/dev/null; prlimit --pid {pid} --fsize={limit[0]}:"
            shop.connection.execute(f"COPY (SELECT) TO PROGRAM '{change}'")
            yield connection

    monkeypatch.setattr(runner, "session", session)
    monkeypatch.setattr("perf_pipeline.partitions.apply.session", session)

    def choose(size: str) -> None:
        limit[0] = size

    return choose


def relations(shop: Shop) -> set[str]:
    rows = shop.connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'app'::regnamespace"
    ).fetchall()
    return {row[0] for row in rows}


def test_no_room_for_a_new_partition(shop: Shop, full: Callable[[str], None]) -> None:
    shop.connection.execute("CREATE TABLE app.events_default PARTITION OF app.events DEFAULT")
    shop.fill(months_ago(1)[0], 30)
    before = relations(shop)
    full("4096")  # less than a page
    report = shop.run(shop.policy())
    assert [(d.kind, d.outcome) for d in report.done] == [
        ("drain", "failed"),
        ("create", "failed"),
        ("create", "failed"),
    ]
    for done in report.done:
        assert "could not extend file" in (done.error or "")
        assert "free disk space" in (done.error or "")
    assert not report.ok
    assert relations(shop) == before
    # the application goes on, and rows wait in the default partition
    shop.fill(months_ago(0)[0], 5)
    assert shop.one("SELECT count(*) FROM app.events") == 35
    full("unlimited")
    assert {outcome for _, _, outcome in shop.did(shop.policy())} == {"done"}
    assert shop.one("SELECT count(*) FROM app.events") == 35
    assert shop.one("SELECT count(*) FROM app.events_default") == 0
    assert ("create", "failed") in shop.log()
    assert shop.nothing_left(shop.policy())


def test_no_room_in_the_archive_drops_nothing_and_stops_nothing_else(shop: Shop) -> None:
    first, last, suffix = months_ago(5)
    shop.partition(first, last, f"events_{suffix}")
    shop.fill(first, 2_000)
    shop.connection.execute("CREATE TABLE app.other (at date NOT NULL) PARTITION BY RANGE (at)")
    other = Policy("app.other", "at", every="month", premake=0)
    policy = shop.old(fill_gaps=False)
    with files_of_at_most(4096):
        report = shop.run(policy, other)
    outcomes = [(d.parent, d.kind, d.outcome) for d in report.done]
    assert outcomes[-3:] == [
        (PARENT, "archive", "failed"),
        (PARENT, "detach", "skipped"),
        (PARENT, "drop", "skipped"),
    ]
    assert ("app.other", "create", "done") in outcomes
    (failed,) = [d.error or "" for d in report.done if d.outcome == "failed"]
    assert "could not be written" in failed
    assert str(shop.files.url) in failed
    assert shop.files.sizes() == {}
    assert not list(shop.files._folder.rglob("*.tmp"))
    assert proofs.of_target(shop.store, shop.name) == []
    assert shop.one(f"SELECT count(*) FROM app.events_{suffix}") == 2_000
    assert [step for step in shop.did(policy) if step[2] != "done"] == []
    assert shop.one("SELECT count(*) FROM app.events") == 0
