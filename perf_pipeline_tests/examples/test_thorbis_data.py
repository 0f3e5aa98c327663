from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import thorbis_data
from perf_pipeline.examples.thorbis import LEFT_EMPTY, TABLES
from perf_pipeline.examples.thorbis_data import chunks
from perf_pipeline.examples.thorbis_home_services import HS_STATUS
from perf_pipeline.examples.thorbis_kit import Size

NOW = datetime(2026, 3, 4, 5, 6, 7)
SIZE = Size(businesses=12, orders_per_business=300)


def tables(size: Size = SIZE, seed: int = 1) -> dict[tuple[str, str], pl.DataFrame]:
    made: dict[tuple[str, str], pl.DataFrame] = {}
    for chunk in chunks(size, seed, NOW):
        for table, frame in chunk.items():
            made[table] = pl.concat([made[table], frame]) if table in made else frame
    return made


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, str], pl.DataFrame]:
    return tables()


def test_every_table_is_filled(made: dict[tuple[str, str], pl.DataFrame]) -> None:
    assert set(made) == set(TABLES) - LEFT_EMPTY
    assert all(frame.height for frame in made.values())


def test_same_seed_same_rows_other_seed_other_rows(
    made: dict[tuple[str, str], pl.DataFrame],
) -> None:
    again, other = tables(), tables(seed=2)
    for table, frame in made.items():
        assert frame.equals(again[table]), table
    assert not made["hs", "work_orders"].equals(other["hs", "work_orders"])


def test_work_orders_are_as_described(made: dict[tuple[str, str], pl.DataFrame]) -> None:
    orders = made["hs", "work_orders"]
    assert orders.height == SIZE.orders_per_business * SIZE.home_services_businesses
    assert set(orders["status"]) == set(HS_STATUS)
    assert orders["total_amount"].is_between(100, 2100).all()
    assert orders["created_at"].is_between(NOW - timedelta(days=365), NOW).all()
    assert orders["completed_at"].drop_nulls().is_between(NOW - timedelta(days=365), NOW).all()
    assert orders.filter(
        (pl.col("status") == "completed") != pl.col("completed_at").is_not_null()
    ).is_empty()
    coming = orders.filter(pl.col("status") == "pending", pl.col("scheduled_date") >= NOW.date())
    assert 0.6 < coming.height / (orders["status"] == "pending").sum() < 0.95
    assert orders["id"].to_list() == list(range(1, orders.height + 1))


def test_sizes_are_skewed_and_customers_come_back(
    made: dict[tuple[str, str], pl.DataFrame],
) -> None:
    orders = made["hs", "work_orders"]
    per_tenant = orders["business_id"].value_counts()["count"]
    assert per_tenant.max() > 1.3 * per_tenant.min()  # type: ignore[operator]
    per_customer = orders["customer_id"].value_counts()["count"]
    assert per_customer.mean() > 5  # type: ignore[operator]
    assert per_customer.max() > 4 * per_customer.median()  # type: ignore[operator]


def test_tenants_share_pages(made: dict[tuple[str, str], pl.DataFrame]) -> None:
    # a tenant's rows lie apart, as in a table that grew: else a missing index would cost nothing
    tenant = made["hs", "work_orders"]["business_id"]
    assert (tenant != tenant.shift(1)).mean() > 0.4  # type: ignore[operator]


@pytest.mark.parametrize(
    ("child", "column", "parent"),
    [
        (("hs", "work_orders"), "customer_id", ("hs", "customers")),
        (("hs", "work_orders"), "assigned_technician_id", ("hs", "technicians")),
        (("hs", "invoices"), "work_order_id", ("hs", "work_orders")),
        (("hs", "payments"), "invoice_id", ("hs", "invoices")),
        (("auto", "repair_orders"), "vehicle_id", ("auto", "vehicles")),
        (("auto", "invoices"), "repair_order_id", ("auto", "repair_orders")),
        (("security_mgmt", "audit_logs"), "user_id", ("user_mgmt", "user_profiles")),
    ],
)
def test_a_child_belongs_to_the_tenant_of_its_parent(
    made: dict[tuple[str, str], pl.DataFrame],
    child: tuple[str, str],
    column: str,
    parent: tuple[str, str],
) -> None:
    joined = (
        made[child]
        .filter(pl.col(column).is_not_null())
        .join(made[parent], left_on=column, right_on="id", how="left", suffix="_parent")
    )
    assert joined.height > 0
    assert (joined["business_id"] == joined["business_id_parent"]).all()


def test_each_industry_has_its_own_kind_of_orders(
    made: dict[tuple[str, str], pl.DataFrame],
) -> None:
    industry = made["tenant_mgmt", "businesses"].select("id", "industry")
    for table, expected in (
        (("hs", "work_orders"), "home_services"),
        (("auto", "repair_orders"), "automotive"),
        (("rest", "orders"), "restaurant"),
        (("ret", "transactions"), "retail"),
    ):
        joined = made[table].join(industry, left_on="business_id", right_on="id")
        assert set(joined["industry"]) == {expected}


def test_variables_lead_to_ids_that_exist(made: dict[tuple[str, str], pl.DataFrame]) -> None:
    customers, technicians = made["hs", "customers"], made["hs", "technicians"]
    variables = SIZE.variables()
    for k in range(variables["hs_businesses"]):
        for frame, name in (
            (customers, "customers_per_business"),
            (technicians, "technicians_per_business"),
        ):
            ids = range(k * variables[name] + 1, (k + 1) * variables[name] + 1)
            owners = frame.filter(pl.col("id").is_in(list(ids)))["business_id"]
            assert owners.to_list() == [1 + 4 * k] * variables[name]


def test_large_data_comes_in_groups_with_ids_that_never_meet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = tables()
    monkeypatch.setattr(thorbis_data, "_CHUNK_ORDERS", 400)
    assert sum(1 for _ in chunks(SIZE, 1, NOW)) > 5
    split = tables()
    for table in (("hs", "work_orders"), ("hs", "customers"), ("auto", "vehicles")):
        assert split[table]["id"].n_unique() == split[table].height == whole[table].height


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 30), st.integers(1, 60), st.integers(0, 2**32))
def test_any_size_gives_the_asked_number_of_orders(businesses: int, orders: int, seed: int) -> None:
    made = tables(Size(businesses, orders), seed)
    kinds = (("hs", "work_orders"), ("auto", "repair_orders"), ("rest", "orders"))
    total = sum(made[table].height for table in (*kinds, ("ret", "transactions")))
    assert total == businesses * orders
    assert made["tenant_mgmt", "businesses"].height == businesses


@pytest.mark.parametrize(
    ("businesses", "orders", "name"), [(3, 10, "businesses=3"), (4, 0, "orders_per_business=0")]
)
def test_too_small_is_refused(businesses: int, orders: int, name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Size(businesses, orders)
