"""What thorbis' caches are told, by changes, by a refreshed view, and by system_core."""

import random
from collections.abc import Iterator

import pytest

from perf_pipeline.components.catalog import declared_views
from perf_pipeline.invalidation import drain
from perf_pipeline.invalidation.client import CacheClient, Limits
from perf_pipeline.store import Store
from perf_pipeline.views import run as views
from perf_pipeline_tests.examples.caches import Connection, captured, declared, policies, told
from perf_pipeline_tests.servers.caches import RedisServer

pytestmark = pytest.mark.server

#: Nothing that a notification, or an entry of an index, could hold.
LONG = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=20_000))


@pytest.fixture
def db(thorbis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setenv("THORBIS_URL", thorbis_url)
    with captured(thorbis_url, "thorbis") as connection:
        yield connection


def test_a_change_concerns_whom_it_concerns(db: Connection) -> None:
    business, user = db.execute(
        "SELECT business_id, id FROM user_mgmt.user_profiles ORDER BY id LIMIT 1"
    ).fetchall()[0]
    sessions = db.execute(
        "INSERT INTO user_mgmt.user_sessions (user_id, expires_at)"
        " SELECT %s, now() + interval '1 day' FROM generate_series(1, 2) RETURNING id::text",
        [user],
    ).fetchall()
    mine = {("user:session", row[0]) for row in sessions}
    assert told(db) == mine
    everybodys = {
        ("user:session", row[0])
        for row in db.execute(
            "SELECT id::text FROM user_mgmt.user_sessions WHERE user_id = %s", [user]
        )
    }
    # what a session may do is what its user may
    db.execute("UPDATE user_mgmt.user_profiles SET role_level = 5 WHERE id = %s", [user])
    assert told(db) == everybodys >= mine
    db.execute("UPDATE tenant_mgmt.businesses SET name = 'n' WHERE id = %s", [business])
    assert told(db) == {("business:config", str(business))}
    [(shop,)] = db.execute("SELECT min(business_id) FROM ret.products").fetchall()
    db.execute("UPDATE ret.products SET unit_price = 1 WHERE business_id = %s", [shop])
    assert told(db) == {("catalog", str(shop))}


@pytest.mark.parametrize(
    ("pattern", "business", "asked"),
    [
        ("dashboard:metrics", None, ("dashboard:metrics", "*")),
        ("dashboard:metrics:*", 5, ("dashboard:metrics", "5")),
        ("dashboard:metrics:{business_id}:{date}", 5, ("dashboard:metrics", "5")),
        ("{industry}:catalog:{business_id}", 5, ("catalog", "5")),
        ("business:config:7", 7, ("business:config", "7")),
    ],
)
def test_an_order_to_forget_is_an_entry_of_the_queue(
    db: Connection, pattern: str, business: int | None, asked: tuple[str, str]
) -> None:
    """T-30."""
    db.execute("SELECT system_core.invalidate_cache(%s, %s)", (pattern, business))
    assert told(db) == {asked}


def test_an_order_commits_with_its_transaction(db: Connection) -> None:
    with db.transaction(force_rollback=True):
        db.execute("SELECT system_core.invalidate_cache('catalog', 1)")
    assert told(db) == set()


def test_an_order_of_a_type_nobody_declares_is_kept_and_told(db: Connection) -> None:
    """D-014: an announcement alone would be lost; its pattern may be of any length."""
    db.execute("SELECT system_core.invalidate_cache(%s, 5)", (LONG,))
    target, caches = declared("thorbis")
    drain.drain(target, caches)
    assert drain.drain(target, caches).unknown == 1
    assert {entity for _, entity in told(db)} == {"5"}


def test_a_refreshed_view_ends_the_dashboards_made_from_it(
    db: Connection, store: Store, redis_server: RedisServer
) -> None:
    """T-29: T-21's materialization invalidates them, in the transaction of the refresh."""
    target, caches = declared("thorbis")
    view_target, declared_policies = declared_views("thorbis")
    with CacheClient(policies("thorbis"), Limits(l1_keys=0), listen=False) as client:
        day = {"date": "2026-11-21"}
        assert client.get("dashboard:metrics", "5", lambda: 1, day) == 1
        [outcome] = views.run(store, view_target, declared_policies, force=True)
        assert outcome.status == "refreshed", outcome
        assert client.get("dashboard:metrics", "5", lambda: 2, day) == 1
        assert drain.drain(target, caches).down == ()
        assert client.get("dashboard:metrics", "5", lambda: 2, day) == 2


def test_keys_and_times_are_the_described_ones() -> None:
    """T-26 to T-29."""
    found = policies("thorbis")
    parts = {"industry": "rest", "date": "2026-11-21"}
    named = {name: (policy.key_of("7", parts), policy.ttl_s) for name, policy in found.items()}
    assert named == {
        "user:session": ("user:session:{7}", 24 * 3600),
        "business:config": ("business:config:{7}", 3600),
        "catalog": ("rest:catalog:{7}", 1800),
        "dashboard:metrics": ("dashboard:metrics:{7}:2026-11-21", 300),
    }
