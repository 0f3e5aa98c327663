"""What is promised of recovery, and what a drill found."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from perf_pipeline.errors import ConfigurationError

#: What can be drilled: the whole database from a backup; an instant between two commits; the rows
#: of one tenant; a standby taking over.
Kind = Literal["full", "point_in_time", "tenant", "failover"]
KINDS: Final[tuple[Kind, ...]] = ("full", "point_in_time", "tenant", "failover")

#: Promised at most, in seconds, as described for menuca (M-50 to M-53).
GOALS: Final[dict[Kind, float]] = {
    "full": 4 * 3600.0,
    "point_in_time": 15 * 60.0,
    "tenant": 30 * 60.0,
    "failover": 60.0,
}


@dataclass(frozen=True)
class Tenant:
    """Whose rows a drill of one tenant brings back: those whose `column` is `value`."""

    column: str
    value: str


@dataclass(frozen=True)
class Policy:
    """How one target is backed up, and what is promised of its recovery.

    Attributes
    ----------
    folder : Path or None
        Where backups lie and drills work; None: `recovery/<target>` in PERF_HOME.
    rate_mb : int
        Most megabytes a second that a backup reads from the server (M-48: 100).
    compress : int
        gzip level of the backup, 0: plain files.
    keep : int
        Backups kept; older ones go once a newer one is verified.
    tenant : Tenant or None
        None: no drill of one tenant.
    goals : dict
        Seconds promised, by kind.

    Raises
    ------
    ConfigurationError
        A number is out of its range.

    """

    folder: Path | None = None
    rate_mb: int = 100
    compress: int = 1
    keep: int = 2
    tenant: Tenant | None = None
    goals: dict[Kind, float] = field(default_factory=lambda: dict(GOALS))

    def __post_init__(self) -> None:
        """Refuse what PostgreSQL or sense refuses."""
        for name, value, low, high in (
            ("rate_mb", self.rate_mb, 1, 1024),  # what pg_basebackup --max-rate takes
            ("compress", self.compress, 0, 9),
            ("keep", self.keep, 1, 1000),
        ):
            if not low <= value <= high:
                raise ConfigurationError(
                    f"recovery: {name} is {value}", f"use a number from {low} to {high}"
                )
        for kind, seconds in self.goals.items():
            if seconds <= 0:
                raise ConfigurationError(
                    f"recovery: the goal of {kind} is {seconds} s", "promise a time above 0"
                )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What can be drilled here."""
        return tuple(kind for kind in KINDS if kind != "tenant" or self.tenant is not None)


@dataclass(frozen=True)
class Backup:
    """One base backup that lies complete in a folder.

    Attributes
    ----------
    name : str
        When it was begun, `YYYYMMDDTHHMMSSZ`; its folder's name.
    bytes : int
        What it takes on disk.
    needs : dict
        Settings of the server that a copy of it must not have lower.
    canary : str
        Committed before it was begun: a row that must come back.
    superuser : str
        The role that made the server, which may do anything in a copy.

    """

    name: str
    folder: Path
    major: int
    bytes: int
    seconds: float
    needs: dict[str, str] = field(default_factory=dict)
    canary: str = ""
    superuser: str = "postgres"

    @property
    def packed(self) -> bool:
        """Whether its files are in an archive."""
        return (self.folder / "base.tar.gz").is_file()


@dataclass(frozen=True)
class Drilled:
    """What one drill found.

    Attributes
    ----------
    seconds : float
        From the loss to a server that takes writes (tenant: to rows that are back).
    proof : str
        What was looked at, in words.
    lost : tuple of str
        What should have come back and did not; empty: nothing.

    """

    kind: Kind
    seconds: float
    goal_s: float
    proof: str
    lost: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether everything came back in the promised time."""
        return not self.lost and self.seconds <= self.goal_s
