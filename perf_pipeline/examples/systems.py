"""The example systems by name: their sizes, and one way to create any of them."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Final, Protocol

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import (
    fill,
    guardian,
    guardian_data,
    menuca,
    menuca_kit,
    omninode,
    omninode_data,
    schema,
    thorbis,
    thorbis_kit,
)
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.schema import Applied
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.production import refuse_production


class Size(Protocol):
    """How much data a system holds; a frozen dataclass of whole numbers."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def variables(self) -> dict[str, int]:
        """Return what the load scripts need to pick ids."""


@dataclass(frozen=True)
class System:
    """One example system.

    Attributes
    ----------
    name : str
        Its schema files lie in `sql/<name>/schema`, its load in `sql/<name>/load`.
    make_size : callable
        From numbers to a size, the described one by default.
    demo : Size
        What the demo and dev show it with: small, but with a row of every kind.
    generate : callable
        Fills it: the URL, then the size's numbers by name, `seed` and `replace`.

    """

    name: str
    make_size: Callable[..., Size]
    demo: Size
    generate: Callable[..., Generated]

    @property
    def url_env(self) -> str:
        """Name of the variable that leads to another database than the embedded one."""
        return f"{self.name.upper()}_URL"


SYSTEMS: Final[Mapping[str, System]] = {
    system.name: system
    for system in (
        System("thorbis", thorbis_kit.Size, thorbis_kit.Size(), thorbis.generate),
        # all thousand tenants (M-04), each with few orders
        System("menuca", menuca_kit.Size, menuca_kit.Size(1_000, 10, 10, 8), menuca.generate),
        System("omninode", omninode_data.Size, omninode_data.Size(10_000), omninode.generate),
        # seven years of audit (G-87), few rows in each month
        System("guardian", guardian_data.Size, guardian_data.Size(100, 5_000), guardian.generate),
    )
}


def system(name: str) -> System:
    """Return a system.

    Raises
    ------
    ConfigurationError
        There is none of that name.

    """
    if name not in SYSTEMS:
        raise ConfigurationError(
            f"example system {name!r} is unknown", f"one of {', '.join(sorted(SYSTEMS))}"
        )
    return SYSTEMS[name]


def create(
    url: str, chosen: System, size: Size, *, seed: int = 1, replace: bool = False
) -> tuple[Applied, Generated]:
    """Bring a database to a system's described state: schema, every index, data.

    Safe to repeat and to kill: files that were applied are skipped, data that is there stays.

    Parameters
    ----------
    url : str
        A database that is empty or holds this system.
    chosen : System
    size : Size
        Of that system.
    seed : int
        Same seed and size: the same rows.
    replace : bool
        Also overwrite rows of other origin, and fresh data of the same parameters.

    Raises
    ------
    ProductionError, ConfigurationError
        The database is marked as production, or is somebody else's.
    BusyError
        Another run works on it.
    UnreachableError
        The server does not answer.

    """
    with pg.session(url) as connection:
        refuse_production(connection)
        fill.refuse_foreign(connection)
    applied = schema.apply(url, chosen.name)
    return applied, chosen.generate(url, **asdict(size), seed=seed, replace=replace)
