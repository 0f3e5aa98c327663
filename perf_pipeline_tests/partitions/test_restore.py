from dataclasses import replace

import psycopg
import pytest

from perf_pipeline.errors import InputError
from perf_pipeline.partitions import proofs
from perf_pipeline.partitions import restore as restoring
from perf_pipeline.partitions.model import Policy
from perf_pipeline.partitions.restore import Restored, restore
from perf_pipeline.store import Store, archive_check
from perf_pipeline.store.retention import Policy as Retention
from perf_pipeline_tests.partitions.conftest import BUDGET, PARENT, Shop, months_ago

pytestmark = pytest.mark.server
HASH = "SELECT sum(hashtext(e::text)::bigint) FROM app.events AS e"


def back(shop: Shop, policy: Policy, name: str, **kwargs: object) -> Restored:
    policies = {PARENT: policy}
    return restore(
        shop.store,
        shop.files,
        shop.name,
        shop.url,
        policies,
        name,
        budget=BUDGET,
        **kwargs,  # type: ignore[arg-type]
    )


def dropped(shop: Shop, rows: int = 100) -> tuple[str, Policy]:
    first, last, suffix = months_ago(5)
    shop.partition(first, last, f"events_{suffix}")
    shop.fill(first, rows)
    # what no typed column holds
    shop.connection.execute(
        "INSERT INTO app.events (at, amount, note)"
        f" VALUES ('{first} 00:00:00.000001+00', 'NaN', '\\.')"
    )
    return suffix, shop.old(fill_gaps=False)


def test_what_comes_back_is_what_went(shop: Shop) -> None:
    suffix, policy = dropped(shop)
    before = shop.one(HASH)
    shop.run(policy)
    assert suffix not in shop.attached()
    done = back(shop, policy, f"events_{suffix}")
    assert (done.rows, done.attached, done.checked) == (101, True, "rows and hash")
    assert shop.one(HASH) == before
    assert suffix in shop.attached()
    # the policy leaves it alone, until its time is over
    assert shop.nothing_left(policy)
    with pytest.raises(InputError, match="restored already"):
        back(shop, policy, f"events_{suffix}")
    (proof,) = proofs.of_target(shop.store, shop.name)
    shop.store.rows(
        "partition_restored",
        {
            "archive_id": proof.archive_id,
            "relation": shop.one(f"SELECT 'app.events_{suffix}'::regclass::oid"),
            "hold": "-1 day",
        },
    )
    assert shop.did(policy) == [("detach", suffix, "done"), ("drop", suffix, "done")]
    back(shop, policy, f"app.events_{suffix}", hold_days=1)
    assert shop.one(HASH) == before


def test_killed_between_loading_and_attaching_it_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    suffix, policy = dropped(shop)
    shop.run(policy)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_attach", killed)
        with pytest.raises(KeyboardInterrupt):
            back(shop, policy, f"events_{suffix}")
    assert suffix not in shop.attached()
    assert back(shop, policy, f"events_{suffix}").rows == 101
    assert suffix in shop.attached()


def test_a_table_of_that_name_and_an_unknown_one_are_told(shop: Shop) -> None:
    suffix, policy = dropped(shop)
    shop.run(policy)
    with pytest.raises(InputError, match="no partition 'events_1999_01'"):
        back(shop, policy, "events_1999_01")
    shop.connection.execute(f"CREATE TABLE app.events_{suffix} (a int)")
    with pytest.raises(InputError, match="exists and is not"):
        back(shop, policy, f"events_{suffix}")


def test_a_parent_that_has_changed_takes_what_it_still_has(shop: Shop) -> None:
    suffix, policy = dropped(shop)
    shop.run(policy)
    shop.connection.execute("ALTER TABLE app.events DROP COLUMN note, ADD COLUMN more int")
    done = back(shop, policy, f"events_{suffix}", attach=False)
    assert (done.checked, done.attached) == ("rows", False)
    assert shop.one(f"SELECT count(*) FROM app.events_{suffix} WHERE more IS NULL") == 101


def test_times_that_polars_does_not_hold_are_kept_as_text(shop: Shop) -> None:
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE app.events ADD COLUMN until timestamptz, ADD COLUMN f float8"
        )
    first, last, suffix = months_ago(5)
    shop.partition(first, last, f"events_{suffix}")
    shop.connection.execute(
        f"INSERT INTO app.events (at, until, f) VALUES ('{first}+00', 'infinity', 'NaN'),"
        f" ('{first}+00', '0044-03-15 BC', '-Infinity'), ('{first}+00', NULL, 1e-310)"
    )
    before, policy = shop.one(HASH), shop.old(fill_gaps=False)
    assert ("drop", suffix, "done") in shop.did(policy)
    assert back(shop, policy, f"events_{suffix}").rows == 3
    assert shop.one(HASH) == before


def test_the_nightly_look_at_the_archive_knows_these_files(shop: Shop, store: Store) -> None:
    shop = replace(shop, store=store)  # of its own: the look is at all targets
    _, policy = dropped(shop)
    shop.run(policy)
    from datetime import UTC, datetime

    retention, today = Retention.from_settings(), datetime.now(UTC).date()
    assert archive_check.check(shop.store, shop.files, retention, today).ok
    (file,) = shop.files.sizes()
    shop.files.put("partitions/strange.parquet", b"x")
    shop.files.delete(file)
    found = archive_check.check(shop.store, shop.files, retention, today)
    assert (found.missing, found.strange) == ((file,), ("partitions/strange.parquet",))
