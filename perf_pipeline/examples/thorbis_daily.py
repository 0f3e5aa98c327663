"""What the day leaves behind in thorbis: parts used, dishes made, lines sold, activity (pure).

Chance comes from generators of its own, so that the orders are the same rows with or without it.
"""

import numpy as np
import polars as pl

from perf_pipeline.examples.thorbis_kit import (
    DAY_US,
    INDUSTRIES,
    Chunk,
    Group,
    Ints,
    days_of,
    moments,
    person_names,
    uuids,
    words,
)
from perf_pipeline.examples.thorbis_shelves import PARTS, PRODUCTS

STATIONS = 4
TABLES = 30
#: What is kept of orders' details: kitchens clear up, tills and garages keep a quarter.
KITCHEN_DAYS = 14
TILL_DAYS = 90
GARAGE_DAYS = 90
_SERVICES = ("oil change", "brakes", "tyres", "inspection", "battery")
_MODELS = ("S", "GT", "Tour", "City", "Cross", "Van")
_ZONES = 3
_ENTITIES = ("work_order", "repair_order", "order", "invoice", "customer")
_NOTICES = ("assigned", "overdue", "low_stock", "comment")


def garage(group: Group, vehicles: pl.DataFrame, orders: pl.DataFrame) -> Chunk:
    """Return owners, services and parts used, and the vehicles with their owners."""
    rng = group.rng.spawn(1)[0]
    per = max(1, group.size.customers_per_business // 2)
    owner, tenant = _each(group, per)
    place = np.repeat(np.arange(len(group.members)), group.size.customers_per_business)
    number = np.tile(np.arange(group.size.customers_per_business), len(group.members))
    done = orders.filter(
        pl.col("status") == "completed",
        pl.col("completed_at").to_physical() > group.now_us - GARAGE_DAYS * DAY_US,
    )
    day = days_of(done["completed_at"].to_physical().to_numpy())
    line = np.repeat(np.arange(done.height), rng.integers(0, 4, done.height))
    shop = _places(group, done["business_id"])
    return {
        ("auto", "customers"): pl.DataFrame(
            {
                "id": owner,
                "business_id": tenant,
                "full_name": person_names(rng, len(owner)),
                "phone": pl.select(pl.format("+1555{}", pl.Series(owner))).to_series(),
                "created_at": moments(np.full(len(owner), group.now_us - 366 * DAY_US)),
            }
        ),
        ("auto", "vehicles"): vehicles.with_columns(
            pl.Series("customer_id", group.places[place] * per + 1 + number % per),
            words(_MODELS, rng.integers(0, len(_MODELS), vehicles.height)).alias("model"),
            pl.Series("is_active", rng.random(vehicles.height) < 0.95),
        ),
        ("auto", "service_history"): pl.DataFrame(
            {
                "business_id": done["business_id"],
                "vehicle_id": done["vehicle_id"],
                "repair_order_id": done["id"],
                "service_type": words(_SERVICES, rng.integers(0, len(_SERVICES), done.height)),
                "service_date": day,
                "odometer_km": rng.integers(1_000, 250_000, done.height),
            }
        ),
        ("auto", "parts_usage"): pl.DataFrame(
            {
                "business_id": done["business_id"].gather(line),
                "part_id": shop[line] * PARTS + rng.integers(1, PARTS + 1, len(line)),
                "repair_order_id": done["id"].gather(line),
                "quantity": rng.integers(1, 4, len(line)),
                "usage_date": day.gather(line),
            }
        ),
    }


def dining(group: Group, orders: pl.DataFrame) -> Chunk:
    """Return kitchens with tickets and dishes of the last days, tables, reservations, menus."""
    rng, now_us = group.rng.spawn(1)[0], group.now_us
    station, station_of = _each(group, STATIONS)
    _, table_of = _each(group, TABLES)
    table = np.tile(np.arange(1, TABLES + 1), len(group.members))
    dishes = 60
    _, menu_of = _each(group, dishes)
    dish = np.tile(np.arange(1, dishes + 1), len(group.members))
    _, booked_by = _each(group, 40)
    recent = orders.filter(pl.col("order_time").to_physical() > now_us - KITCHEN_DAYS * DAY_US)
    line = np.repeat(np.arange(recent.height), rng.integers(1, 5, recent.height))
    first = np.concatenate([[True], line[1:] != line[:-1]]) if len(line) else np.array([], bool)
    begins = np.maximum.accumulate(np.where(first, np.arange(len(line)), 0))
    kitchen = _places(group, recent["business_id"]) * STATIONS
    state = recent["status"].to_list()
    when = now_us + ((rng.random(len(booked_by)) * 90 - 30) * DAY_US).astype(np.int64)
    ahead = when > now_us
    return {
        ("rest", "kitchen_stations"): pl.DataFrame(
            {
                "id": station,
                "business_id": station_of,
                "name": words(["grill", "cold", "pastry", "bar"], (station - 1) % STATIONS),
            }
        ),
        ("rest", "tables"): pl.DataFrame(
            {
                "business_id": table_of,
                "table_number": table,
                "zone_id": 1 + table % _ZONES,
                "capacity": 2 * (1 + table % 4),
                "is_available": rng.random(len(table)) < 0.6,
            }
        ),
        ("rest", "menu_items"): pl.DataFrame(
            {
                "business_id": menu_of,
                "item_number": dish,
                "category_id": 1 + dish % 6,
                "name": pl.select(pl.format("Dish {}", pl.Series(dish))).to_series(),
                "price": np.round(4 + rng.gamma(3.0, 4.0, len(dish)), 2),
                "is_available": rng.random(len(dish)) < 0.9,
                "popularity_score": np.round(100 * rng.beta(1.5, 4.0, len(dish)), 2),
            }
        ),
        ("rest", "reservations"): pl.DataFrame(
            {
                "business_id": booked_by,
                "table_number": rng.integers(1, TABLES + 1, len(booked_by)),
                "guest_name": person_names(rng, len(booked_by)),
                "reservation_date": days_of(when),
                "reservation_time": pl.Series(rng.integers(17, 22, len(when))).cast(pl.String)
                + ":00",
                "party_size": rng.integers(1, 9, len(booked_by)),
                "status": words(["completed", "booked"], ahead.astype(np.int64)),
            }
        ),
        ("rest", "order_items"): pl.DataFrame(
            {
                "business_id": recent["business_id"].gather(line),
                "order_id": recent["id"].gather(line),
                "line": 1 + np.arange(len(line)) - begins,
                "menu_item": rng.integers(1, dishes + 1, len(line)),
                "unit_price": np.round(4 + rng.gamma(3.0, 4.0, len(line)), 2),
                "kitchen_station_id": kitchen[line] + rng.integers(1, STATIONS + 1, len(line)),
                "status": pl.Series([_DISH[word] for word in state], dtype=pl.String).gather(line),
                "preparation_time": rng.integers(3, 40, len(line)),
            }
        ),
        ("rest", "kitchen_tickets"): pl.DataFrame(
            {
                "business_id": recent["business_id"],
                "order_id": recent["id"],
                "kitchen_station_id": kitchen + rng.integers(1, STATIONS + 1, recent.height),
                "priority_level": rng.integers(1, 5, recent.height),
                "status": pl.Series([_TICKET[word] for word in state], dtype=pl.String),
                "created_at": recent["order_time"],
            }
        ),
    }


_DISH = {
    "placed": "pending",
    "preparing": "preparing",
    "served": "served",
    "completed": "served",
    "cancelled": "cancelled",
}
_TICKET = {
    "placed": "pending",
    "preparing": "in_progress",
    "served": "done",
    "completed": "done",
    "cancelled": "cancelled",
}


def selling(group: Group, transactions: pl.DataFrame) -> Chunk:
    """Return stock, variants, customers with points, sold lines and the sums of days."""
    rng, now_us, per = group.rng.spawn(1)[0], group.now_us, group.size.customers_per_business
    product, owner = _each(group, PRODUCTS)
    variant = np.repeat(np.arange(len(product)), 2)
    customer, shop = _each(group, per)
    recent = transactions.filter(
        pl.col("transaction_date").to_physical() > now_us - TILL_DAYS * DAY_US
    )
    line = np.repeat(np.arange(recent.height), rng.integers(1, 4, recent.height))
    first = np.concatenate([[True], line[1:] != line[:-1]]) if len(line) else np.array([], bool)
    begins = np.maximum.accumulate(np.where(first, np.arange(len(line)), 0))
    places = _places(group, recent["business_id"])
    known = rng.random(recent.height) < 0.2
    return {
        ("ret", "inventory"): pl.DataFrame(
            {
                "business_id": owner,
                "product_number": np.tile(np.arange(1, PRODUCTS + 1), len(group.members)),
                "current_stock": rng.integers(0, 400, len(owner)),
                "reorder_level": rng.integers(10, 60, len(owner)),
                "is_active": rng.random(len(owner)) < 0.95,
            }
        ),
        ("ret", "product_variants"): pl.DataFrame(
            {
                "business_id": owner[variant],
                "parent_product_id": product[variant],
                "variant_type": words(["colour", "size"], np.arange(len(variant)) % 2),
                "variant_value": words(["red", "blue", "S", "M", "L"], np.arange(len(variant)) % 5),
                "is_active": rng.random(len(variant)) < 0.9,
            }
        ),
        ("ret", "customers"): pl.DataFrame(
            {
                "id": customer,
                "business_id": shop,
                "full_name": person_names(rng, len(customer)),
                "created_at": moments(np.full(len(customer), now_us - 366 * DAY_US)),
            }
        ),
        ("ret", "transaction_items"): pl.DataFrame(
            {
                "business_id": recent["business_id"].gather(line),
                "transaction_id": recent["id"].gather(line),
                "line": 1 + np.arange(len(line)) - begins,
                "product_id": places[line] * PRODUCTS + rng.integers(1, PRODUCTS + 1, len(line)),
                "transaction_date": recent["transaction_date"].gather(line),
                "quantity_sold": rng.integers(1, 5, len(line)),
                "unit_price": np.round(1 + rng.gamma(2.0, 12.0, len(line)), 2),
            }
        ),
        ("ret", "loyalty_transactions"): pl.DataFrame(
            {
                "business_id": recent["business_id"],
                "customer_id": places * per + rng.integers(1, per + 1, recent.height),
                "transaction_date": recent["transaction_date"],
                "points_change": rng.integers(1, 50, recent.height),
            }
        ).filter(pl.Series(known)),
        ("ret", "daily_sales_summary"): transactions.filter(pl.col("payment_status") == "completed")
        .group_by("business_id", pl.col("transaction_date").dt.date().alias("sales_date"))
        .agg(
            pl.len().alias("transaction_count"),
            pl.col("total_amount").sum().round(2).alias("total_revenue"),
        )
        .sort("business_id", "sales_date"),
    }


def shared(rng: np.random.Generator, ids: Ints, now_us: int) -> Chunk:
    """Return activity, notifications, files, comments, exchanges and reports of some tenants."""
    acted = np.repeat(ids, 100)
    told, filed, said = np.repeat(ids, 50), np.repeat(ids, 30), np.repeat(ids, 30)
    integration = np.repeat(ids, 2)
    ran = np.repeat(np.arange(1, len(integration) + 1), 30)

    def person(tenant: Ints) -> Ints:
        return (tenant - 1) * 5 + rng.integers(1, 6, len(tenant))

    def past(n: int, days: int) -> Ints:
        return now_us - (rng.random(n) * days * DAY_US).astype(np.int64)

    def entity(n: int) -> dict[str, object]:
        return {
            "entity_type": words(_ENTITIES, rng.integers(0, len(_ENTITIES), n)),
            "entity_id": rng.integers(1, 40 * len(ids) + 1, n),
        }

    reported = np.repeat(ids, 48)
    users = rng.integers(0, 6, len(reported))
    began = past(len(ran), 30)
    failed = rng.random(len(ran)) < 0.05
    return {
        ("system_core", "activity_stream"): pl.DataFrame(
            {
                "id": uuids(rng, len(acted)),
                "business_id": acted,
                "user_id": person(acted),
                "activity_type": words(
                    ["created", "changed", "completed"], rng.integers(0, 3, len(acted))
                ),
                **entity(len(acted)),
                "created_at": moments(np.sort(past(len(acted), 60))),
            }
        ),
        ("system_core", "notifications"): pl.DataFrame(
            {
                "business_id": told,
                "recipient_id": person(told),
                "notification_type": words(_NOTICES, rng.integers(0, len(_NOTICES), len(told))),
                "priority_level": words(
                    ["low", "normal", "high", "urgent"], rng.integers(0, 4, len(told))
                ),
                "is_read": rng.random(len(told)) < 0.8,
                "created_at": moments(past(len(told), 90)),
            }
        ),
        ("system_core", "file_attachments"): pl.DataFrame(
            {
                "business_id": filed,
                **entity(len(filed)),
                "file_type": words(["image", "pdf", "sheet"], rng.integers(0, 3, len(filed))),
                "file_name": pl.select(
                    pl.format("file{}", pl.Series(np.arange(len(filed))))
                ).to_series(),
                "size_bytes": rng.integers(1_000, 5_000_000, len(filed)),
                "created_at": moments(past(len(filed), 365)),
            }
        ),
        ("system_core", "comments"): pl.DataFrame(
            {
                "business_id": said,
                **entity(len(said)),
                "author_id": person(said),
                "body": words(["done", "please call back", "parts are ordered"], said % 3),
                "is_active": rng.random(len(said)) < 0.95,
                "created_at": moments(past(len(said), 180)),
            }
        ),
        ("monitoring", "business_performance_metrics"): pl.DataFrame(
            {
                "business_id": reported,
                "measured_at": moments(now_us - np.tile(np.arange(48), len(ids)) * DAY_US // 24),
                "industry": words(INDUSTRIES, (reported - 1) % len(INDUSTRIES)),
                "active_users": users,
                "transactions_per_minute": np.round(users * rng.gamma(2.0, 3.0, len(users)), 2),
                "avg_response_ms": np.round(20 + rng.gamma(2.0, 20.0, len(users)), 1),
                "error_percent": np.round(100 * rng.beta(1, 200, len(users)), 3),
                "cache_hit_percent": np.round(100 * rng.beta(50, 2, len(users)), 3),
            }
        ),
        ("system_core", "integrations"): pl.DataFrame(
            {
                "id": np.arange(1, len(integration) + 1),
                "business_id": integration,
                "name": words(["accounting", "calendar"], np.arange(len(integration)) % 2),
            }
        ),
        ("system_core", "integration_sync_logs"): pl.DataFrame(
            {
                "business_id": integration[ran - 1],
                "integration_id": ran,
                "sync_status": words(["succeeded", "failed"], failed.astype(np.int64)),
                "sync_start_time": moments(began),
                "sync_end_time": moments(began + rng.integers(1, 60, len(ran)) * 1_000_000),
                "records": pl.Series(rng.integers(0, 1_000, len(ran))).set(pl.Series(failed), None),
            }
        ),
    }


def _each(group: Group, number: int) -> tuple[Ints, Ints]:
    """Return ids by the place in the industry, and tenants, of `number` things of each tenant."""
    ids = np.repeat(group.places, number) * number + 1
    return ids + np.tile(np.arange(number), len(group.places)), np.repeat(group.members, number)


def _places(group: Group, tenants: pl.Series) -> Ints:
    return group.places[np.searchsorted(group.members, tenants.to_numpy())]
