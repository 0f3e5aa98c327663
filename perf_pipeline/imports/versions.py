"""Versions of PostgreSQL as people and programs write them. Pure."""

import re

from perf_pipeline.errors import ConfigurationError

_WRITTEN = re.compile(r"(?:PostgreSQL\s+)?(\d{1,2})(?:\.(\d+))?(?![\d])")


def number(text: str, where: str) -> int:
    """Return `server_version_num` of a version.

    Parameters
    ----------
    text : str
        `15`, `15.4`, `150004`, `PostgreSQL 15.4 on ...`, `17beta1`.
    where : str
        Whose it is, for the message.

    Raises
    ------
    ConfigurationError
        It is not a version, or older than 10.

    """
    bare = text.strip()
    if re.fullmatch(r"\d{6}", bare):
        return int(bare)
    found = _WRITTEN.match(bare)
    if found is None or int(found[1]) < 10:
        raise ConfigurationError(
            f"{where}: {text!r} is not a version of PostgreSQL", "write it as 15, 15.4 or 150004"
        )
    return int(found[1]) * 10_000 + int(found[2] or 0)
