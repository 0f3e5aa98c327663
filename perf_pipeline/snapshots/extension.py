"""Whether pg_stat_statements serves, and which SQL fits the version of it that is installed."""

from collections.abc import Mapping
from typing import Any

from perf_pipeline.errors import UnsupportedServerError

#: Oldest pg_stat_statements with `toplevel`, and from which extension version a variant of
#: `statements.sql` is right. It is the extension that counts: after an upgrade of the server it
#: keeps its old columns until ALTER EXTENSION ... UPDATE.
OLDEST_EXTENSION = (1, 9)
_EXTENSION_MAJOR = {(1, 9): 14, (1, 10): 15, (1, 11): 17, (1, 12): 18}


def check(server: Mapping[str, Any], where: str) -> int:
    """Return the server major whose `statements.sql` fits the installed extension.

    Parameters
    ----------
    server : Mapping
        The row of `server.sql`.
    where : str
        The target, for the message.

    Raises
    ------
    UnsupportedServerError
        Not installed in this database, not preloaded, or too old.

    """
    version = server["statements_version"]
    if version is None:
        preload = (
            ""
            if server["statements_loaded"]
            else "set shared_preload_libraries = 'pg_stat_statements', restart the server, then "
        )
        raise UnsupportedServerError(
            f"{where}: the extension pg_stat_statements is not in this database",
            f"{preload}run CREATE EXTENSION pg_stat_statements in that database",
        )
    if not server["statements_loaded"]:
        raise not_preloaded(where)
    number = tuple(int(part) for part in version.split("."))
    fits = [major for floor, major in _EXTENSION_MAJOR.items() if number >= floor]
    if not fits:
        oldest = ".".join(map(str, OLDEST_EXTENSION))
        raise UnsupportedServerError(
            f"{where}: pg_stat_statements is at version {version}, older than {oldest}",
            "run ALTER EXTENSION pg_stat_statements UPDATE in that database",
        )
    return max(fits)


def not_preloaded(where: str) -> UnsupportedServerError:
    """Return the error of a server that did not load the library at its start."""
    return UnsupportedServerError(
        f"{where}: pg_stat_statements is installed but not loaded",
        "add it to shared_preload_libraries and restart the server",
    )
