"""`perf-pipeline event ...`: told, told again, listed, forgotten; exit codes."""

import json

import pytest

from perf_pipeline import cli, settings
from perf_pipeline.store import Store

pytestmark = pytest.mark.server

AT = "2026-11-21T09:30:00Z"
DEPLOY = ("add", "--target", "thorbis", "--kind", "deploy", "--object", "web 4.2", "--at", AT)


@pytest.fixture(autouse=True)
def of_the_environment(shared_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERF_STORE_URL", shared_store.url)
    settings.current.cache_clear()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(cli.cli, ["event", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_an_event_is_told_listed_and_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, *DEPLOY)[0] == 0
    code, out, _ = run(capsys, *DEPLOY, "--until", "2026-11-21T09:40:00Z", "--json")
    assert code == 0
    number = json.loads(out)["event_id"]
    everywhere = [word for word in DEPLOY if word not in {"--target", "thorbis"}]
    assert run(capsys, *everywhere, "--all-targets")[0] == 0
    code, out, _ = run(capsys, "list", "--target", "thorbis", "--json")
    rows = json.loads(out)
    assert [(row["target"], row["ended_at"] is None) for row in rows] == [
        (None, True),
        ("thorbis", False),
    ]
    assert run(capsys, "remove", str(number))[0] == 0
    code, out, _ = run(capsys, "list", "--target", "thorbis")
    assert (code, out.count("web 4.2")) == (0, 1)
    code, _, err = run(capsys, "remove", str(number))
    assert (code, f"there is no event {number}" in err) == (2, True)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--kind", "Big Deploy"), "is no word"),
        (("--until", "2026-11-21T09:00:00Z"), "before it begins"),
        (("--at", "yesterday"), "is not an instant"),
        (("--target", "nowhere"), "'nowhere' is not declared"),
        (("--all-targets",), "--target"),
    ],
)
def test_what_makes_no_sense_is_bad_input(
    capsys: pytest.CaptureFixture[str], more: tuple[str, ...], told: str
) -> None:
    code, _, err = run(capsys, *DEPLOY, *more)
    assert code == 2
    assert told in err
