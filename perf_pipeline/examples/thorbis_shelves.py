"""What thorbis' shops, kitchens and repair shops keep: products, stock, parts, guests (pure)."""

import numpy as np
import polars as pl

from perf_pipeline.examples.thorbis_kit import (
    DAY_US,
    Chunk,
    Group,
    Ints,
    moments,
    person_names,
    words,
)

#: Numbered from 1 in each tenant, so that a load script can pick one.
PRODUCTS = 100
PARTS = 100
INVENTORY = 40
_PRODUCT = ("Mug", "Lamp", "Notebook", "Umbrella", "Backpack", "Candle", "Scarf", "Kettle")
_PART = ("Brake pad", "Oil filter", "Spark plug", "Wiper", "Battery", "Belt", "Bulb", "Hose")
_STOCK = ("Flour", "Tomatoes", "Olive oil", "Rice", "Coffee", "Milk", "Butter", "Basil")


def products(group: Group) -> Chunk:
    """Return the products of some shops."""
    tenant, number = _numbered(group, PRODUCTS)
    rng, n = group.rng, len(tenant)
    return {
        ("ret", "products"): pl.DataFrame(
            {
                "business_id": tenant,
                "product_number": number,
                "name": _named(_PRODUCT, number),
                "id": _ids(group, PRODUCTS, number),
                "category_id": 1 + number % 8,
                "is_active": rng.random(n) < 0.95,
                "unit_price": np.round(1 + rng.gamma(2.0, 12.0, n), 2),
            }
        )
    }


def parts(group: Group) -> Chunk:
    """Return the parts of some repair shops."""
    tenant, number = _numbered(group, PARTS)
    rng, n = group.rng, len(tenant)
    return {
        ("auto", "parts_inventory"): pl.DataFrame(
            {
                "business_id": tenant,
                "part_number": number,
                "name": _named(_PART, number),
                "id": _ids(group, PARTS, number),
                "current_stock": rng.integers(0, 120, n),
                "reorder_point": rng.integers(2, 20, n),
                "unit_price": np.round(2 + rng.gamma(2.0, 30.0, n), 2),
            }
        )
    }


def kitchens(group: Group) -> Chunk:
    """Return the stock and the known guests of some restaurants."""
    tenant, number = _numbered(group, INVENTORY)
    rng, n, per = group.rng, len(tenant), group.size.customers_per_business
    guest = np.repeat(group.places, per) * per + 1 + np.tile(np.arange(per), len(group.places))
    visits = rng.poisson(3.0, len(guest))
    last = group.now_us - (rng.random(len(guest)) * 365 * DAY_US).astype(np.int64)
    return {
        ("rest", "inventory"): pl.DataFrame(
            {
                "business_id": tenant,
                "item_number": number,
                "name": _named(_STOCK, number),
                "current_quantity": np.round(rng.gamma(2.0, 15.0, n), 2),
                "minimum_quantity": np.round(rng.gamma(2.0, 4.0, n), 2),
            }
        ),
        ("rest", "customers"): pl.DataFrame(
            {
                "id": guest,
                "business_id": np.repeat(group.members, per),
                "full_name": person_names(rng, len(guest)),
                "visits": visits,
                "last_visit": moments(last, visits > 0),
            }
        ),
    }


def _numbered(group: Group, each: int) -> tuple[Ints, Ints]:
    numbers = np.tile(np.arange(1, each + 1), len(group.members))
    return np.repeat(group.members, each), numbers


def _ids(group: Group, each: int, number: Ints) -> Ints:
    """Return numbers that are unique over all tenants of the industry."""
    first: Ints = np.repeat(group.places, each) * each
    return first + number


def _named(names: tuple[str, ...], number: Ints) -> pl.Series:
    return words(names, (number - 1) % len(names)) + " " + pl.Series(number).cast(pl.String)
