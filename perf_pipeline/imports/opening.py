"""Open a history: files, or the repository in a database."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.imports import versions
from perf_pipeline.imports.exports import FileHistory, Options
from perf_pipeline.imports.layouts import Program
from perf_pipeline.imports.model import History, Progress
from perf_pipeline.imports.pg_profile import ProfileHistory
from perf_pipeline.imports.powa import PowaHistory
from perf_pipeline.imports.reading import Repository


def options(
    *,
    database: str | None = None,
    server: str | None = None,
    timezone: str | None = None,
    server_version: str | None = None,
    complete: bool = False,
) -> Options:
    """Return options as people write them.

    Raises
    ------
    ConfigurationError
        No such time zone; not a version.

    """
    zone = None
    if timezone is not None:
        try:
            zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigurationError(
                f"--timezone: there is no time zone {timezone!r}",
                "use a name of the time zone database, for example UTC or Europe/Berlin",
            ) from error
    version = versions.number(server_version, "--server-version") if server_version else None
    return Options(zone, database, server, version, complete)


def open_history(
    sources: Sequence[str],
    chosen: Options,
    program: Program | None = None,
    progress: Progress | None = None,
) -> History:
    """Open what the sources name.

    Parameters
    ----------
    sources : Sequence of str
        Files, folders and glob patterns; or one connection URL.
    chosen : Options
    program : str, optional
        Which repository, where a database has two.
    progress : Progress, optional

    Returns
    -------
    History
        To be closed.

    Raises
    ------
    ConfigurationError, InputError
        Nothing is found, or it cannot be understood; says what helps.
    UnreachableError
        The database.

    """
    urls = [source for source in sources if "://" in source]
    if not urls:
        return FileHistory(sources, chosen, progress)
    if len(sources) > 1:
        raise ConfigurationError(
            "a connection URL stands for a whole history: nothing can be named beside it",
            "import one repository, or files, at a time",
        )
    repository = Repository(urls[0], program)
    try:
        opened = ProfileHistory if repository.layout.program == "pg_profile" else PowaHistory
        return opened(repository, chosen.server, chosen.database, chosen.server_version)
    except BaseException:
        repository.close()
        raise
