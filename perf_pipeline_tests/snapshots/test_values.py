import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.snapshots import values

NAMES = [
    "work_orders",
    "idx_hs_work_orders_customer_history",
    "events_p20240131",
    "Order Items",
    "größe",
    "InternationalizationKeys2024",
    "subscriptionmetricsofcustomers",
    "pg_stat_statements",
    "a@>b",
    "utf8mb4_0900_ai_ci",
    "_hyper_12_345_chunk",
    "fk_orders_customers_1a2b3c4d",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay(name: str) -> None:
    assert values.screened(name) == name


VALUES = [
    ("bob@example.org", "?"),
    ("mail bob.smith+x@mail.example.org now", "mail ? now"),
    ("josé@exämple.org", "?"),
    ("postgresql://u:pw@host/db", "postgresql://u:?/db"),
    ("tenant_550e8400-e29b-41d4-a716-446655440000_x", "tenant_?_x"),
    ("t_550E8400E29B41D4A716446655440000", "t_?"),
    ("card4111111111111111", "card?"),
    ("sk_live_51HxAbC2dEf3gH4iJ5", "sk_live_?"),
    ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "ghp_?"),
    ("AKIAIOSFODNN7EXAMPLE", "?"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x", "?.?.x"),
    ("fk8ahhk8vqegfrt6pd1p9i03aej", "?"),
    ("deadbeefcafe0001", "?"),
]


@pytest.mark.parametrize(("text", "shown"), VALUES)
def test_values_go(text: str, shown: str) -> None:
    assert values.screened(text) == shown


def test_columns_are_screened_where_they_are_there() -> None:
    names = [*NAMES, None, *(text for text, _ in VALUES)]
    frame = pl.DataFrame({"name": names, "other": names})
    shown = values.screened_columns(frame, ("other", "missing"))
    assert shown["name"].to_list() == [*NAMES, None, *(shown for _, shown in VALUES)]
    assert shown["other"].to_list() == names
    plain = pl.DataFrame({"name": NAMES[:4]})
    assert values.screened_columns(plain) is plain


@given(st.text(alphabet="ab1_@-. F", max_size=60))
def test_screening_again_changes_nothing(text: str) -> None:
    once = values.screened(text)
    assert values.screened(once) == once
    # the quick look overlooks nothing
    frame = pl.DataFrame({"name": [text]})
    assert values.screened_columns(frame)["name"][0] == once


@given(st.integers(10**8, 10**30), st.sampled_from(["", "a", "x_", " "]))
def test_no_long_number_stays(number: int, before: str) -> None:
    assert str(number)[:9] not in values.screened(f"{before}{number}z")
    assert values.quoted_name(f"{before}{number}") in {"?", f"{before}?"}
