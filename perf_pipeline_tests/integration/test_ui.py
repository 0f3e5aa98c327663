"""The Dagster UI in a headless Chromium: what a data engineer sees and clicks."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from perf_pipeline.reports import render
from perf_pipeline.reports.comparison import render as comparison_render
from perf_pipeline.reports.period import render as period_render
from perf_pipeline_tests.integration.conftest import PROGRAM, Demo, environment
from perf_pipeline_tests.reports import samples
from perf_pipeline_tests.reports.comparison import test_render as comparisons
from perf_pipeline_tests.reports.period import test_render as periods
from perf_pipeline_tests.servers.ports import free_port

pytestmark = [pytest.mark.server, pytest.mark.ui, pytest.mark.timeout(900)]

CHROMIUM = os.environ.get("PERF_CHROMIUM") or shutil.which("chromium")
REQUIRED = os.environ.get("PERF_UI_REQUIRED") == "1"

#: As root Chromium has no sandbox; the rest keeps it from looking for hosts that are not there.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: The webserver and daemon take about 15 s on two quiet cores; `dev` itself gives them 120.
START_SECONDS = 240

#: What a click leads to, in milliseconds: a bound for a hang, on any machine.
SHOWN_MS = 240_000


@pytest.fixture(scope="module")
def ui(demo: Demo) -> Iterator[str]:
    """Run `perf-pipeline dev` on what the demo left; yield the UI's address."""
    port = free_port()
    log = demo.home / "dev.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, "dev", "--port", str(port)],
            env=environment(demo.home),
            stdout=output,
            stderr=output,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + START_SECONDS
            while b"Ctrl-C stops everything" not in log.read_bytes():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(240) == 0, log.read_text()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if REQUIRED:
            pytest.fail("no Chromium: install Debian's package `chromium` or set PERF_CHROMIUM")
        pytest.skip("no Chromium here and none could be had; run `make test` where apt works")
    with sync_playwright() as playwright:
        expect.set_options(timeout=SHOWN_MS)
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a page; an error on its console fails the test."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    opened = browser.new_page(viewport={"width": 1600, "height": 1000})
    opened.set_default_timeout(SHOWN_MS)
    opened.on("console", note)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.close()
    assert errors == []


def test_asset_graph_shows_the_target(ui: str, page: Page) -> None:
    asked = page.request.post(
        f"{ui}/graphql", data={"query": "{ assetNodes { groupName assetKey { path } } }"}
    )
    assets = [
        node["assetKey"]["path"]
        for node in asked.json()["data"]["assetNodes"]
        if node["groupName"] == "thorbis"
    ]
    assert ["thorbis", "stats", "statements"] in assets
    assert ["thorbis", "report", "regressions"] in assets
    # what lies outside is not drawn: room for all of them, even one below the other
    page.set_viewport_size({"width": 2000, "height": 200 * len(assets)})
    page.goto(f"{ui}/locations/perf_pipeline/asset-groups/thorbis/lineage")
    nodes = page.locator('[class*="AssetNode_assetNodeBox__"]')
    expect(nodes).to_have_count(len(assets), timeout=SHOWN_MS)
    shown = [text.partition("\n")[0] for text in nodes.all_inner_texts()]
    assert sorted(shown) == sorted(path[-1] for path in assets)


def test_materialization_launched_from_the_ui_succeeds(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/thorbis/stats/database")
    page.get_by_role("button", name="Materialize").first.click(timeout=SHOWN_MS)
    page.get_by_role("link", name="View", exact=True).first.click(timeout=SHOWN_MS)
    expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=SHOWN_MS)


def test_plot_of_a_number_appears(ui: str, page: Page) -> None:
    page.goto(f"{ui}/assets/thorbis/stats/database?view=overview")
    page.get_by_text("Plots", exact=True).first.click(timeout=SHOWN_MS)
    expect(page.locator("canvas").first).to_be_visible(timeout=SHOWN_MS)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_pages_of_ours_need_nothing_but_themselves(
    browser: Browser, tmp_path: Path, scheme: Literal["light", "dark"], width: int
) -> None:
    pages = {
        "day": render.render(samples.rich()).html,
        "comparison": comparison_render.html(comparisons.comparison(20)),
        "week": period_render.render(periods.rich()).html,
    }
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    opened = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    for name, html in pages.items():
        path = tmp_path / f"{name}.html"
        path.write_text(html, "utf-8")
        opened.goto(f"file://{path}")
        expect(opened.locator("h1")).to_be_visible()
        # nothing sticks out sideways, even on a telephone
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.className") == "skip"
        folded = opened.query_selector("details:not([open]) > summary")
        assert folded is not None
        folded.focus()
        opened.keyboard.press("Enter")
        assert folded.evaluate("summary => summary.parentElement.open")
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(17, 22, 27)" if scheme == "dark" else "rgb(245, 246, 248)")
    assert [url for url in asked if not url.startswith("file://")] == []
    assert said == []
    context.close()


def test_a_deploy_is_compared_while_all_runs(ui: str, page: Page, demo: Demo) -> None:
    out = demo.home / "compared.html"
    done = subprocess.run(
        [
            *(PROGRAM, "report", "compare", "--target", "thorbis", "--out", str(out)),
            *("--at", demo.summary["onset"], "--hours", "0.005"),
        ],
        env=environment(demo.home),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page.goto(f"file://{out}")
    slowest = page.locator("#statements ~ .panel tbody tr").first
    expect(slowest).to_contain_text("hs.work_orders")
    assert "generated" not in page.content()


def test_report_shows_its_finding_and_picture(ui: str, page: Page, demo: Demo) -> None:
    day = demo.summary["onset"][:10]
    page.goto(f"{ui}/assets/thorbis/report/regressions?view=partitions&partition={day}")
    page.get_by_text("Show Markdown").first.click(timeout=SHOWN_MS)
    expect(page.get_by_text("idx_hs_work_orders_customer_history").first).to_be_visible()
    picture = page.locator('img[src^="data:image/"]').first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 100


def test_a_killed_code_server_is_started_again(ui: str, page: Page, demo: Demo) -> None:
    def servers() -> set[int]:
        words = (b"\0api\0grpc\0", os.fsencode(demo.home))
        found = set()
        for each in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):  # it ended meanwhile
                command = each.read_bytes()
                if all(word in command for word in words):
                    found.add(int(each.parent.name))
        return found

    killed = servers()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert killed
    deadline = time.monotonic() + START_SECONDS
    said = demo.home / "dev.log"
    while not servers() - killed or b"loading it again" not in said.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    page.goto(f"{ui}/assets/thorbis/stats/statements")
    expect(page.get_by_text("statements").first).to_be_visible()
