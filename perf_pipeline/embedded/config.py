"""The embedded server's configuration files, written anew at each start."""

import re
from collections.abc import Mapping
from pathlib import Path

from perf_pipeline.errors import ConfigurationError

#: Everything that differs from PostgreSQL's own defaults; for a machine of 2 cores and 4 GB.
DEFAULTS: Mapping[str, str] = {
    # What the project reads.
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "5000",
    "pg_stat_statements.track": "all",
    "compute_query_id": "on",
    "track_io_timing": "on",
    "track_functions": "pl",
    # Room: a webserver, a daemon, runs, a load test of 32 clients.
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "jit": "off",
    # About half a gigabyte of disk at most.
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    # One log, in one language and one time zone, kept small by the watchdog.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_lock_waits": "on",
    "lc_messages": "C",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

#: Not to be overridden: they keep the server private and findable.
FIXED = frozenset(
    {
        "listen_addresses",
        "port",
        "unix_socket_directories",
        "password_encryption",
        "data_directory",
        "hba_file",
        "config_file",
        "external_pid_file",
        "logging_collector",
        "log_destination",
        "lc_messages",
    }
)

#: Every connection by password, over loopback only. (There is no socket; replication for a replica
#: of the embedded server.)
HBA = """\
# Written by perf-pipeline at each start of the embedded server: changes here are lost.
host    all             all             127.0.0.1/32            scram-sha-256
host    replication     all             127.0.0.1/32            scram-sha-256
"""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")


def render(port: int, hba_file: Path, settings: Mapping[str, str]) -> str:
    r"""Return the text of the server's configuration file.

    Parameters
    ----------
    port : int
        TCP port on 127.0.0.1.
    hba_file : Path
        The host-based authentication file.
    settings : mapping of str to str
        Overrides and additions to `DEFAULTS`, values as in `postgresql.conf` without quotes.

    Returns
    -------
    str
        One `name = 'value'` a line.

    Raises
    ------
    ConfigurationError
        A name is not a setting's name, is one of `FIXED`, or a value holds a line break.

    """
    for name, value in settings.items():
        if _NAME.match(name) is None or any(c in value for c in "\n\r\0"):
            raise ConfigurationError(
                f"embedded server setting {name!r} = {value!r}: not a setting on one line",
                "give PostgreSQL setting names and plain values",
            )
        if name.lower() in FIXED:
            raise ConfigurationError(
                f"embedded server setting {name!r} = {value!r}: that one is not yours to set",
                f"leave out {', '.join(sorted(FIXED))}; the port is an argument of its own",
            )
    chosen = {
        **DEFAULTS,
        **settings,
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "password_encryption": "scram-sha-256",
        "hba_file": str(hba_file),
    }
    lines = [f"{name} = '{_quoted(value)}'" for name, value in chosen.items()]
    header = "# Written by perf-pipeline at each start of the embedded server: changes are lost.\n"
    return header + "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "''")
