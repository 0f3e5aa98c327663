"""Capture what a target's YAML declares, for those who make its database themselves."""

from perf_pipeline.components.catalog import declared_caches, declared_targets
from perf_pipeline.invalidation import catalog, install
from perf_pipeline.postgres import connect as pg


def capture_declared(name: str, url: str) -> int:
    """Install what a declared target captures, in any database of that kind.

    Parameters
    ----------
    name : str
        Of the target; nothing is done where none of that name is declared, or it declares none.
    url : str
        The database; its role owns the tables.

    Returns
    -------
    int
        Steps done; 0 where all was captured already.

    Raises
    ------
    ConfigurationError
        What is declared cannot be captured.

    """
    if name not in {target.name for target in declared_targets()}:
        return 0
    _, caches = declared_caches(name)
    if not caches:
        return 0
    label = f"{pg.APPLICATION_NAME}:{catalog.LABEL}"
    with pg.session(url, read_only=False, autocommit=True, label=label) as connection:
        return len(install.install(connection, name, caches).plan.steps)
