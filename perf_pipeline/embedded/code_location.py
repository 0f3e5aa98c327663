"""The code location of a running UI: Dagster leaves it lost when its process is killed."""

import contextlib
import http.client
import json
import time
from typing import Any, Final

#: A look costs the webserver about 5 ms; two in a row must fail, so that one who presses
#: "Reload" at this moment is left alone.
LOOK_EVERY_S: Final = 5.0
#: A webserver that does not answer for so long is busy; it is asked again at the next look.
_TIMEOUT_S: Final = 3.0
_STATUS: Final = """{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename } } } } }"""
_RELOAD: Final = """mutation ($name: String!) {
    reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"""


class CodeLocation:
    """Reloads what a UI could not load at two looks; correct code is loaded then, too.

    Parameters
    ----------
    port : int
        Of the UI, on 127.0.0.1.

    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._due = time.monotonic() + LOOK_EVERY_S
        self._lost: set[str] = set()

    def keep(self) -> list[str]:
        """Look when it is time, and return the locations that are loaded again."""
        if time.monotonic() < self._due:
            return []
        try:
            lost = lost_locations(self._ask(_STATUS))
            again = sorted(lost & self._lost)
            self._lost = lost - self._lost
            for name in again:
                with contextlib.suppress(TimeoutError):  # it answers when all is loaded
                    self._ask(_RELOAD, name=name)
        except (OSError, http.client.HTTPException, ValueError):
            return []  # busy, or about to end: who watches the process sees that
        finally:
            self._due = time.monotonic() + LOOK_EVERY_S
        return again

    def _ask(self, query: str, **variables: str) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            return json.load(connection.getresponse())


def lost_locations(answer: Any) -> set[str]:
    """Return the names of code locations that are loaded, and are an error; pure.

    Parameters
    ----------
    answer : dict
        Of the webserver's GraphQL.

    """
    workspace = (answer.get("data") or {}).get("workspaceOrError") or {}
    return {
        entry["name"]
        for entry in workspace.get("locationEntries") or []
        if entry["loadStatus"] == "LOADED"
        and (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"
    }
