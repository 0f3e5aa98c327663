import pytest

from perf_pipeline.components.partitions import PartitionPolicy
from perf_pipeline.partitions.adopt import adopt, merged
from perf_pipeline.partitions.runner import session
from perf_pipeline_tests.partitions.conftest import PARENT, Shop, months_ago

pytestmark = pytest.mark.server


def test_tables_made_by_hand_are_recognised_and_taken_over(shop: Shop) -> None:
    for ago in (3, 1, 0, -1, -2, -3):
        first, last, suffix = months_ago(ago)
        shop.partition(first, last, f"hand_made_{suffix}")
    shop.connection.execute(
        "CREATE TABLE app.h (t int) PARTITION BY HASH (t);"
        "CREATE TABLE app.h0 PARTITION OF app.h FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE app.n (i bigint) PARTITION BY RANGE (i);"
        "CREATE TABLE app.n0 PARTITION OF app.n FOR VALUES FROM (0) TO (500);"
        "CREATE TABLE app.l (t int) PARTITION BY LIST (t)"
    )
    with session(shop.url) as connection:
        found = {one.parent: one for one in adopt(connection)}
    assert found[PARENT].declared == {
        "parent": PARENT,
        "column": "at",
        "every": "month",
        "premake": 3,
    }
    assert found["app.h"].declared == {"parent": "app.h", "column": "t", "modulus": 2}
    assert found["app.n"].declared == {"parent": "app.n", "column": "i", "step": 500}
    assert (found["app.l"].declared, found["app.l"].why) == (None, "it is partitioned by list")
    # what is printed is a policy, and the months it lacks are made around what there is
    policy = PartitionPolicy(**found[PARENT].declared).declared()
    assert shop.did(policy) == [("create", months_ago(2)[2], "done")]
    hashed = PartitionPolicy(**found["app.h"].declared).declared()
    assert [d.partition for d in shop.run(hashed).done] == ["app.h_h1"]


def test_what_pg_partman_was_told_is_kept_and_nothing_dropped_unseen() -> None:
    config = {"premake": 4, "retention": "2 mons", "retention_keep_table": False}
    declared = merged({"parent": PARENT, "column": "at", "every": "month", "premake": 9}, config)
    assert declared["premake"] == 4
    assert (declared["retention"], declared["then"]) == ("2 months", "archive_then_drop")
    assert str(PartitionPolicy(**declared).declared().retention) == "2 months"
    kept = merged(
        {"parent": PARENT, "column": "id", "step": 10},
        {**config, "retention": "1000", "retention_keep_table": True},
    )
    assert (kept["retention_count"], kept["then"]) == (1000, "detach")
