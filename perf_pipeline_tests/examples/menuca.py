"""The small menuca database that tests share."""

from datetime import UTC, datetime

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.examples import menuca, schema
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.menuca_kit import Size

SIZE = Size(tenants=40, orders_per_restaurant=60, items_per_restaurant=12, users_per_tenant=10)
SEED = 7
TEMPLATE = "menuca_small"


def now() -> datetime:
    """Return midnight of today: what runs on the data compares with the server's clock."""
    return datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)


def fill(url: str, seed: int = SEED, **changes: object) -> Generated:
    """Fill a database with the small data."""
    asked: dict[str, object] = {
        "items_per_restaurant": SIZE.items_per_restaurant,
        "users_per_tenant": SIZE.users_per_tenant,
        "now": now(),
        **changes,
    }
    return menuca.generate(url, SIZE.tenants, SIZE.orders_per_restaurant, seed, **asked)  # type: ignore[arg-type]


def build(server: EmbeddedServer) -> str:
    """Make the template database if needed and return its name."""
    server.ensure_database(TEMPLATE)
    schema.apply(server.url(TEMPLATE), "menuca")
    fill(server.url(TEMPLATE))
    return TEMPLATE
