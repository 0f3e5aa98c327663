"""Bring the store's schema up to date (Alembic), and say where it stands."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.store.engine import Store

#: One upgrade at a time: any constant will do, it only has to be ours.
_ADVISORY_KEY = 0x7065_7266

#: What helps where PostgreSQL refuses a migration, by SQLSTATE.
_REMEDIES = {
    "42501": "make the role of PERF_STORE_URL the owner of that database, "
    "and let it create in its schema public",
    "25006": "let PERF_STORE_URL name the primary, a server that takes writes",
}


@dataclass(frozen=True)
class Status:
    """Revisions of a store; `current` is None before the first upgrade."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is left to apply."""
        return self.current == self.head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _head(config: Config) -> str:
    return ScriptDirectory.from_config(config).get_current_head() or ""


def status(store: Store) -> Status:
    """Return the store's revision and the newest one."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": "public"})
        return Status(context.get_current_revision(), _head(_config()))


def upgrade(store: Store) -> Status:
    """Apply what is missing, in one transaction; a second upgrade at the same time waits.

    Raises
    ------
    ConfigurationError
        The store's revision is not one of ours: a newer program wrote it. The role may not create
        schemas and tables there, or the server takes no writes.

    """
    try:
        return _upgrade(store)
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state not in _REMEDIES:
            raise
        said = str(error.orig).splitlines()[0]
        raise ConfigurationError(
            f"the store {pg.describe(store.url)} cannot be upgraded: {said}", _REMEDIES[state]
        ) from error


def _upgrade(store: Store) -> Status:
    config = _config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with store.engine.begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
        context = MigrationContext.configure(connection, opts={"version_table_schema": "public"})
        current = context.get_current_revision()
        if current is not None and current not in known:
            raise ConfigurationError(
                f"the store is at revision {current!r}, which this version does not know",
                "run the perf-pipeline version that upgraded it, or a newer one",
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return status(store)


def require_current(store: Store) -> None:
    """Refuse to work on a store whose schema is not this program's.

    Raises
    ------
    ConfigurationError
        Names both revisions and the command that helps.

    """
    found = status(store)
    if not found.up_to_date:
        raise ConfigurationError(
            f"the store is at revision {found.current or 'none'}, this program needs {found.head}",
            "run `perf-pipeline store upgrade`",
        )
