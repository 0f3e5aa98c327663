"""Folding, claiming, finishing and failing: nothing is lost, nothing is done twice at once."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import catalog, queue
from perf_pipeline.invalidation.model import CacheType, Due
from perf_pipeline_tests.invalidation.support import worker

pytestmark = pytest.mark.server

Connection = psycopg.Connection[Any]

CACHE = CacheType("c", debounce_s=2.0, max_wait_s=30.0, max_attempts=3)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(server: Any, databases: Any) -> Iterator[str]:
    databases.make(server, "capture_queue")
    yield server.url("capture_queue")
    databases.drop(server, "capture_queue")


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    with worker(url) as opened:
        catalog.install(opened, "queue")
        opened.execute(
            "TRUNCATE perf_pipeline_meta.invalidation_log_0, perf_pipeline_meta.invalidation_log_1,"
            " perf_pipeline_meta.invalidation_queue, perf_pipeline_meta.invalidation_dead"
        )
        yield opened


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def change(connection: Connection, *entities: str, seconds: float = 0.0, name: str = "c") -> None:
    """Log changes of entities at a time and fold them."""
    connection.cursor().executemany(
        "INSERT INTO perf_pipeline_meta.invalidation_log_0 (cache_type, entity, queued_at)"
        " VALUES (%s, %s, %s)",
        [(name, entity, after(seconds)) for entity in entities],
    )
    queue.fold(connection)


def claimed(connection: Connection, seconds: float, **kwargs: Any) -> list[str]:
    return [due.entity for due in queue.claim(connection, CACHE, at=after(seconds), **kwargs)]


def test_a_fold_is_one_entry_per_entity(connection: Connection) -> None:
    change(connection, "a", "a", "b")
    change(connection, "a", seconds=1)
    found = queue.claim(connection, CACHE, at=after(10))
    assert [(d.entity, d.changes) for d in found] == [("a", 3), ("b", 1)]
    assert found[0].first_queued_at == NOW
    assert found[0].last_queued_at == after(1)
    assert found[0].generation > found[1].generation


def test_due_when_quiet_for_the_window_or_waiting_too_long(connection: Connection) -> None:
    change(connection, "quiet", "hot")
    for second in range(1, 31):
        change(connection, "hot", seconds=second)
    assert claimed(connection, 1.9) == []
    assert claimed(connection, 2.0) == ["quiet"]
    assert claimed(connection, 29.9) == []
    assert claimed(connection, 30.0) == ["hot"], "a hot entity is served all the same (D-104)"


def test_what_is_due_at_once_is_claimed_by_the_fold(connection: Connection) -> None:
    def fold(seconds: float, *changed: tuple[str, str, float], most: int = 2) -> list[list[Due]]:
        connection.cursor().executemany(
            "INSERT INTO perf_pipeline_meta.invalidation_log_0 (cache_type, entity, queued_at)"
            " VALUES (%s, %s, %s)",
            [(name, entity, after(at)) for name, entity, at in changed],
        )
        wanted = queue.Wanted([(CACHE, most), (replace(CACHE, name="paused"), 0)], 2, 60.0)
        return list(queue.fold(connection, wanted=wanted, at=after(seconds)).claimed)

    found = fold(
        5, *(("c", f"e{n}", n / 10) for n in (5, 4, 3, 2, 1, 5)), ("c", "young", 4),
        ("paused", "p", 0), ("?", "nobody's", 0),
    )  # fmt: skip
    # the oldest first, two for each of two leases; what changes again and what is left wait as ever
    assert [[due.entity for due in batch] for batch in found] == [["e1", "e2"], ["e3", "e4"]]
    assert len({due.lease_id for batch in found for due in batch}) == 2
    assert [due.changes for batch in found for due in batch] == [1, 1, 1, 1]
    first, second = found
    change(connection, "e1", seconds=6)
    assert queue.finish(connection, first) == queue.Finished(done=1, changed_meanwhile=1)
    assert claimed(connection, 7) == ["e5", "young"]
    assert claimed(connection, 8) == ["e1"]
    assert fold(9, ("c", "new", 0)) == [], "older entries wait: they come first"
    assert queue.finish(connection, second) == queue.Finished(done=2)
    assert queue.finish(connection, second) == queue.Finished(lost_lease=2)
    assert {each.cache_type: each.entries for each in queue.depth(connection)} == {
        "c": 4, "paused": 1, "?": 1,
    }  # fmt: skip


def test_texts_arrive_as_they_are(connection: Connection) -> None:
    plain, quoted = ["a", " b ", "NULL", "", "{x,y}", "é"], ['"', 'a","b', "\\", '\\"', "x"]
    for texts in ([], [""], plain, quoted, plain + quoted, ['"'], ['","']):
        row = connection.execute("SELECT %s::text[]", [catalog.text_array(texts)]).fetchone()
        assert row == (texts,)


def test_a_change_while_it_is_processed_stays(connection: Connection) -> None:
    change(connection, "a", "b")
    batch = queue.claim(connection, CACHE, at=after(5))
    change(connection, "a", seconds=6)
    change(connection, "a", seconds=7)
    assert queue.finish(connection, batch) == queue.Finished(done=1, changed_meanwhile=1)
    assert claimed(connection, 8.9) == [], "as if it were new: the window begins anew"
    again = queue.claim(connection, CACHE, at=after(9))
    assert [(d.entity, d.changes, d.first_queued_at) for d in again] == [("a", 2, after(6))]
    assert queue.finish(connection, again) == queue.Finished(done=1)
    assert queue.depth(connection) == []


def test_a_lease_ends_and_who_had_it_finishes_nothing(connection: Connection) -> None:
    change(connection, "a")
    first = queue.claim(connection, CACHE, lease_s=10, at=after(5))
    assert claimed(connection, 14.9) == []
    second = queue.claim(connection, CACHE, lease_s=10, at=after(15))
    assert [d.entity for d in second] == ["a"]
    assert queue.finish(connection, first) == queue.Finished(lost_lease=1)
    assert queue.fail(connection, [(first[0], "late")], CACHE) == queue.Failed(lost_lease=1)
    assert queue.release(connection, first) == 0
    assert queue.finish(connection, second) == queue.Finished(done=1)


def test_generations_rise_over_deletions(connection: Connection) -> None:
    change(connection, "a")
    first = queue.claim(connection, CACHE, at=after(5))
    queue.finish(connection, first)
    change(connection, "a", seconds=6)
    second = queue.claim(connection, CACHE, at=after(10))
    assert second[0].generation > first[0].generation
    assert queue.finish(connection, first) == queue.Finished(lost_lease=1)


def test_failures_back_off_and_end_as_dead(connection: Connection) -> None:
    change(connection, "poison", "good")
    seconds = 5.0
    for attempt in (1, 2, 3):
        batch = {d.entity: d for d in queue.claim(connection, CACHE, at=after(seconds))}
        assert batch["poison"].attempts == attempt - 1
        told = queue.fail(
            connection, [(batch["poison"], f"no {attempt}")], CACHE, at=after(seconds)
        )
        assert told == (queue.Failed(dead=1) if attempt == 3 else queue.Failed(again=1))
        queue.finish(connection, [d for d in batch.values() if d.entity != "poison"])
        assert claimed(connection, seconds + 0.7) == []
        seconds += 400
    depth = queue.depth(connection)
    assert [(d.cache_type, d.entries, d.dead) for d in depth] == [("c", 0, 1)]
    assert queue.retry(connection, "other") == 0
    assert queue.retry(connection) == 1
    assert claimed(connection, seconds) == ["poison"]


def test_a_change_meanwhile_is_tried_once_more_before_it_dies(connection: Connection) -> None:
    change(connection, "a")
    once = replace(CACHE, max_attempts=1)
    batch = queue.claim(connection, once, at=after(5))
    change(connection, "a", seconds=6)
    assert queue.fail(connection, [(batch[0], "x")], once, at=after(6)) == queue.Failed(again=1)
    batch = queue.claim(connection, once, at=after(400))
    assert queue.fail(connection, [(batch[0], "x")], once) == queue.Failed(dead=1)


def test_two_workers_share_the_work(connection: Connection, url: str) -> None:
    change(connection, *(f"{i}" for i in range(20)))
    with worker(url) as other, other.transaction():
        # the first one's claim is not yet committed: its rows are passed over, not waited for
        mine = queue.claim(other, CACHE, 12, at=after(5))
        theirs = queue.claim(connection, CACHE, 12, at=after(5))
    assert len(mine) == 12
    assert len(theirs) == 8
    assert {d.entity for d in mine}.isdisjoint(d.entity for d in theirs)


def test_released_entries_are_due_at_once(connection: Connection) -> None:
    change(connection, "a")
    assert queue.release(connection, queue.claim(connection, CACHE, at=after(5))) == 1
    assert claimed(connection, 5) == ["a"]


def test_an_unknown_cache_type_is_kept(connection: Connection) -> None:
    change(connection, "a", name="nobody's")
    change(connection, "a")
    assert queue.mark_unknown(connection, ["c"]) == 1
    assert queue.mark_unknown(connection, ["c"]) == 0
    told = {d.cache_type: d.last_error for d in queue.depth(connection)}
    assert told == {"c": None, "nobody's": "unknown cache type"}


def test_one_folds_at_a_time(connection: Connection, url: str) -> None:
    with worker(url) as other, other.transaction():
        queue.fold(other)
        assert queue.fold(connection).busy


def test_a_fold_takes_a_part_of_a_long_log(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO perf_pipeline_meta.invalidation_log_1 (cache_type, entity)"
        " SELECT 'c', n::text FROM generate_series(1, 25) AS n"
    )
    told = [queue.fold(connection, most=10) for _ in range(3)]
    assert [(f.taken, f.more) for f in told] == [(10, True), (10, True), (5, False)]


def test_who_comes_while_one_folds_waits_for_it(connection: Connection, url: str) -> None:
    """A large fold takes longer than a worker waits for an application."""
    change(connection, "a")
    found: list[Due] = []

    def claim() -> None:
        with worker(url) as other:
            other.execute("SET lock_timeout = '1ms'")
            found.extend(queue.claim(other, CACHE, at=after(5)))
            assert other.execute("SHOW lock_timeout").fetchone() == ("1ms",)
            queue.finish(other, found)

    with ThreadPoolExecutor(1) as pool:
        with connection.transaction():
            catalog.rows(connection, "queue_lock")
            assert connection.execute("SHOW lock_timeout").fetchone() == ("0",)
            claiming = pool.submit(claim)
            waits = "SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = %s"
            while not connection.execute(waits, [connection.info.dbname]).fetchall():
                assert not claiming.done(), claiming.result()
                connection.execute("SELECT pg_stat_clear_snapshot()")
            connection.execute("SELECT pg_sleep(0.05)")
            assert not claiming.done()
        claiming.result(60)
    assert [due.entity for due in found] == ["a"]
    assert queue.depth(connection) == []


def test_a_look_tells_whether_there_is_work(connection: Connection) -> None:
    assert not queue.due_now(connection, [CACHE])
    connection.execute("SELECT perf_pipeline_meta.invalidate('c', 'a')")
    assert queue.due_now(connection, [CACHE]) == queue.DueNow(True, ())
    queue.fold(connection)
    connection.execute("DELETE FROM perf_pipeline_meta.invalidation_queue")
    change(connection, "a")
    assert not queue.due_now(connection, [CACHE], at=after(1.9))
    assert queue.due_now(connection, [CACHE], at=after(2)) == queue.DueNow(False, ("c",))
    queue.claim(connection, CACHE, at=after(2))
    assert not queue.due_now(connection, [CACHE], at=after(2))


def test_without_a_queue_the_look_says_what_to_do(make_database: Any) -> None:
    with (
        worker(make_database()) as connection,
        pytest.raises(ConfigurationError, match="invalidation install"),
    ):
        queue.due_now(connection, [CACHE])


class Clinic:
    """Random changes and workers on a clock of their own, beside what must be true of them."""

    def __init__(self, connection: Connection, seed: int) -> None:
        self.connection = connection
        self.random = random.Random(seed)
        self.cache = CacheType("c", debounce_s=2.0, max_wait_s=6.0, max_attempts=3)
        self.seconds = 0.0
        self.truth = dict.fromkeys("abcdef", 0)
        self.cached = dict(self.truth)
        self.generations: dict[str, int] = {}
        #: Who works on what: the claim, what of it fails, and when the lease ends.
        self.held: list[tuple[list[Due], set[str], float]] = []

    def run(self, steps: int) -> None:
        chosen = [self.change] * 4 + [self.fold, self.claim, self.end] + [self.tick] * 2
        for _ in range(steps):
            self.random.choice(chosen)()
        self.settle()

    def change(self) -> None:
        # one of them is hot: it changes all the time
        entity = self.random.choice("aaaaaabcdef")
        self.truth[entity] += 1
        self.connection.execute(
            f"INSERT INTO perf_pipeline_meta.invalidation_log_{self.random.randrange(2)}"
            " (cache_type, entity, queued_at) VALUES ('c', %s, %s)",
            [entity, after(self.seconds)],
        )

    def fold(self) -> None:
        lease = self.random.choice([1.0, 5.0, 60.0])
        wanted = queue.Wanted(
            [(self.cache, self.random.randint(0, 4))], self.random.randint(0, 2), lease
        )
        folded = queue.fold(
            self.connection,
            most=self.random.choice([1, 3, 100]),
            wanted=wanted if wanted.batches else queue.Wanted((), 0, 0.0),
            at=after(self.seconds),
        )
        for batch in folded.claimed:
            self.serve(batch, lease)

    def claim(self) -> None:
        lease = self.random.choice([1.0, 5.0, 60.0])
        self.serve(
            queue.claim(
                self.connection, self.cache, self.random.randint(1, 4), lease,
                at=after(self.seconds),
            ),
            lease,
        )  # fmt: skip

    def serve(self, batch: list[Due], lease: float) -> None:
        mine = {due.entity for due in batch}
        for others, _, until in self.held:
            assert until <= self.seconds or mine.isdisjoint(due.entity for due in others)
        for due in batch:
            assert due.generation >= self.generations.get(due.entity, 0)
            self.generations[due.entity] = due.generation
            quiet = self.seconds - (due.last_queued_at - NOW).total_seconds()
            waited = self.seconds - (due.first_queued_at - NOW).total_seconds()
            assert quiet >= 2.0 or waited >= 6.0 or due.attempts
        # values are made now, and finished some time later
        failed = {due.entity for due in batch if self.random.random() < 0.2}
        self.cached.update({entity: self.truth[entity] for entity in mine - failed})
        self.held.append((batch, failed, self.seconds + lease))

    def end(self) -> None:
        if not self.held:
            return
        batch, names, _ = self.held.pop(self.random.randrange(len(self.held)))
        if self.random.random() < 0.2:
            return  # killed: the lease ends by itself
        failed = [due for due in batch if due.entity in names]
        done = [due for due in batch if due.entity not in names]
        told = queue.finish(self.connection, done)
        assert told.done + told.changed_meanwhile + told.lost_lease == len(done)
        queue.fail(
            self.connection, [(due, "x") for due in failed], self.cache, at=after(self.seconds)
        )

    def tick(self) -> None:
        self.seconds += self.random.choice([0.125, 0.5, 1.0])

    def settle(self) -> None:
        """Serve all that is left, the dead as well."""
        for _ in range(20):
            self.seconds += 700.0
            queue.retry(self.connection)
            while queue.fold(self.connection).taken:
                pass
            batch = queue.claim(self.connection, self.cache, at=after(self.seconds))
            self.cached.update({due.entity: self.truth[due.entity] for due in batch})
            queue.finish(self.connection, batch)
            if not queue.depth(self.connection):
                return
        raise AssertionError("the queue does not become empty")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_cache_is_right_in_the_end(connection: Connection, seed: int) -> None:
    clinic = Clinic(connection, seed)
    clinic.run(250)
    assert clinic.cached == clinic.truth
    assert min(clinic.truth.values()) > 0


def test_finishing_whatever_was_claimed_would_be_noticed(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The described design (D-099): delete what was claimed, however it changed meanwhile."""

    def finish(connection: Connection, done: Sequence[Due]) -> queue.Finished:
        for due in done:
            connection.execute(
                "DELETE FROM perf_pipeline_meta.invalidation_queue WHERE entity = %s", [due.entity]
            )
        return queue.Finished(done=len(done))

    monkeypatch.setattr(queue, "finish", finish)

    def search() -> None:
        for seed in range(8):
            clinic = Clinic(connection, seed)
            clinic.run(150)
            assert clinic.cached == clinic.truth

    with pytest.raises(AssertionError):
        search()
