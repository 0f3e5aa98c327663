"""Is the server there? Asked by a real connection: a pid proves nothing."""

import socket
from enum import Enum

import psycopg

from perf_pipeline.embedded.endpoint import Endpoint
from perf_pipeline.errors import ServerStartError

#: Seconds for one attempt to connect (libpq's least is 2); a refused one fails at once.
CONNECT_SECONDS = 2

#: Limits of our own statements on the embedded server: CREATE DATABASE copies files.
OPTIONS = "-c statement_timeout=60000 -c lock_timeout=10000"


class State(Enum):
    """What a connection attempt tells."""

    HEALTHY = "answers, and it is ours"
    FULL = "answers, but has no free connection"
    REFUSED = "refuses our password"
    BUSY = "is starting, recovering or shutting down"
    ABSENT = "does not answer"
    FOREIGN = "is another server"


#: A server in one of these is up.
ANSWERING = frozenset({State.HEALTHY, State.FULL})


def connect(endpoint: Endpoint, database: str = "postgres") -> psycopg.Connection:
    """Connect in autocommit, under our limits."""
    return psycopg.connect(
        host=endpoint.host,
        port=endpoint.port,
        user=endpoint.user,
        password=endpoint.password,
        dbname=database,
        connect_timeout=CONNECT_SECONDS,
        options=OPTIONS,
        application_name="perf-pipeline embedded",
        autocommit=True,
    )


def classify(message: str) -> State:
    """Return what a failed attempt's message means (the server speaks `lc_messages = C`)."""
    if "password authentication failed" in message:
        return State.REFUSED
    if "too many clients" in message or "connection slots are reserved" in message:
        return State.FULL
    if "the database system is" in message:
        return State.BUSY
    return State.ABSENT


def state(endpoint: Endpoint) -> State:
    """Return the state of the server at an endpoint."""
    try:
        with connect(endpoint) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
    except psycopg.Error as error:
        return classify(str(error))
    ours = row is not None and row[0] == str(endpoint.data_directory)
    return State.HEALTHY if ours else State.FOREIGN


def free_port(preferred: int | None) -> int:
    """Return a free TCP port on 127.0.0.1, the preferred one when it is free."""
    for port in (preferred, 0):
        if port is not None and (found := _bindable(port)) is not None:
            return found
    raise ServerStartError(
        "no free TCP port on 127.0.0.1", "free some, or give the embedded server a port"
    )


def _bindable(port: int) -> int | None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        # As PostgreSQL does; otherwise old connections in TIME_WAIT make a port look taken.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return None
        return int(sock.getsockname()[1])
