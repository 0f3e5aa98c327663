"""SQL as data: load a `.sql` file, the variant that fits the server's version.

`sql/<folder>/<name>.sql` serves the minimum version its header names;
`sql/<folder>/<name>.pg17.sql` replaces it from 17 on.
"""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import LiteralString

from perf_pipeline.errors import ConfigurationError

#: Oldest and newest PostgreSQL majors that are tested; the oldest is what the community supports.
MINIMUM_MAJOR = 14
NEWEST_TESTED_MAJOR = 18

_VARIANT = re.compile(r"^(?P<name>[a-z0-9_]+)(?:\.pg(?P<major>\d+))?\.sql$")
_HEADER = re.compile(r"^-- (?P<key>[a-z ]+): (?P<value>.+)$")


@dataclass(frozen=True)
class SqlFile:
    """One statement or object with its header.

    `text` is a LiteralString in psycopg's sense: it comes from a file of ours, never from input.
    """

    path: Path
    text: LiteralString
    header: dict[str, str]

    @property
    def purpose(self) -> str:
        """The header's purpose line."""
        return self.header["purpose"]

    @property
    def minimum_version(self) -> int:
        """The oldest PostgreSQL major this file runs on."""
        return int(self.header["minimum version"])


@cache
def root() -> Path:
    """Return the folder of our SQL files: inside the wheel, else at the top of the repository."""
    packaged = Path(str(resources.files("perf_pipeline"))) / "_sql"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[2] / "sql"


def parse(path: Path) -> SqlFile:
    """Read one file and its header.

    Raises
    ------
    ConfigurationError
        The header lacks `purpose` or `minimum version`.

    """
    text: LiteralString = path.read_text(encoding="utf-8")  # type: ignore[assignment,unused-ignore]
    header: dict[str, str] = {}
    for line in text.splitlines():
        match = _HEADER.match(line)
        if match is None:
            break
        header[match["key"]] = match["value"].strip()
    for key in ("purpose", "minimum version"):
        if key not in header:
            raise ConfigurationError(
                f"{path.name}: header line '-- {key}: ...' is missing",
                "start every SQL file with its purpose and minimum version",
            )
    return SqlFile(path, text, header)


@cache
def load(name: str, major: int = MINIMUM_MAJOR) -> SqlFile:
    """Return the file `name` for a server of PostgreSQL `major`.

    Parameters
    ----------
    name : str
        `folder/name` without ending, for example `snapshots/statements`.
    major : int
        The server's major version; the highest variant not above it wins.

    Raises
    ------
    ConfigurationError
        No variant serves this version.

    """
    folder, _, stem = name.rpartition("/")
    best: tuple[int, Path] | None = None
    for path in (root() / folder).glob(f"{stem}*.sql"):
        match = _VARIANT.match(path.name)
        if match is None or match["name"] != stem:
            continue
        floor = int(match["major"]) if match["major"] else 0
        if floor <= major and (best is None or floor > best[0]):
            best = (floor, path)
    if best is None:
        raise ConfigurationError(
            f"no SQL file {name!r} for PostgreSQL {major}",
            f"add sql/{name}.sql, or a variant sql/{name}.pgNN.sql",
        )
    return parse(best[1])


@cache
def folder(name: str) -> tuple[SqlFile, ...]:
    """Return every SQL file of a folder of `sql/`, in name order (sub-folders included)."""
    return tuple(parse(path) for path in sorted((root() / name).rglob("*.sql")))
