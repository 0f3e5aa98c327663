"""The rows of the menuca example: seeded, a group of tenants at a time, as Polars frames (pure)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from perf_pipeline.examples.menuca_kit import MENUS, STAFF, Size
from perf_pipeline.examples.thorbis_kit import (
    DAY_US,
    Chunk,
    Ints,
    days_of,
    moments,
    person_names,
    uuids,
    words,
)

__all__ = ["Size", "chunks"]

_CUISINES = ("Thai", "Lebanese", "Italian", "Mexican", "Indian", "Greek", "Korean", "Portuguese")
_DISHES = ("Soup", "Salad", "Curry", "Noodles", "Rice bowl", "Flatbread", "Grill plate", "Cake")
_ZONES = ("UTC", "America/Toronto", "Europe/Lisbon", "Asia/Seoul")
_LIVE = ("pending", "confirmed", "preparing", "on_the_way")
_ACTIONS = ("update_price", "sign_in", "export", "change_hours")
_MINUTE_US = 60_000_000
#: Share of orders that are on their way through the kitchen at the reference time.
_LIVE_SHARE = 0.02
_LIVE_FOR_US = 90 * _MINUTE_US
_CANCELLED_SHARE = 0.05
_AREAS = 4
_AUDIT_PER_TENANT = 20
#: Orders of the largest group built at once.
_CHUNK_ORDERS = 200_000


@dataclass(frozen=True)
class _Group:
    """Some tenants with their restaurants; `counts` are orders per restaurant."""

    size: Size
    rng: np.random.Generator
    now_us: int
    tenants: Ints
    restaurants: Ints
    owners: Ints
    counts: Ints
    first_order: int


def chunks(size: Size, seed: int, now: datetime) -> Iterator[Chunk]:
    """Yield the rows of every table, a group of tenants at a time.

    Parameters
    ----------
    size : Size
    seed : int
        Same size, seed and `now`: same rows.
    now : datetime
        Naive UTC; orders lie within the 365 days before, 2 % of them in the last 90 minutes.

    Yields
    ------
    dict of (schema, table) to polars.DataFrame
        Columns named as in the table; parents before their children.

    """
    rng = np.random.default_rng([seed, 0])
    now_us = int((now - datetime(1970, 1, 1)).total_seconds()) * 1_000_000
    weight = rng.lognormal(0.0, 0.7, size.restaurants)
    counts = rng.multinomial(
        size.orders_per_restaurant * size.restaurants, weight / weight.sum()
    ).astype(np.int64)
    first_order = 1
    for part, tenants in enumerate(_groups(size, counts)):
        restaurants, owners = size.restaurants_of(tenants)
        group = _Group(
            size,
            np.random.default_rng([seed, 1, part]),
            now_us,
            tenants,
            restaurants,
            owners,
            counts[restaurants - 1],
            first_order,
        )
        yield _rows(group)
        first_order += int(group.counts.sum())


def _groups(size: Size, counts: Ints) -> Iterator[Ints]:
    """Cut the tenants where their orders would be more than one chunk."""
    restaurants, owners = size.restaurants_of(np.arange(1, size.tenants + 1))
    per_tenant = np.bincount(owners - 1, weights=counts[restaurants - 1], minlength=size.tenants)
    begin, total = 0, 0.0
    for position, count in enumerate(per_tenant.tolist()):
        if position > begin and total + count > _CHUNK_ORDERS:
            yield np.arange(begin + 1, position + 1)
            begin, total = position, 0.0
        total += count
    yield np.arange(begin + 1, size.tenants + 1)


def _rows(group: _Group) -> Chunk:
    rates = group.rng.integers(8, 16, len(group.restaurants))  # per cent
    prices = 300 + 10 * group.rng.integers(0, 220, len(group.restaurants) * _items(group))
    return {
        **_places(group, rates),
        **_menus(group, prices),
        ("menuca", "users"): _users(group),
        **_orders(group, rates, prices),
        ("menuca", "audit_logs"): _audit_logs(group),
    }


def _items(group: _Group) -> int:
    return group.size.items_per_restaurant


def _places(group: _Group, rates: Ints) -> Chunk:
    rng, n = group.rng, len(group.restaurants)
    cuisine = rng.integers(0, len(_CUISINES), n)
    year_ago = group.now_us - 366 * DAY_US
    # lunch and dinner; closed for lunch on Mondays
    weekday = np.repeat(np.arange(1, 8), 2)[1:]
    opens = ["17:30", *["11:30", "17:30"] * 6]
    closes = ["22:30", *["14:30", "22:30"] * 6]
    areas = np.repeat(group.restaurants, _AREAS)
    return {
        ("menuca", "tenants"): pl.DataFrame(
            {
                "id": group.tenants,
                "public_id": uuids(rng, len(group.tenants)),
                "name": pl.select(pl.format("Company {}", pl.Series(group.tenants))).to_series(),
                "is_active": rng.random(len(group.tenants)) < 0.98,
                "created_at": moments(np.full(len(group.tenants), year_ago)),
            }
        ),
        ("menuca", "restaurants"): pl.DataFrame(
            {
                "id": group.restaurants,
                "tenant_id": group.owners,
                "name": pl.select(
                    pl.format("{} no. {}", words(_CUISINES, cuisine), pl.Series(group.restaurants))
                ).to_series(),
                "status": words(
                    ["active", "paused", "closed"],
                    np.searchsorted(np.array([0.94, 0.98]), rng.random(n)),
                ),
                "time_zone": words(_ZONES, rng.integers(0, len(_ZONES), n)),
                "commission_rate": rates / 100,
                "configuration": _configuration(rng, cuisine),
                "created_at": moments(np.full(n, year_ago)),
            }
        ),
        ("menuca", "opening_hours"): pl.DataFrame(
            {
                "tenant_id": np.repeat(group.owners, len(opens)),
                "restaurant_id": np.repeat(group.restaurants, len(opens)),
                "weekday": np.tile(weekday, n),
                "opens_at": opens * n,
                "closes_at": closes * n,
            }
        ),
        ("menuca", "delivery_areas"): pl.DataFrame(
            {
                "id": (areas - 1) * _AREAS + 1 + np.tile(np.arange(_AREAS), n),
                "tenant_id": np.repeat(group.owners, _AREAS),
                "restaurant_id": areas,
                "postal_area": pl.select(
                    pl.format("K{}A", pl.Series(np.tile(np.arange(1, _AREAS + 1), n)))
                ).to_series(),
                "delivery_fee": rng.integers(0, 12, len(areas)) / 2,
                "minimum_order": rng.integers(10, 31, len(areas)),
                "minutes": rng.integers(20, 61, len(areas)),
            }
        ),
    }


def _configuration(rng: np.random.Generator, cuisine: Ints) -> pl.Series:
    """Return JSON objects; a tenth of the restaurants has none."""
    n = len(cuisine)
    texts = pl.select(
        pl.concat_str(
            pl.lit('{"cuisine": "'),
            words(_CUISINES, cuisine),
            pl.lit('", "accepts": ["card"'),
            words(["", ', "cash"'], rng.integers(0, 2, n)),
            pl.lit('], "loyalty": {"points": '),
            pl.Series(rng.integers(1, 6, n)).cast(pl.String),
            pl.lit("}}"),
        )
    ).to_series()
    return texts.set(pl.Series(rng.random(n) < 0.1), None)


def _menus(group: _Group, prices: Ints) -> Chunk:
    rng, per = group.rng, _items(group)
    owner, restaurant = np.repeat(group.owners, per), np.repeat(group.restaurants, per)
    place = np.tile(np.arange(per), len(group.restaurants))
    n = len(place)
    menus = np.repeat(group.restaurants, MENUS)
    which = np.tile(np.arange(MENUS), len(group.restaurants))
    return {
        ("menuca", "menus"): pl.DataFrame(
            {
                "id": (menus - 1) * MENUS + 1 + which,
                "tenant_id": np.repeat(group.owners, MENUS),
                "restaurant_id": menus,
                "name": words(["All day", "Lunch"], which),
                "is_active": np.full(len(menus), True),
            }
        ),
        ("menuca", "menu_items"): pl.DataFrame(
            {
                "id": (restaurant - 1) * per + 1 + place,
                "tenant_id": owner,
                "restaurant_id": restaurant,
                "menu_id": (restaurant - 1) * MENUS + 1 + place % MENUS,
                "name": words(_DISHES, rng.integers(0, len(_DISHES), n)),
                "description": words(["", "of the house", "with herbs"], rng.integers(0, 3, n)),
                "price": prices / 100,
                "status": words(
                    ["available", "sold_out", "hidden"],
                    np.searchsorted(np.array([0.85, 0.93]), rng.random(n)),
                ),
                "updated_at": moments(
                    group.now_us - (rng.random(n) * 200 * DAY_US).astype(np.int64)
                ),
            }
        ),
    }


def _users(group: _Group) -> pl.DataFrame:
    rng, per = group.rng, group.size.users_per_tenant
    tenant = np.repeat(group.tenants, per)
    place = np.tile(np.arange(per), len(group.tenants))
    ids = (tenant - 1) * per + 1 + place
    status = np.searchsorted(np.array([0.94, 0.97]), rng.random(len(ids)))
    return pl.DataFrame(
        {
            "id": ids,
            "tenant_id": tenant,
            "email": pl.select(pl.format("user{}@example.test", pl.Series(ids))).to_series(),
            "full_name": person_names(rng, len(ids)),
            "role": words([*STAFF, "customer"], np.minimum(place, len(STAFF))),
            "status": words(["active", "suspended", "deleted"], status),
            "created_at": moments(np.full(len(ids), group.now_us - 366 * DAY_US)),
        }
    )


def _orders(group: _Group, rates: Ints, prices: Ints) -> Chunk:
    """Return orders, their lines, and what each restaurant owes for each day of deliveries.

    Restaurants are interleaved in time, as they are in a table that grew. More guests came lately
    than a year ago, and a few of them come often.
    """
    rng, size, now_us = group.rng, group.size, group.now_us
    place = rng.permutation(np.repeat(np.arange(len(group.restaurants)), group.counts))
    n = len(place)
    live = rng.random(n) < _LIVE_SHARE
    age = np.where(
        live,
        rng.random(n) * _LIVE_FOR_US,
        _LIVE_FOR_US + rng.random(n) ** 1.3 * (365 * DAY_US - _LIVE_FOR_US),
    )
    order = np.argsort(-age, kind="stable")
    placed, live = (now_us - age.astype(np.int64))[order], live[order]
    ids = np.arange(group.first_order, group.first_order + n)
    tenant, restaurant = group.owners[place], group.restaurants[place]
    guests = size.users_per_tenant - len(STAFF)
    guest = (guests * rng.random(n) ** 2).astype(np.int64)
    cancelled = ~live & (rng.random(n) < _CANCELLED_SHARE)
    delivered = ~live & ~cancelled
    status = np.where(live, rng.integers(0, len(_LIVE), n), np.where(cancelled, 5, 4))
    # lines: one to four, each of another item of the restaurant
    lines = 1 + rng.integers(0, 4, n)
    of = np.repeat(np.arange(n), lines)
    line_no = np.arange(len(of)) - np.repeat(np.cumsum(lines) - lines, lines)
    item = rng.integers(0, _items(group), len(of))
    quantity = 1 + (rng.random(len(of)) < 0.2).astype(np.int64)
    cents = prices[place[of] * _items(group) + item]
    total = np.bincount(of, weights=quantity * cents, minlength=n).astype(np.int64)
    commission = total * rates[place] // 100
    finished = placed + rng.integers(20 * _MINUTE_US, 75 * _MINUTE_US, n)
    return {
        ("menuca", "orders"): pl.DataFrame(
            {
                "id": ids,
                "tenant_id": tenant,
                "restaurant_id": restaurant,
                "user_id": (tenant - 1) * size.users_per_tenant + 1 + len(STAFF) + guest,
                "status": words([*_LIVE, "delivered", "cancelled"], status),
                "order_type": words(["delivery", "pickup"], (rng.random(n) < 0.3).astype(np.int64)),
                "total_amount": total / 100,
                "commission_amount": commission / 100,
                "placed_at": moments(placed),
                "delivered_at": moments(finished, delivered),
            }
        ),
        ("menuca", "order_items"): pl.DataFrame(
            {
                "tenant_id": tenant[of],
                "order_id": ids[of],
                "line_no": 1 + line_no,
                "menu_item_id": (restaurant[of] - 1) * _items(group) + 1 + item,
                "quantity": quantity,
                "unit_price": cents / 100,
            }
        ),
        ("menuca", "commissions"): _commissions(
            group, restaurant[delivered], placed[delivered], commission[delivered]
        ),
    }


def _commissions(group: _Group, restaurant: Ints, placed: Ints, cents: Ints) -> pl.DataFrame:
    """Sum up per restaurant and UTC day, counted in the night after; older ones are settled."""
    per_day = (
        pl.DataFrame({"restaurant_id": restaurant, "day": placed // DAY_US, "cents": cents})
        .group_by("restaurant_id", "day")
        .agg(orders=pl.len(), cents=pl.col("cents").sum())
        .filter(pl.col("day") < group.now_us // DAY_US)  # today is not over
        .sort("day", "restaurant_id")
    )
    day = per_day["day"].to_numpy()
    counted = np.minimum((day + 1) * DAY_US + 2 * 60 * _MINUTE_US, group.now_us)
    age = group.now_us // DAY_US - day
    return pl.DataFrame(
        {
            "restaurant_id": per_day["restaurant_id"],
            "commission_day": days_of(day * DAY_US),
            "orders": per_day["orders"],
            "amount": per_day["cents"] / 100,
            "status": words(
                ["calculated", "invoiced", "paid"], np.searchsorted(np.array([30, 60]), age)
            ),
            "calculated_at": moments(counted),
        }
    )


def _audit_logs(group: _Group) -> pl.DataFrame:
    rng = group.rng
    tenant = np.repeat(group.tenants, _AUDIT_PER_TENANT)
    n = len(tenant)
    actor = (tenant - 1) * group.size.users_per_tenant + 1 + rng.integers(0, len(STAFF), n)
    return pl.DataFrame(
        {
            "tenant_id": tenant,
            "user_id": actor,
            "action": words(_ACTIONS, rng.integers(0, len(_ACTIONS), n)),
            "table_name": words(["menu_items", "users", "restaurants"], rng.integers(0, 3, n)),
            "record_id": tenant,
            "created_at": moments(group.now_us - (rng.random(n) * 365 * DAY_US).astype(np.int64)),
        }
    )
