"""The rows of menuca: deterministic, true to each other, found by arithmetic."""

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import menuca_data
from perf_pipeline.examples.menuca import TABLES
from perf_pipeline.examples.menuca_data import chunks
from perf_pipeline.examples.menuca_kit import Size

NOW = datetime(2026, 3, 4, 5, 6, 7)
SIZE = Size(tenants=30, orders_per_restaurant=120, items_per_restaurant=8, users_per_tenant=12)

Tables = dict[str, pl.DataFrame]


def tables(size: Size = SIZE, seed: int = 1) -> Tables:
    made: Tables = {}
    for chunk in chunks(size, seed, NOW):
        for (_, table), frame in chunk.items():
            made[table] = pl.concat([made[table], frame]) if table in made else frame
    return made


def cents(column: str) -> pl.Expr:
    return (pl.col(column) * 100).round().cast(pl.Int64)


@pytest.fixture(scope="module")
def made() -> Tables:
    return tables()


def test_every_table_is_filled(made: Tables) -> None:
    assert [("menuca", name) for name in made] == list(TABLES)
    assert all(frame.height for frame in made.values())


def test_same_seed_same_rows_other_seed_other_rows(made: Tables) -> None:
    again, other = tables(), tables(seed=2)
    assert all(frame.equals(again[name]) for name, frame in made.items())
    assert not made["orders"].equals(other["orders"])


def test_every_tenth_tenant_is_a_chain(made: Tables) -> None:
    owners = dict(
        made["tenants"]
        .join(made["restaurants"], left_on="id", right_on="tenant_id")
        .group_by("id")
        .len()
        .rows()
    )
    assert owners == {t: 3 if t % 10 == 0 else 1 for t in range(1, 31)}
    assert sorted(made["restaurants"]["id"]) == list(range(1, SIZE.restaurants + 1))


@pytest.mark.parametrize(
    ("child", "column", "parent"),
    [
        ("opening_hours", "restaurant_id", "restaurants"),
        ("delivery_areas", "restaurant_id", "restaurants"),
        ("menus", "restaurant_id", "restaurants"),
        ("menu_items", "restaurant_id", "restaurants"),
        ("menu_items", "menu_id", "menus"),
        ("orders", "restaurant_id", "restaurants"),
        ("orders", "user_id", "users"),
        ("order_items", "order_id", "orders"),
        ("order_items", "menu_item_id", "menu_items"),
        ("audit_logs", "user_id", "users"),
    ],
)
def test_a_child_belongs_to_the_tenant_of_its_parent(
    made: Tables, child: str, column: str, parent: str
) -> None:
    joined = made[child].join(
        made[parent], left_on=column, right_on="id", how="left", suffix="_parent"
    )
    assert joined.height == made[child].height
    assert (joined["tenant_id"] == joined["tenant_id_parent"]).all()


def test_an_order_costs_what_its_lines_cost(made: Tables) -> None:
    sums = (
        made["order_items"]
        .group_by("order_id")
        .agg(total=(pl.col("quantity") * pl.col("unit_price")).sum().round(2))
    )
    joined = made["orders"].join(sums, left_on="id", right_on="order_id", how="left")
    assert (joined["total"] == joined["total_amount"]).all()
    prices = made["order_items"].join(made["menu_items"], left_on="menu_item_id", right_on="id")
    assert (prices["unit_price"] == prices["price"]).all()


def test_orders_are_as_described(made: Tables) -> None:
    orders = made["orders"]
    assert orders["id"].to_list() == list(range(1, orders.height + 1))
    placed = orders["placed_at"]
    assert placed.is_between(NOW - timedelta(days=365), NOW).all()
    assert placed.is_sorted()
    live = orders.filter(~pl.col("status").is_in(["delivered", "cancelled"]))
    assert 0.01 < live.height / orders.height < 0.03
    assert (live["placed_at"] > NOW - timedelta(minutes=90)).all()
    assert ((orders["status"] == "delivered") == orders["delivered_at"].is_not_null()).all()
    assert (orders["delivered_at"].drop_nulls() <= NOW).all()
    share = orders["commission_amount"] / orders["total_amount"]
    assert share.is_between(0.07, 0.16).all()
    guests = made["users"].filter(pl.col("role") == "customer")["id"]
    assert orders["user_id"].is_in(guests.implode()).all()


