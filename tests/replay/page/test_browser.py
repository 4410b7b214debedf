"""Pages and reports in a real browser: what a reader does, sees and hears of them.

They need Debian's chromium and chromium-driver, Selenium, and axe-core, which scripts/test.sh
installs where it can. With REPLAY_BROWSER=required they fail where one is missing.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from replay.cli import main
from tests.replay.page import stores
from tests.replay.page.serving import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

AXE_VERSION = "4.14.1"
INSTALL = (
    "as root: apt-get install chromium chromium-driver; as yourself: npm install --prefix .venv "
    f"axe-core@{AXE_VERSION}, and sh scripts/setup.sh test"
)
AXE = stores.ROOT / ".venv" / "node_modules" / "axe-core" / "axe.min.js"
SAMPLE = "/s/sample.events/event/20417"
WIDTHS = (320, 600, 1_280, 1_600)


def missing() -> str | None:
    """Return what is not there that these tests need, or None."""
    if shutil.which("chromium") is None or shutil.which("chromedriver") is None:
        return "chromium"
    if not AXE.is_file():
        return "axe-core"
    for name in ("selenium", "uvicorn", "starlette"):
        try:
            __import__(name)
        except ImportError:
            return name
    return None


class Browser:
    """Chromium, with what it asked for and said."""

    def __init__(self) -> None:
        from selenium import webdriver  # noqa: PLC0415
        from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

        options = webdriver.ChromeOptions()
        for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(word)
        options.binary_location = str(shutil.which("chromium"))
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(str(shutil.which("chromedriver")))
        self.driver: Any = webdriver.Chrome(options=options, service=service)
        self.driver.set_script_timeout(60)

    def command(self, name: str, **fields: Any) -> Any:
        return self.driver.execute_cdp_cmd(name, fields)

    def size(self, width: int, height: int = 900) -> None:
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def media(self, scheme: str = "light", kind: str = "") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.command("Emulation.setEmulatedMedia", media=kind, features=features)

    def do(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, *arguments: Any) -> Any:
        """Wait until ``script`` returns something true, and return it."""
        from selenium.webdriver.support.wait import WebDriverWait  # noqa: PLC0415

        return WebDriverWait(self.driver, 60, 0.02).until(lambda _: self.do(script, *arguments))

    def led(self, to: str) -> None:
        """Wait until a link or a form has led to an address that ends in ``to``."""
        self.wait(
            "return document.readyState === 'complete' && location.href.endsWith(arguments[0])", to
        )

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains  # noqa: PLC0415

        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def at(self, path: str) -> None:
        """Wait until the page shows ``path``, and all of it."""
        self.wait("return location.pathname + location.search === arguments[0]", path)
        number = path.partition("?")[0].rpartition("/")[2]
        self.wait("return document.title.includes(arguments[0])", f"event {number}")

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the last look."""
        told = [
            json.loads(each["message"])["message"] for each in self.driver.get_log("performance")
        ]
        return [
            each["params"]["request"]["url"]
            for each in told
            if each["method"] == "Network.requestWillBeSent"
        ]

    def problems(self) -> list[str]:
        """Return what axe finds of the page that is serious."""
        if not self.do("return typeof axe === 'object'"):
            self.do(AXE.read_text(encoding="utf-8"))
        found = self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "axe.run(document, {resultTypes: ['violations']}).then((r) => done(r.violations));"
        )
        return [
            f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
            for each in found
            if each["impact"] in ("serious", "critical")
        ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    what = missing()
    if what is not None:
        told = f"expected {what} for the tests in a browser, found none; {INSTALL}"
        if os.environ.get("REPLAY_BROWSER") == "required":
            pytest.fail(told)
        pytest.skip(told)
    return stores.all_of_them(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def chromium(folder: Path) -> Iterator[Browser]:
    del folder
    made = Browser()
    yield made
    made.driver.quit()


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    names = [folder / f"{name}.events" for name in ("sample", "nasty", "rings", "intervals")]
    started = Server(*names, "--detector", f"{stores.ROOT}/tests/rings.py:Rings")
    for name in names:
        started.ready(name.name)
    yield started
    assert started.end() == 0


@pytest.fixture
def browser(chromium: Browser, server: Server) -> Iterator[Browser]:
    """Give the browser; afterwards it has asked nobody else, and said nothing."""
    chromium.size(1_280)
    chromium.media()
    chromium.requests()
    chromium.driver.get_log("browser")
    yield chromium
    with contextlib.suppress(Exception):
        chromium.do("localStorage.clear()")
    asked = chromium.requests()
    own = (server.address, "file:///", "data:", "about:", "blob:")
    assert [each for each in asked if not each.startswith(own)] == []
    assert [each["message"] for each in chromium.driver.get_log("browser")] == []
    chromium.driver.get("about:blank")


@pytest.fixture
def visit(browser: Browser, server: Server) -> Callable[[str], None]:
    return lambda path: browser.driver.get(server.address + path)


def event(number: int) -> str:
    return f"/s/sample.events/event/{number}"


def test_keys_step_and_jump_and_none_does_while_typing(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415

    visit(SAMPLE)
    for key, leads in (
        (Keys.ARROW_RIGHT, 20_418), (Keys.ARROW_LEFT, 20_417), ("[", 20_401), ("]", 20_417),
        (Keys.HOME, 1), (Keys.ARROW_LEFT, 1), (Keys.END, 20_588), ("[", 20_535),
    ):  # fmt: skip
        browser.press(key)
        browser.at(event(leads))
    browser.press("/")
    assert browser.do("return document.activeElement.id") == "goto"
    browser.press("[t", Keys.ARROW_LEFT)
    assert browser.do("return location.pathname") == event(20_535)
    assert browser.do("return document.documentElement.dataset.theme") is None
    browser.press(Keys.ESCAPE, "t")
    assert browser.do("return document.documentElement.dataset.theme") == "dark"
    assert browser.do("return getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 23)"
    browser.press("t")
    assert browser.do("return document.documentElement.dataset.theme") == "light"
    browser.press("/", "457", Keys.ENTER)
    browser.wait("return location.pathname.endsWith('/event/457')")


def test_back_and_forward_lead_through_the_steps(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    visit(SAMPLE)
    browser.do("window.mark = 1")
    browser.do("document.getElementById('next').click()")
    browser.at(event(20_418))
    browser.press("[")
    browser.at(event(20_417))
    browser.press("[")
    browser.at(event(20_401))
    browser.driver.back()
    browser.at(event(20_417))
    browser.driver.back()
    browser.at(event(20_418))
    browser.driver.forward()
    browser.at(event(20_417))
    # All of that without a page that was loaded anew.
    assert browser.do("return window.mark") == 1


def test_who_goes_back_while_a_page_is_on_its_way_sees_what_the_address_names(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    visit(SAMPLE)
    browser.do("document.getElementById('next').click()")
    browser.at(event(20_418))
    browser.do("document.getElementById('next').click()")
    browser.at(event(20_419))
    browser.do(
        "const real = window.fetch; window.fetch = (...asked) => new Promise((go) => {"
        " window.release = () => { window.fetch = real; go(real(...asked)); }; })"
    )
    browser.driver.back()
    browser.wait("return location.pathname.endsWith('/event/20418')")
    browser.driver.back()
    browser.wait("return location.pathname.endsWith('/event/20417')")
    browser.do("window.release()")
    browser.wait("return document.title.includes(location.pathname.split('/').pop())")


def test_a_held_key_never_queues_and_leaves_one_place_in_the_past(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    visit(SAMPLE)
    browser.requests()
    length = browser.do("return history.length")
    browser.do(
        "for (let i = 0; i < 60; i++) document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{key: 'ArrowRight', repeat: true, bubbles: true, cancelable: true}))"
    )
    browser.at(event(20_418))
    assert len([each for each in browser.requests() if "/event/" in each]) == 1
    assert browser.do("return history.length") == length


def test_the_slider_goes_along_the_strip_without_filling_the_past(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    from selenium.webdriver.common.keys import Keys  # noqa: PLC0415

    visit(SAMPLE)
    length = browser.do("return history.length")
    browser.do("document.getElementById('slider').focus()")
    browser.press(Keys.HOME)
    browser.at(event(1))
    browser.press(Keys.END)
    browser.at(event(20_588))
    browser.press(Keys.PAGE_DOWN)
    browser.wait("return !location.pathname.endsWith('/20588')")
    assert browser.do("return history.length") == length
    assert browser.do("return document.activeElement.id") == "slider"


def test_another_d_and_t_explain_at_once_and_stay_while_stepping(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    visit(SAMPLE)
    browser.do(
        "const form = document.getElementById('setting'); form.d.value = 3; form.t.value = 10;"
        "form.requestSubmit()"
    )
    browser.at(f"{SAMPLE}?d=3&t=10")
    assert "At D=3 T=10; the run had D=2 T=50." in browser.do("return document.body.innerText")
    browser.press("[")
    browser.at(f"{event(20_401)}?d=3&t=10")
    assert "-D 3 -T 10" in browser.do("return document.querySelector('code').innerText")
    browser.driver.find_element("link text", "back to the run's D=2 T=50").click()
    browser.at(event(20_401))


def test_what_if_shows_gained_and_lost_flags_as_links(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    visit(SAMPLE)
    browser.driver.find_element("id", "what-if").click()
    browser.wait("return location.pathname.endsWith('/what-if')")
    browser.do(
        "const form = document.querySelector('form.asking'); form.t.value = 20;form.requestSubmit()"
    )
    browser.wait("return document.getElementById('compared') !== null")
    text = browser.do("return document.getElementById('compared').innerText")
    assert "8 are flagged: 2 gained, 0 lost" in text
    assert browser.problems() == []
    browser.driver.find_element("link text", "20116").click()
    browser.at(f"{event(20_116)}?d=2&t=20")


@pytest.mark.parametrize(
    "path",
    [
        SAMPLE, event(18_603), "/s/nasty.events/event/27", "/s/nasty.events/event/28",
        "/s/intervals.events/event/371", "/s/intervals.events/event/300", "/s/rings.events/event/3",
        f"{SAMPLE}?d=3&t=100", f"{SAMPLE}/messages", "/s/nasty.events/subject?id=x", "/",
        "/s/sample.events/what-if",
    ],
)  # fmt: skip
def test_every_width_holds_the_page_and_axe_finds_nothing_serious(
    browser: Browser, visit: Callable[[str], None], path: str
) -> None:
    visit(path)
    for width in WIDTHS:
        browser.size(width)
        assert browser.do("return document.documentElement.scrollWidth") <= width
        # On a wide screen two columns, on a narrow one.
        columns = browser.do(
            "const found = document.querySelector('.columns.two');"
            "return found && getComputedStyle(found).gridTemplateColumns.split(' ').length"
        )
        assert columns in (None, 2 if width >= 960 else 1)
    assert browser.problems() == []
    browser.media("dark")
    assert browser.problems() == []


@pytest.mark.parametrize(
    "path", [SAMPLE, event(18_603), "/s/intervals.events/event/371", "/s/rings.events/event/3"]
)
def test_a_phone_shows_each_table_whole(
    browser: Browser, visit: Callable[[str], None], path: str
) -> None:
    browser.size(390)
    visit(path)
    cut = browser.do(
        "return [...document.querySelectorAll('.scroll:has(table)')]"
        ".filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.innerText)"
    )
    assert cut == []


def test_a_window_of_500_fits_every_width(browser: Browser, visit: Callable[[str], None]) -> None:
    visit(f"{SAMPLE}?d=3&t=500")
    for width in WIDTHS:
        browser.size(width)
        assert browser.do("return document.documentElement.scrollWidth") <= width


def test_without_a_script_every_control_is_a_link_or_a_form(
    browser: Browser, visit: Callable[[str], None]
) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    try:
        visit(SAMPLE)
        # The driver's own scripts still run.
        for control, leads in (
            ("next", "/20418"), ("flag-next", "/20535"), ("first", "/event/1"), ("last", "/20588"),
            ("live", "/20588"), ("flag-back", "/20535"),
        ):  # fmt: skip
            browser.driver.find_element("id", control).click()
            browser.led(leads)
        field = browser.driver.find_element("id", "goto")
        field.send_keys("20417")
        field.submit()
        browser.led(SAMPLE)
        browser.driver.find_element("css selector", "#setting input[name=d]").clear()
        browser.driver.find_element("css selector", "#setting input[name=d]").send_keys("1")
        browser.driver.find_element("css selector", "#setting button").click()
        browser.led(f"{SAMPLE}?d=1&t=50")
        browser.driver.find_element("link text", "Messages of this event").click()
        browser.led(f"{SAMPLE}/messages")
        assert "77 messages of event 20417" in browser.driver.page_source
    finally:
        browser.command("Emulation.setScriptExecutionDisabled", value=False)


def purchase(second: int, amount: str) -> bytes:
    time = f"2017-06-14 18:50:{second:02}"
    told = {"event_type": "purchase", "timestamp": time, "id": "457", "amount": amount}
    return f"{json.dumps(told)}\n".encode()


def test_a_flag_that_a_run_writes_is_a_button_that_leads_to_it(
    browser: Browser, tmp_path: Path
) -> None:
    words = [str(stores.SAMPLE / "batch_log.json"), "-", str(tmp_path / "live.json")]
    run = subprocess.Popen(
        [sys.executable, "-m", "replay", "-q", *words],
        env={**os.environ, "PYTHONPATH": str(stores.ROOT)},
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert run.stdin is not None
    run.stdin.write(purchase(0, "10.00"))
    run.stdin.flush()
    store = tmp_path / "live.json.events"
    server = None
    try:
        while not store.exists() or not store.stat().st_size:
            pass
        server = Server(store)
        server.ready(store.name)
        while "19,989 events" not in (page := server.get(f"/s/{store.name}/event/1").text):
            pass
        assert 'data-on="yes"' in page
        browser.driver.get(f"{server.address}/s/{store.name}/event/5")
        assert browser.wait("return document.getElementById('live').ariaPressed") == "true"
        run.stdin.write(purchase(1, "99999.00"))
        run.stdin.flush()
        browser.wait("return document.querySelector('#news a') !== null")
        # The view stays where its reader is, and the counts are those of now.
        assert browser.do("return location.pathname").endswith("/event/5")
        assert "19,990 events · 1 flagged" in browser.do("return document.body.innerText")
        assert browser.problems() == []
        known = "return document.getElementById('live').dataset.stream"
        assert browser.do(known).endswith("known=19990")
        browser.driver.find_element("css selector", "#news a").click()
        browser.at(f"/s/{store.name}/event/19990")
        assert "457 bought for 99999.00" in browser.do("return document.body.innerText")
        browser.driver.get("about:blank")
        own = [each for each in browser.requests() if not each.startswith("about:")]
        assert [each for each in own if not each.startswith(server.address)] == []
    finally:
        run.stdin.close()
        run.wait()
        if server is not None:
            assert server.end() == 0


@pytest.fixture(scope="module")
def reports(folder: Path) -> dict[str, str]:
    """Return the addresses of reports."""
    made = {}
    for store, number in (("sample", 20_417), ("nasty", 27), ("intervals", 371)):
        output = folder / f"report-{store}.html"
        words = [str(folder / f"{store}.events"), str(number), "--output", str(output)]
        assert main(["report", *words]) == 0
        made[store] = output.as_uri()
    return made


@pytest.mark.parametrize("store", ["sample", "nasty", "intervals"])
def test_a_report_opens_from_its_file_and_prints_on_a4(
    browser: Browser, reports: dict[str, str], store: str
) -> None:
    browser.driver.get(reports[store])
    for width in WIDTHS:
        browser.size(width)
        assert browser.do("return document.documentElement.scrollWidth") <= width
    # axe waits for what chromium does not give to files, so the page itself is looked at.
    assert browser.problems() == []
    assert browser.requests()[-1:] == [reports[store]]
    browser.media(kind="print")
    columns = browser.do(
        "const found = document.querySelector('.columns');"
        "return getComputedStyle(found).gridTemplateColumns.split(' ').length"
    )
    assert columns == 1
    browser.media()
    printed = browser.command("Page.printToPDF", preferCSSPageSize=True)
    content = base64.b64decode(printed["data"])
    boxes = re.findall(rb"/MediaBox \[([\d. ]+)\]", content)
    assert boxes
    for box in boxes:
        _, _, *size = map(float, box.split())
        assert list(map(round, size)) == [595, 842]
