"""What a UI's answer says of its code; that it is loaded again, test_ui shows."""

import socket

import pytest

from perf_pipeline.embedded.code_location import LOOK_EVERY_S, CodeLocation, lost_locations


def answer(status: str, kind: str | None) -> dict[str, object]:
    loaded = None if kind is None else {"__typename": kind}
    entry = {"name": "here", "loadStatus": status, "locationOrLoadError": loaded}
    return {"data": {"workspaceOrError": {"locationEntries": [entry]}}}


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        (answer("LOADED", "PythonError"), {"here"}),
        (answer("LOADED", "RepositoryLocation"), set()),
        (answer("LOADING", "PythonError"), set()),
        (answer("LOADED", None), set()),
        ({"data": {"workspaceOrError": {}}}, set()),
        ({"data": None, "errors": [{"message": "no"}]}, set()),
        ({}, set()),
    ],
)
def test_only_an_error_that_is_not_being_loaded_is_lost(
    said: dict[str, object], lost: set[str]
) -> None:
    assert lost_locations(said) == lost


def test_a_ui_that_does_not_answer_is_asked_at_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        code = CodeLocation(taken.getsockname()[1])
        asked = 0
        real = CodeLocation._ask

        def ask(self: CodeLocation, query: str, **variables: str) -> object:
            nonlocal asked
            asked += 1
            return real(self, query, **variables)

        monkeypatch.setattr(CodeLocation, "_ask", ask)
        assert code.keep() == []
        assert asked == 0
        code._due -= LOOK_EVERY_S
        assert code.keep() == []
        assert code.keep() == []
        assert asked == 1