def test_sizes_are_skewed_and_guests_come_back(made: Tables) -> None:
    per_restaurant = made["orders"]["restaurant_id"].value_counts()["count"]
    assert per_restaurant.max() > 2 * per_restaurant.min()  # type: ignore[operator]
    per_guest = made["orders"]["user_id"].value_counts()["count"]
    assert per_guest.max() > 3 * per_guest.median()  # type: ignore[operator]


def test_commissions_are_what_was_delivered_day_by_day_before_today(made: Tables) -> None:
    expected = (
        made["orders"]
        .filter(pl.col("status") == "delivered", pl.col("placed_at").dt.date() < NOW.date())
        .group_by("restaurant_id", commission_day=pl.col("placed_at").dt.date())
        .agg(orders=pl.len(), cents=cents("commission_amount").sum())
        .sort("commission_day", "restaurant_id")
    )
    found = made["commissions"].select(
        "restaurant_id", "commission_day", "orders", cents=cents("amount")
    )
    assert found.rows() == expected.rows()
    age = (NOW.date() - pl.col("commission_day")).dt.total_days()
    statuses = made["commissions"].select(age=age, status="status")
    assert statuses.filter(pl.col("age") <= 30)["status"].unique().to_list() == ["calculated"]
    assert set(statuses["status"]) == {"calculated", "invoiced", "paid"}


def test_configurations_are_json_and_some_restaurants_have_none(made: Tables) -> None:
    texts = made["restaurants"]["configuration"]
    assert 0 < texts.null_count() < texts.len() / 2
    read = [json.loads(text) for text in texts.drop_nulls()]
    assert all(set(item) == {"cuisine", "accepts", "loyalty"} for item in read)


def test_ids_are_found_by_arithmetic(made: Tables) -> None:
    sizes = SIZE.variables()
    assert sizes["restaurants"] == made["restaurants"].height
    items, users = made["menu_items"], made["users"]
    per = sizes["items_per_restaurant"]
    assert (items["restaurant_id"] == (items["id"] - 1) // per + 1).all()
    assert (users["tenant_id"] == (users["id"] - 1) // sizes["users_per_tenant"] + 1).all()
    owner = made["restaurants"].with_columns(
        found=pl.when(pl.col("id") <= sizes["tenants"])
        .then(pl.col("id"))
        .otherwise(((pl.col("id") - sizes["tenants"] - 1) // 2 + 1) * 10)
    )
    assert (owner["found"] == owner["tenant_id"]).all()


def test_large_data_comes_in_groups_with_ids_that_never_meet(
    made: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(menuca_data, "_CHUNK_ORDERS", 500)
    assert sum(1 for _ in chunks(SIZE, 1, NOW)) > 5
    split = tables()
    for name in ("orders", "restaurants", "menu_items", "menus", "users", "delivery_areas"):
        assert split[name]["id"].n_unique() == split[name].height == made[name].height


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
def test_any_size_gives_the_asked_number_of_orders(tenants: int, orders: int, seed: int) -> None:
    size = Size(tenants, orders, 2, 5)
    made = tables(size, seed)
    assert made["orders"].height == orders * size.restaurants
    assert made["tenants"].height == tenants


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2000), st.data())
def test_every_restaurant_is_somebodys_and_nobody_elses(tenants: int, data: st.DataObject) -> None:
    size = Size(tenants)
    cut = data.draw(st.integers(0, tenants))
    parts = [np.arange(1, cut + 1), np.arange(cut + 1, tenants + 1)]
    found = np.concatenate([size.restaurants_of(part)[0] for part in parts])
    assert sorted(found.tolist()) == list(range(1, size.restaurants + 1))


@pytest.mark.parametrize(
    ("change", "least"),
    [
        ({"tenants": 0}, 1),
        ({"orders_per_restaurant": 0}, 1),
        ({"items_per_restaurant": 1}, 2),
        ({"users_per_tenant": 4}, 5),
    ],
)
def test_too_small_is_refused(change: dict[str, int], least: int) -> None:
    name, value = next(iter(change.items()))
    with pytest.raises(ConfigurationError, match=rf"{name}={value} .*\n?.*"):
        Size(**change)
    Size(**{name: least})
