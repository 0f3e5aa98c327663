"""What a target is: one PostgreSQL database we watch and maintain."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.promises import Promises


@dataclass(frozen=True)
class Target:
    """One watched database, as its YAML declares it.

    `url_env` is the *name* of the environment variable with the connection URL: the value is read
    at connect time, so that no secret enters Dagster's definitions, events or UI.
    """

    name: str
    url_env: str
    history_start: date
    embedded_database: str | None = None
    description: str = ""
    owners: tuple[str, ...] = ()
    budget_percent: float | None = None
    #: What this target declares in the place of the described limits of a regression.
    regression_limits: tuple[tuple[str, float], ...] = ()
    #: The service levels it is checked against.
    promises: Promises = field(default_factory=Promises, hash=False)
    #: What is declared of upkeep (`perf_pipeline.upkeep.model.Policy`), None where nothing is.
    upkeep: object | None = None
    #: What is declared of capacity (`perf_pipeline.capacity.model.Policy`), None: the defaults.
    capacity: object | None = None
    #: Servers that what only reads may go to (`perf_pipeline.postgres.replicas.Replica`).
    replicas: tuple[Any, ...] = ()
    #: What is declared of alerts (`perf_pipeline.alerts.model.Alerts`), None where nothing is.
    alerts: object | None = field(default=None, hash=False)
    #: What is declared for advice (`perf_pipeline.advice.model.Policy`), None: the defaults.
    advice: object | None = None

    @property
    def budget_share(self) -> float:
        """Share of its database time that sweeps may cost, 0 to 1; default: the environment's."""
        percent = self.budget_percent
        return (settings.current().budget_percent if percent is None else percent) / 100.0

    def url(self) -> str:
        """Return the connection URL.

        Raises
        ------
        ConfigurationError
            The variable is unset and the target has no embedded default.
        UnreachableError
            The embedded default is asked for and its server is not running.

        """
        value = settings.variable(self.url_env)
        if value is not None:
            return value
        if self.embedded_database is not None:
            return settings.embedded_url(self.embedded_database)
        raise ConfigurationError(
            f"target {self.name!r}: environment variable {self.url_env} is not set",
            f"set {self.url_env}=postgresql://user:password@host:5432/database "
            f"in the environment of Dagster and of this command",
        )

    def maintenance_url(self) -> str:
        """Return the connection URL of a role that may change the database's objects.

        The variable `<url_env>_MAINTENANCE`; where it is unset, the URL of `url`.

        Raises
        ------
        ConfigurationError, UnreachableError
            As for `url`.

        """
        return settings.variable(f"{self.url_env}_MAINTENANCE") or self.url()
