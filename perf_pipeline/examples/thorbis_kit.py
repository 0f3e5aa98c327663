"""What the makers of the thorbis rows share: sizes, a group of tenants, column builders."""

from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from perf_pipeline.errors import ConfigurationError

INDUSTRIES = ("home_services", "automotive", "restaurant", "retail")

#: Bumped when the same parameters give other rows.
DATA_VERSION = 3
DAY_US = 86_400_000_000
_FIRST = ("Ada", "Ben", "Chloe", "Dev", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jan", "Kim")
_LAST = ("Adler", "Brown", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Haas", "Ito")

Table = tuple[str, str]
Chunk = dict[Table, pl.DataFrame]
Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Size:
    """How much data: `orders_per_business` is the mean, the tenants' sizes are skewed.

    Raises
    ------
    ConfigurationError
        Fewer than four businesses (one per industry) or no order.

    """

    businesses: int = 100
    orders_per_business: int = 1000

    def __post_init__(self) -> None:
        for name, least in (("businesses", len(INDUSTRIES)), ("orders_per_business", 1)):
            value = getattr(self, name)
            if value < least:
                raise ConfigurationError(f"{name}={value} is too small", f"use at least {least}")

    @property
    def home_services_businesses(self) -> int:
        """Tenants 1, 5, 9, ..."""
        return -(-self.businesses // len(INDUSTRIES))

    @property
    def customers_per_business(self) -> int:
        """Eight orders a customer on average, more for the regular ones."""
        return max(1, self.orders_per_business // 8)

    @property
    def technicians_per_business(self) -> int:
        """One per hundred orders a year, at least two."""
        return max(2, self.orders_per_business // 100)

    def variables(self) -> dict[str, int]:
        """Return what the load scripts need to pick ids (`pgbench -D`)."""
        return {
            "hs_businesses": self.home_services_businesses,
            "customers_per_business": self.customers_per_business,
            "technicians_per_business": self.technicians_per_business,
        }

    def parameters(self, seed: int) -> dict[str, int]:
        """Return what identifies the content, together with the reference time."""
        return {**asdict(self), "seed": seed, "data_version": DATA_VERSION}


@dataclass(frozen=True)
class Group:
    """Some tenants of one industry; `places` are their 0-based numbers within it."""

    size: Size
    rng: np.random.Generator
    now_us: int
    members: Ints
    places: Ints
    counts: Ints
    first_id: int

    @property
    def total(self) -> int:
        """Orders of all of them."""
        return int(self.counts.sum())

    def orders(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return ids, tenants, tenants' places and creation times (us), oldest first.

        Tenants are interleaved in time, as they are in a table that grew: a tenant's rows do not
        sit together. The business grew over the year, so there are more recent orders than old.
        """
        place = self.rng.permutation(np.repeat(np.arange(len(self.members)), self.counts))
        age = self.rng.random(self.total) ** 1.3 * 365 * DAY_US
        created = np.sort(self.now_us - age.astype(np.int64))
        ids = np.arange(self.first_id, self.first_id + self.total)
        return ids, self.members[place], self.places[place], created

    def cents(self, n: int) -> pl.Series:
        """Return amounts of 100 to 2100, most of them small."""
        return pl.Series(np.round(100 + 2000 * self.rng.beta(1.2, 2.5, n), 2))

    def pick(self, shares: dict[str, float], n: int) -> Ints:
        """Draw `n` positions in `shares`, each as often as its share says."""
        return np.searchsorted(np.cumsum(list(shares.values()))[:-1], self.rng.random(n))


def words(options: tuple[str, ...] | list[str], codes: Ints) -> pl.Series:
    """Return the text each code stands for."""
    return pl.Series(options, dtype=pl.String).gather(codes)


def person_names(rng: np.random.Generator, n: int) -> pl.Series:
    """Return `n` invented names."""
    full = [f"{first} {last}" for first in _FIRST for last in _LAST]
    return words(full, rng.integers(0, len(full), n))


def moments(us: Ints, where: np.ndarray | None = None) -> pl.Series:
    """Return microseconds since 1970 as datetimes, null where `where` is false."""
    series = pl.Series(us.astype(np.int64)).cast(pl.Datetime("us"))
    return series if where is None else series.set(pl.Series(~where), None)


def days_of(us: Ints, where: np.ndarray | None = None) -> pl.Series:
    """Return the UTC days of microseconds since 1970, null where `where` is false."""
    series = pl.Series((us // DAY_US).astype(np.int32)).cast(pl.Date)
    return series if where is None else series.set(pl.Series(~where), None)


def uuids(rng: np.random.Generator, n: int) -> pl.Series:
    """Return `n` random UUIDs as hexadecimal text."""
    raw = rng.bytes(16 * n).hex()
    return pl.Series([raw[i : i + 32] for i in range(0, 32 * n, 32)], dtype=pl.String)
