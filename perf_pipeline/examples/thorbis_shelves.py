"""What thorbis' shops, kitchens and repair shops keep: products, stock, parts, guests (pure)."""

import numpy as np
import polars as pl

from perf_pipeline.examples.thorbis_kit import DAY_US, Chunk, Group, moments, person_names, words

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
                "unit_price": np.round(1 + rng.gamma(2.0, 12.0, n), 2),
                "stock": rng.integers(0, 400, n),
                "reorder_level": rng.integers(10, 60, n),
            }
        )
    }


def parts(group: Group) -> Chunk:
    """Return the parts of some repair shops."""
    tenant, number = _numbered(group, PARTS)
    rng, n = group.rng, len(tenant)
    return {
        ("auto", "parts"): pl.DataFrame(
            {
                "business_id": tenant,
                "part_number": number,
                "name": _named(_PART, number),
                "quantity": rng.integers(0, 120, n),
                "reorder_level": rng.integers(2, 20, n),
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
        ("rest", "inventory_items"): pl.DataFrame(
            {
                "business_id": tenant,
                "item_number": number,
                "name": _named(_STOCK, number),
                "quantity": np.round(rng.gamma(2.0, 15.0, n), 2),
                "reorder_level": np.round(rng.gamma(2.0, 4.0, n), 2),
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


def _numbered(group: Group, each: int) -> tuple["np.ndarray", "np.ndarray"]:
    numbers = np.tile(np.arange(1, each + 1), len(group.members))
    return np.repeat(group.members, each), numbers


def _named(names: tuple[str, ...], number: "np.ndarray") -> pl.Series:
    return words(names, (number - 1) % len(names)) + " " + pl.Series(number).cast(pl.String)
