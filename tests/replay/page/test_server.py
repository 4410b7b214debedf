"""The server lets only those in who may, only to look, and only at what there is."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from replay.cli import main
from replay.kinds import looks_of
from replay.page.content import Links, Setting
from replay.page.opened import Opened
from replay.page.strip import WIDTH, Scale
from replay.page.tellers import teller_of
from tests.replay.page import stores
from tests.replay.page.serving import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("starlette", reason='python -m pip install "rewindable-replay[view]"')
pytest.importorskip("uvicorn", reason='python -m pip install "rewindable-replay[view]"')

# Behind the skips: it imports what may not be there.
from replay.page.server import Page, Served

EVENT = "/s/sample.events/event/20417"
OWN = {"sec_fetch_site": "same-origin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stores.all_of_them(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    names = [folder / f"{name}.events" for name in ("sample", "nasty", "rings", "intervals")]
    before = [name.read_bytes() for name in names]
    started = Server(*names, "--detector", f"{stores.ROOT}/tests/rings.py:Rings")
    for name in names:
        started.ready(name.name)
    yield started
    assert started.end() == 0
    assert [name.read_bytes() for name in names] == before


@pytest.mark.parametrize(
    "path",
    [
        "/", EVENT, f"{EVENT}?d=3&t=200", f"{EVENT}/messages", f"{EVENT}/report.html",
        "/s/sample.events/event/18603", "/s/sample.events/event/1", "/s/nasty.events/event/27",
        "/s/rings.events/event/3", "/s/rings.events/event/3/messages",
        "/s/intervals.events/event/371", "/s/intervals.events/event/300",
        "/s/sample.events/subject?id=457", "/s/nasty.events/subject?id=%3Cscript%3E",
        "/s/sample.events/what-if", "/s/sample.events/what-if?d=1&t=10&event=20417",
        "/style.css", "/page.js", "/icon.svg",
    ],
)  # fmt: skip
def test_every_page_is_there_and_forbids_what_it_does_not_need(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 200
    policy = answer.headers["content-security-policy"].split("; ")
    assert policy[:5] == [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'",
        "connect-src 'self'",
    ]  # fmt: skip
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "server" not in answer.headers
    if answer.headers["content-type"].startswith("text/html") and "report" not in path:
        assert "<style" not in answer.text
        assert " style=" not in answer.text
        assert answer.text.count("<script") == answer.text.count('<script src="/page.js"') == 1
        assert " onclick" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/s/none.events/", "/s/../sample.events/event/1", "/s/%2e%2e%2fetc%2fpasswd/event/1",
        "/s/sample.events", "/s/sample.events/event/0", "/s/sample.events/event/20589",
        "/s/sample.events/event/-1", "/s/sample.events/event/1e3", "/s/sample.events/event/x",
        f"/s/sample.events/event/{'9' * 5000}", "/s/sample.events/event/", f"{EVENT}/",
        f"{EVENT}/more", f"{EVENT}?d=0", f"{EVENT}?d=x", f"{EVENT}?t=1", f"{EVENT}?d={'9' * 40}",
        "/s/intervals.events/event/371?d=2", "/s/intervals.events/what-if", "/etc/passwd",
        "/favicon.ico", "/page.py", "/s/", "/..%2fstyle.css", "/s/sample.events/event/%D9%A3",
        "/s/sample.events/at?x=99999", f"/s/sample.events/at?x={'9' * 5000}",
        "/s/sample.events/at", "/s/sample.events/at?x=%D9%A3",
    ],
)  # fmt: skip
def test_paths_and_numbers_that_are_none_are_not_found(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 404
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "way"),
    [
        ("event/99999", "/"), ("subject?id=457", "/s/sample.events/"),
        ("event/20417/messages", "/s/sample.events/"), ("what-if", "/s/sample.events/"),
    ],
)  # fmt: skip
def test_no_page_is_a_dead_end(server: Server, path: str, way: str) -> None:
    assert f'href="{way}"' in server.get(f"/s/sample.events/{path}").text


def test_what_if_points_below_only_where_something_is_compared(server: Server) -> None:
    assert "compared below" not in server.get("/s/sample.events/what-if").text


@pytest.mark.parametrize(
    "host",
    [
        "example.org", "", "127.0.0.1", "127.0.0.1:1", "{own}.example.org", "{own}@example.org",
        "x{own}", "[::2]:{port}", "0.0.0.0:{port}", "localhost.:{port}",
    ],
)  # fmt: skip
def test_a_foreign_host_is_misdirected(server: Server, host: str) -> None:
    own = f"{server.host}:{server.port}"
    answer = server.get("/", host=host.format(own=own, port=server.port))
    assert answer.status == 421


def test_no_host_at_all_is_refused(server: Server) -> None:
    with socket.create_connection((server.host, server.port)) as raw:
        raw.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b" 421 " in raw.recv(1_000)
    assert server.get("/style.css", host=f"LocalHost:{server.port}").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_nothing_but_looking_is_allowed(server: Server, method: str) -> None:
    for path in (EVENT, "/s/sample.events/what-if/run?d=1&t=5", "/nowhere"):
        answer = server.get(path, method)
        assert answer.status == 405
        assert answer.headers["allow"] == "GET, HEAD"
    assert server.get(EVENT, "HEAD").status == 200


def fetch(site: str, mode: str, destination: str) -> dict[str, str]:
    return {"sec_fetch_site": site, "sec_fetch_mode": mode, "sec_fetch_dest": destination}


# A link in a ticket leads to the moment that it names.
FOLLOWED = fetch("cross-site", "navigate", "document")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        (fetch("cross-site", "cors", "empty"), 403),
        (fetch("cross-site", "no-cors", "image"), 403),
        (fetch("cross-site", "navigate", "iframe"), 403),
        ({"origin": "http://example.org"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        (FOLLOWED, 200),
        ({"sec_fetch_site": "none"}, 200),
        (OWN, 200),
    ],
)
def test_a_fetch_of_another_site_is_forbidden(
    server: Server, headers: dict[str, str], status: int
) -> None:
    assert server.get(EVENT, **headers).status == status
    if status == 403:
        assert server.get("/s/sample.events/live", **headers).status == status


@pytest.mark.parametrize("path", ["what-if/run?d=1&t=7", "what-if/cancel"])
def test_work_is_started_and_stopped_by_pages_of_this_server_alone(
    server: Server, path: str
) -> None:
    path = f"/s/sample.events/{path}"
    for headers in (
        FOLLOWED,
        {"sec_fetch_site": "none"},
        {},
        {"referer": "http://example.org/"},
        {"referer": "http://["},
    ):
        assert server.get(path, **headers).status == 403
    own = f"http://{server.host}:{server.port}/"
    assert server.get(path, referer=own).status == 303
    assert server.get("/s/sample.events/what-if/cancel", **OWN).status == 303


def finished(server: Server, query: str) -> str:
    while "Deciding:" in (text := server.get(f"/s/sample.events/what-if?{query}").text):
        pass
    return text


def test_what_if_decides_the_history_again_and_tells_what_differs(
    server: Server, tmp_path: Path, folder: Path
) -> None:
    query = "d=2&t=20&event=20417"
    assert server.get(f"/s/sample.events/what-if/run?{query}", **OWN).status == 303
    text = finished(server, query)
    assert (
        main(["rerun", str(folder / "sample.events"), str(tmp_path / "branch.json"), "-T", "20"])
        == 0
    )
    assert "8 are flagged: 2 gained, 0 lost" in text
    assert "/s/sample.events/event/20116?d=2&amp;t=20" in text
    # Kept: it is there at once when it is asked for again.
    assert server.get(f"/s/sample.events/what-if/run?{query}", **OWN).status == 303
    assert "Deciding:" not in server.get(f"/s/sample.events/what-if?{query}").text


@pytest.mark.slow
def test_a_sweep_is_decided_one_at_a_time_and_can_be_cancelled(server: Server) -> None:
    run = "/s/sample.events/what-if/run"
    server.get(f"{run}?sweep=yes", **OWN)
    assert "Deciding: 1" in server.get("/s/sample.events/what-if").text
    server.get(f"{run}?d=4&t=9", **OWN)
    assert "Deciding: 1 " not in server.get("/s/sample.events/what-if").text
    server.get("/s/sample.events/what-if/cancel", **OWN)
    assert "Deciding" not in server.get("/s/sample.events/what-if").text
    server.get(f"{run}?sweep=yes", **OWN)
    assert 'href="/s/sample.events/what-if?event=20588&amp;d=3&amp;t=200"' in finished(server, "")


def test_goto_leads_to_an_event_or_to_somebody(server: Server) -> None:
    for word, leads in (
        ("20417", "/s/sample.events/event/20417"),
        ("user", "/s/sample.events/subject?id=user"),
        ("99999", "/s/sample.events/subject?id=99999"),
        ("0" * 25 + "9" * 5000, f"/s/sample.events/subject?id={'0' * 25}{'9' * 5000}"),
    ):
        answer = server.get(f"/s/sample.events/go?q={word}")
        assert (answer.status, answer.headers["location"]) == (303, leads)
    answer = server.get("/s/sample.events/go?q=5&d=3&t=9")
    assert answer.headers["location"] == "/s/sample.events/event/5?d=3&t=9"
    assert server.get("/s/sample.events/at?x=1000").headers["location"].endswith("/event/20588")


def test_ids_are_shown_and_never_obeyed(server: Server) -> None:
    page = server.get("/s/nasty.events/event/27").text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    answer = server.get("/s/nasty.events/subject?id=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in answer
    assert "event/27" in answer


def test_a_report_is_saved_as_the_command_writes_it(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    answer = server.get(f"{EVENT}/report.html")
    assert answer.headers["content-disposition"] == 'attachment; filename="event-20417.html"'
    output = tmp_path / "report.html"
    assert main(["report", str(folder / "sample.events"), "20417", "--output", str(output)]) == 0
    assert answer.text == output.read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["none.events"], "expected an event store, found"),
        (["sample.events", "--host", "::"], "expected one address of this machine"),
        (["sample.events", "--host", "0x0"], "expected one address of this machine"),
        (["sample.events", "--host", "::0"], "expected one address of this machine"),
        (["sample.events", "--host", "::ffff:0.0.0.0"], "expected one address of this machine"),
        (["sample.events", "--port", "70000"], "expected a port from 0 to 65535, found '70000'"),
        (["sample.events", "sample.events"], "expected stores with different names"),
    ],
)
def test_wrong_use_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    words = [str(folder / each) if each.endswith(".events") else each for each in words]
    try:
        status = main(["view", *words])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert expected in told


def test_a_port_that_is_taken_is_one_line(
    server: Server, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", str(folder / "sample.events"), "--port", str(server.port)]) == 1
    assert "expected a port to listen at, found: Address already in use" in capsys.readouterr().err


def test_elsewhere_than_at_home_a_token_is_needed(folder: Path) -> None:
    server = Server(folder / "sample.events", "--host", "127.0.0.2")
    try:
        assert server.query.startswith("?token=")
        token = server.query.partition("=")[2]
        for path in ("/", "/style.css", "/?token=", f"/?token={token[:-1]}", f"/?token={token}x"):
            assert server.get(path).status == 403
        assert server.get("/", cookie=f"token={token[:-1]}").status == 403
        answer = server.get(f"//example.org/?token={token}")
        assert (answer.status, answer.headers["location"]) == (303, "/example.org/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        # So that a link in a ticket brings it along.
        assert "SameSite=lax" in cookie
        server_cookie = cookie.partition(";")[0]
        assert server.get("/style.css", cookie=server_cookie).status == 200
        # Whatever cookies others have set at this machine, another view at another port among them.
        cookies = f"a b=[; x[]=1; {server_cookie}; token-127-0-0-2-1=x"
        assert server.get("/style.css", cookie=cookies).status == 200
        assert server.get("/style.css", cookie=server_cookie, host="127.0.0.1:80").status == 421
    finally:
        assert server.end() == 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_without_a_word_while_somebody_follows(folder: Path, sign: signal.Signals) -> None:
    server = Server(folder / "sample.events")
    server.ready("sample.events")
    with socket.create_connection((server.host, server.port), timeout=60) as stream:
        request = f"GET /s/sample.events/live HTTP/1.1\r\nHost: {server.host}:{server.port}"
        stream.sendall(f"{request}\r\n\r\n".encode())
        assert stream.recv(1_000)
        server.process.send_signal(sign)
        assert server.process.communicate(timeout=60)[1] == ""
    assert server.process.returncode == (0 if sign == signal.SIGINT else -sign)


def test_an_address_of_the_sixth_version_stands_in_brackets(folder: Path) -> None:
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    server = Server(folder / "sample.events", "--host", "::1")
    try:
        assert server.said.startswith(f"page: http://[::1]:{server.port}/ ")
        server.host = "::1"
        assert server.get("/style.css", host=f"[::1]:{server.port}").status == 200
    finally:
        assert server.end() == 0


def test_a_store_with_a_name_of_any_bytes_has_an_address(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / os.fsdecode(b"\xff %?#.events")
    store.write_bytes((folder / "sample.events").read_bytes())
    server = Server(store, folder / "sample.events")
    try:
        address = "/s/%5Cudcff%20%25%3F%23.events/"
        server.ready(address.split("/")[2])
        assert f'href="{address}"' in server.get("/").text
        assert server.get(f"{address}event/20417").status == 200
    finally:
        assert server.end() == 0


def test_a_store_of_another_detector_is_not_shown_as_its_own(folder: Path) -> None:
    server = Server(folder / "rings.events")
    try:
        server.ready("rings.events")
        answer = server.get("/s/rings.events/event/3")
        assert answer.status == 500
        assert "name it with --detector" in answer.text
    finally:
        assert server.end() == 0


def test_without_the_extra_one_line_says_what_to_install(folder: Path) -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\n"
        f"from replay.cli import main; sys.exit(main(['view', {str(folder / 'sample.events')!r}]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=stores.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("replay: expected starlette and uvicorn, found none; python -m")


def test_what_a_run_appends_is_told_to_who_follows(folder: Path, tmp_path: Path) -> None:
    growing, rest = stores.growing(folder, tmp_path / "growing.events")
    server = Server(growing)
    try:
        server.ready("growing.events")
        with socket.create_connection((server.host, server.port), timeout=60) as stream:
            told = stream.makefile("rb")
            request = f"GET /s/growing.events/live HTTP/1.1\r\nHost: {server.host}:{server.port}"
            stream.sendall(f"{request}\r\n\r\n".encode())
            while told.readline().strip() != b": hello":
                pass
            with growing.open("ab") as file:
                file.write(rest)
            while not (line := told.readline()).startswith(b"data: "):
                pass
            news = json.loads(line[6:])
        assert news["counts"] == "20,588 events · 6 flagged"
        with looks_of(replay.EventStore(growing)) as looks:
            flagged = [event for event in range(1, 20_589) if looks.found(event)]
        # Not more than a reader can take in.
        assert [each["event"] for each in news["flags"]] == flagged[-5:]
        assert "20,588 events" in server.get("/s/growing.events/event/20417").text
    finally:
        assert server.end() == 0


@pytest.mark.parametrize("again", [False, True])
def test_what_comes_between_a_page_and_its_stream_is_told(
    folder: Path, tmp_path: Path, again: bool
) -> None:
    growing, rest = stores.growing(folder, tmp_path / "growing.events")
    server = Server(growing)
    try:
        server.ready("growing.events")
        page = server.get("/s/growing.events/event/5").text
        match = re.search(r'data-stream="([^"]*known=(\d+))"', page)
        assert match is not None
        with growing.open("ab") as file:
            file.write(rest)
        # Somebody else has looked meanwhile, so that the server knows all of it.
        assert "20,588 events" in server.get("/s/growing.events/event/1").text
        # A browser that has lost the stream says what it was told last.
        path, header = match[1], ""
        if again:
            path, header = "/s/growing.events/live", f"Last-Event-ID: {match[2]}\r\n"
        with socket.create_connection((server.host, server.port), timeout=60) as stream:
            told = stream.makefile("rb")
            host = f"Host: {server.host}:{server.port}\r\n"
            stream.sendall(f"GET {path} HTTP/1.1\r\n{host}{header}\r\n".encode())
            while not (line := told.readline()).startswith(b"id: "):
                pass
            assert line == b"id: 20588\n"
            assert json.loads(told.readline()[6:])["counts"] == "20,588 events · 6 flagged"
    finally:
        assert server.end() == 0


async def asked(app: Any, path: str, host: str = "here") -> tuple[int, bytes]:
    """Ask an application that is not served, and return its answer."""
    told: list[Any] = []

    async def send(message: Any) -> None:
        told.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [(b"host", host.encode())], "http_version": "1.1",
    }  # fmt: skip
    await app(scope, receive, send)
    return told[0]["status"], b"".join(each.get("body", b"") for each in told[1:])


def test_the_page_answers_while_a_store_is_still_read(folder: Path) -> None:
    go_on, path = threading.Event(), folder / "sample.events"

    def looks() -> Any:
        assert go_on.wait(60)
        return looks_of(replay.EventStore(path))

    opened = Opened("slow.events", path, looks)
    page = Page([Served(opened, str(path), None)])
    app = page.app(["here"])
    status, text = asyncio.run(asked(app, "/s/slow.events/event/1"))
    assert status == 503
    assert b"The store is being read." in text
    assert b'http-equiv="refresh"' in text
    go_on.set()
    assert opened.wait(60)
    assert asyncio.run(asked(app, "/s/slow.events/event/1"))[0] == 200
    page.close()


def test_why_a_store_cannot_be_shown_is_said_on_its_page(folder: Path, tmp_path: Path) -> None:
    growing = tmp_path / "growing.events"
    content = (folder / "sample.events").read_bytes()
    growing.write_bytes(content)
    opened = Opened(growing.name, growing, lambda: looks_of(replay.EventStore(growing)))
    assert opened.wait(60)
    page = Page([Served(opened, str(growing), None)])
    app = page.app(["here"])
    assert asyncio.run(asked(app, "/s/growing.events/event/1"))[0] == 200
    growing.write_bytes((folder / "nasty.events").read_bytes())
    status, text = asyncio.run(asked(app, "/s/growing.events/event/1"))
    assert status == 500
    assert b"expected the store to go on as it was, found another" in text
    # Whoever looks again sees what is there now, also where for a while nothing was.
    asyncio.run(asked(app, "/s/growing.events/event/1"))
    assert opened.wait(60)
    assert asyncio.run(asked(app, "/s/growing.events/event/26"))[0] == 200
    assert asyncio.run(asked(app, "/s/growing.events/event/20000"))[0] == 404
    kept = growing.rename(tmp_path / "kept.events")
    status, text = asyncio.run(asked(app, "/s/growing.events/event/1"))
    assert status == 500
    assert b"expected an event store, found: No such file or directory" in text
    kept.rename(growing)
    asyncio.run(asked(app, "/s/growing.events/event/1"))
    assert opened.wait(60)
    assert asyncio.run(asked(app, "/s/growing.events/event/26"))[0] == 200
    page.close()


def test_what_if_tells_of_how_many_events_a_growing_store_it_tells(
    folder: Path, tmp_path: Path
) -> None:
    growing, rest = stores.growing(folder, tmp_path / "sample.events", frames=4)
    server = Server(growing)
    try:
        server.ready(growing.name)
        query = "d=1&t=20&event=1"
        assert server.get(f"/s/sample.events/what-if/run?{query}", **OWN).status == 303
        before = finished(server, query)
        growing.write_bytes(growing.read_bytes() + rest)
        after = finished(server, query)
        told = re.search(r"The run, at [^<]*", before)
        assert told is not None
        assert told[0] in after
        note = "The store has grown: this is what its first"
        assert (note in before, note in after) == (False, True)
        assert server.get(f"/s/sample.events/what-if/run?{query}", **OWN).status == 303
        again = finished(server, query)
        assert note not in again
        assert "flags 6; at D=1 T=20 13 are flagged" in again
    finally:
        assert server.end() == 0


def test_however_deep_and_long_a_page_is_bounded(folder: Path) -> None:
    path = folder / "sample.events"
    with looks_of(replay.EventStore(path)) as looks:
        teller = teller_of(looks)
        content = teller.content(looks, 20_417, Setting(2**62, 2**62), Links())
        text = "".join(section.body for section in content.sections)
        assert len(text) < 1_000_000
        assert "The last 1,000 of" in text
        changed = teller.content(looks, 18_603, Setting(2**62, 50), Links())
        assert "friendships changed" in changed.detail


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_past_takes_at_most_30_percent_and_both_ways_agree(past: int, new: int) -> None:
    scale = Scale(past, past + new)
    if not past + new:
        return
    if new:
        assert scale.x(past) <= 300
    assert scale.x(scale.total) == WIDTH
    assert scale.event(WIDTH) == scale.total
    places = [scale.x(event) for event in (1, past // 2 + 1, past + new // 2, scale.total)]
    assert places == sorted(places)
    for x in range(0, WIDTH + 1, 37):
        event = scale.event(x)
        assert 1 <= event <= scale.total
        # What the slider leads to stands where the slider is, or less than two events from it.
        assert abs(scale.x(event) - x) <= 2 + 2 * WIDTH // max(min(past or new, new or past), 1)
