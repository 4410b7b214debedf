"""The page's server: stores that are only read, for whoever may see them.

There is no state of sessions: one journal a store, and a moment a request. All drawing is done
in one thread, so nothing changes under a request.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from events.errors import PositionError, ReplayError
from replay.arguments import is_whole
from replay.page.addresses import Addresses, NoSuchPageError, event_in, setting_in
from replay.page.content import Links, Setting, messages
from replay.page.document import Origin, asset, report
from replay.page.screen import (
    Decided,
    View,
    event_page,
    messages_page,
    news,
    problem_page,
    stores_page,
    subject_page,
    what_if_page,
)
from replay.page.strip import WIDTH
from replay.page.what_if import Asked, Work
from replay.terminal.tables import named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from replay.page.opened import Opened

_LOOK_SECONDS: Final = 0.1
_TOKEN: Final = "token"  # noqa: S105  the name of a field
_SWEPT: Final = tuple(Setting(d, t) for d in (1, 2, 3) for t in (10, 20, 50, 200))
_SEE_OTHER: Final = 303
_MISDIRECTED: Final = 421
_ASSETS: Final = {
    "style.css": "text/css",
    "page.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


class Served(NamedTuple):
    """A store that is served."""

    opened: Opened
    store: str
    """The store as it was named on the command line."""
    detector: str | None
    """The detector as it was named there, where it is of this store."""


class Guard:
    """Lets only those in who may, and only to look."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], token: str | None) -> None:
        """Guard ``app``, which is reached by one of ``hosts``, with ports, and with the token."""
        self._app: Final = app
        self._hosts: Final = frozenset(each.lower() for each in hosts)
        self._token: Final = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.encode(), value.encode())
                        for name, value in _HEADERS.items()
                        if name.encode() not in have
                    ),
                ]
            await send(message)

        refused = self._refusal(scope)
        await (refused or self._app)(scope, receive, told)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return _plain(
                "expected this server's own name as the host, found another", _MISDIRECTED
            )
        if scope["method"] not in ("GET", "HEAD"):
            refused = _plain("expected GET or HEAD: stores are only read", 405)
            refused.headers["allow"] = "GET, HEAD"
            return refused
        if _is_foreign(headers):
            return _plain("expected a request of this page, found one of another site", 403)
        return self._without_token(scope, headers)

    def _without_token(self, scope: Scope, headers: Headers) -> Response | None:
        """Return how a request is answered that lacks the token, or brings it along."""
        if self._token is None:
            return None
        query = dict(
            part.partition("=")[::2] for part in scope["query_string"].decode("latin-1").split("&")
        )
        if self._is_token(query.get(_TOKEN, "")):
            # Out of the address, so that it does not stay in histories.
            answer = RedirectResponse(_quoted_path(scope), _SEE_OTHER)
            # Lax, or a link in a ticket would not bring it along.
            answer.set_cookie(_cookie(headers), self._token, httponly=True, samesite="lax")
            return answer
        if self._is_token(cookie_parser(headers.get("cookie", "")).get(_cookie(headers), "")):
            return None
        return _plain("expected the token that view has printed, found none", 403)

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), (self._token or "").encode())


def _cookie(headers: Headers) -> str:
    """Return the cookie's name, with the port: browsers share cookies among all of a host's."""
    return f"{_TOKEN}-{re.sub('[^a-z0-9]', '-', headers['host'].lower())}"


def _quoted_path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1")
    # Never an address of somebody else's.
    return "/" + path.lstrip("/\\")


def _is_foreign(headers: Headers) -> bool:
    """Tell whether a page of another site has sent a request, but by a link that was followed."""
    site = headers.get("sec-fetch-site", "none")
    if site in ("same-origin", "none"):
        return _origin_of(headers.get("origin")) not in (None, headers.get("host", "").lower())
    followed = headers.get("sec-fetch-mode") == "navigate"
    return not (followed and headers.get("sec-fetch-dest") == "document")


def _origin_of(address: str | None) -> str | None:
    """Return the host and port of an address, empty where it has none; None without an address."""
    try:
        return None if address is None else urlsplit(address).netloc.lower()
    except ValueError:  # As of "http://[".
        return ""


def _is_own(request: Request) -> bool:
    """Tell whether a request comes from a page of this server, for what starts work."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return _origin_of(request.headers.get("referer")) == request.headers.get("host", "").lower()


def _plain(text: str, status: int) -> Response:
    return Response(f"{text}\n", status, media_type="text/plain")


class Page:
    """Answers requests about some stores."""

    def __init__(self, stores: Sequence[Served]) -> None:
        """Serve ``stores``, each by its name."""
        self._stores: Final = {each.opened.name: each for each in stores}
        self._work: Work | None = None
        self._decided: dict[str, Decided] = {}
        self.closing = False
        """Whether the server ends, and nobody is followed any more."""

    def app(self, hosts: Sequence[str], token: str | None = None) -> ASGIApp:
        """Return the application, guarded."""
        store, event = "/s/{name}", "/s/{name}/event/{event}"
        routes = [
            Route("/", self._index),
            Route("/{asset}", self._asset),
            Route(f"{store}/", self._answering(self._store)),
            Route(event, self._answering(self._event)),
            Route(f"{event}/messages", self._answering(self._messages)),
            Route(f"{event}/report.html", self._answering(self._report)),
            Route(f"{store}/at", self._answering(self._at)),
            Route(f"{store}/go", self._answering(self._go)),
            Route(f"{store}/subject", self._answering(self._subject)),
            Route(f"{store}/live", self._answering(self._live)),
            Route(f"{store}/what-if", self._answering(self._what_if)),
            Route(f"{store}/what-if/run", self._answering(self._run)),
            Route(f"{store}/what-if/cancel", self._answering(self._cancel)),
        ]

        @asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            yield
            self.close()

        async def missing(_request: Request, _error: Exception) -> Response:
            return HTMLResponse(problem_page("Nothing here", "There is no such page."), 404)

        inner = Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: missing})
        inner.router.redirect_slashes = False
        return Guard(inner, hosts, token)

    def close(self) -> None:
        """Stop what is being decided, and all actors."""
        self.closing = True
        if self._work is not None:
            self._work.cancel()
        for each in self._stores.values():
            each.opened.close()

    # Pages

    def _answering(
        self, answer: Callable[[Request, Served], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return what answers a request about a store that is read."""

        async def answered(request: Request) -> Response:
            served = self._stores.get(request.path_params["name"])
            if served is None:
                return HTMLResponse(problem_page("No such store", "There is no such store."), 404)
            opened = served.opened
            opened.look_again()
            if not opened.ready:
                self._forget(served)
                loading = problem_page("One moment", "The store is being read.", refresh=1)
                return HTMLResponse(loading, 503, {"retry-after": "1"})
            if opened.error is None:
                opened.read_on()
            if opened.error is not None:
                return HTMLResponse(problem_page("The store cannot be shown", opened.error), 500)
            try:
                return answer(request, served)
            except (NoSuchPageError, PositionError) as error:
                return HTMLResponse(problem_page("Nothing here", str(error)), 404)
            except ReplayError as error:
                return HTMLResponse(problem_page("This cannot be shown", str(error)), 500)

        return answered

    async def _index(self, _request: Request) -> Response:
        stores = list(self._stores.values())
        if len(stores) == 1:
            return RedirectResponse(Addresses.base(stores[0].opened.name) + "/", _SEE_OTHER)
        return HTMLResponse(stores_page([each.opened for each in stores]))

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["asset"]
        if name not in _ASSETS:
            return HTMLResponse(problem_page("Nothing here", "There is no such page."), 404)
        return Response(asset(name), media_type=_ASSETS[name])

    def _view(self, request: Request, served: Served, event: str) -> View:
        opened = served.opened
        setting = setting_in(request.query_params, opened.setting)
        number = event_in(event, len(opened))
        to = Addresses(opened, setting)
        return View(opened, number, setting, to, served.store, served.detector)

    def _store(self, request: Request, served: Served) -> Response:
        opened = served.opened
        if not len(opened):
            return HTMLResponse(problem_page("Nothing yet", "The store has no event.", refresh=1))
        event = opened.flagged[-1] if opened.flagged else len(opened)
        setting = setting_in(request.query_params, opened.setting)
        return RedirectResponse(Addresses(opened, setting).event(event), _SEE_OTHER)

    def _event(self, request: Request, served: Served) -> Response:
        view = self._view(request, served, request.path_params["event"])
        content = view.opened.content(view.event, view.setting, view.addresses)
        return HTMLResponse(event_page(view, content, live=view.opened.unfinished))

    def _messages(self, request: Request, served: Served) -> Response:
        view = self._view(request, served, request.path_params["event"])
        opened = view.opened
        subjects = opened.teller.subjects(opened.looks, view.event)
        section = messages(opened.trace(view.event), view.event, subjects)
        return HTMLResponse(messages_page(view, section))

    def _report(self, request: Request, served: Served) -> Response:
        view = self._view(request, served, request.path_params["event"])
        opened, looks = view.opened, view.opened.looks
        content = opened.content(view.event, view.setting, Links())
        if view.setting == opened.setting:
            subjects = opened.teller.subjects(looks, view.event)
            delivered = opened.trace(view.event)
            content.sections.append(messages(delivered, view.event, subjects))
        origin = Origin(opened.path.name, str(looks.store.detector), looks.setting, view.command)
        name = f"event-{view.event}.html"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return HTMLResponse(report(content, origin), headers=headers)

    def _at(self, request: Request, served: Served) -> Response:
        opened, query = served.opened, request.query_params
        x = query.get("x", "")
        if not is_whole(x) or int(x) > WIDTH:
            raise NoSuchPageError(f"expected a place from 0 to {WIDTH}, found another")
        event = opened.scale.event(int(x))
        setting = setting_in(query, opened.setting)
        return RedirectResponse(Addresses(opened, setting).event(event), _SEE_OTHER)

    def _go(self, request: Request, served: Served) -> Response:
        opened, query = served.opened, request.query_params
        to = Addresses(opened, setting_in(query, opened.setting))
        word = query.get("q", "").strip()
        if is_whole(word) and 1 <= int(word) <= len(opened):
            return RedirectResponse(to.event(int(word)), _SEE_OTHER)
        return RedirectResponse(to.of("subject", None, id=word), _SEE_OTHER)

    def _subject(self, request: Request, served: Served) -> Response:
        opened = served.opened
        to = Addresses(opened, setting_in(request.query_params, opened.setting))
        subject = named(request.query_params.get("id", ""), opened.looks.everyone)
        events = opened.looks.numbers_of(subject)
        return HTMLResponse(subject_page(opened, subject, events, to))

    # What a run writes

    def _live(self, request: Request, served: Served) -> Response:
        opened = served.opened
        to = Addresses(opened, setting_in(request.query_params, opened.setting))

        # What came between the page and this request, or before it was made again, is news.
        shown = request.headers.get("last-event-id", request.query_params.get("known", ""))

        async def told() -> AsyncIterator[bytes]:
            known = min(int(shown), len(opened)) if is_whole(shown) else len(opened)
            yield b": hello\n\n"
            while not self.closing and not await request.is_disconnected():
                opened.read_on()
                if opened.error is not None:
                    return
                if len(opened) > known or (opened.flagged and opened.flagged[-1] > known):
                    told = json.dumps(news(opened, to, known))
                    known = len(opened)
                    yield f"id: {known}\ndata: {told}\n\n".encode()
                await asyncio.sleep(_LOOK_SECONDS)

        if request.method == "HEAD":
            return Response(media_type="text/event-stream")
        return StreamingResponse(told(), media_type="text/event-stream")

    # What if

    def _what_if(self, request: Request, served: Served) -> Response:
        view = self._compared(request, served)
        work, mine = self._work, self._is_at_work_on(served)
        kept = self._decided.get(served.opened.name, Decided(len(served.opened), {}))
        if work is not None:
            work.look()
            self._take(served, kept)
        return HTMLResponse(what_if_page(view, kept, work, mine=mine))

    def _compared(self, request: Request, served: Served) -> View:
        if served.opened.setting is None:
            raise NoSuchPageError("expected a store of purchases with D and T, found another")
        event = request.query_params.get("event", str(len(served.opened)))
        return self._view(request, served, event)

    def _forget(self, served: Served) -> None:
        """Keep nothing that was decided of a store which is read afresh."""
        self._decided.pop(served.opened.name, None)
        if self._work is not None and self._is_at_work_on(served):
            self._work.cancel()
            self._work = None

    def _take(self, served: Served, kept: Decided) -> None:
        """Keep what was decided of as many events as what is kept."""
        work = self._work
        if work is not None and self._is_at_work_on(served) and work.asked.events == kept.events:
            kept.flagged.update(work.done)

    def _is_at_work_on(self, served: Served) -> bool:
        return self._work is not None and self._work.asked.store == str(served.opened.path)

    def _run(self, request: Request, served: Served) -> Response:
        view = self._compared(request, served)
        if not _is_own(request):
            return _plain("expected a request of this page, which starts work, found another", 403)
        back = view.addresses.of("what-if", None, event=view.event)
        if self._work is not None:
            self._work.look()
        if self._work is not None and self._work.running:
            return RedirectResponse(back, _SEE_OTHER)
        wanted = _SWEPT if "sweep" in request.query_params else (view.setting,)
        opened = served.opened
        kept = self._decided.get(opened.name)
        if kept is None or kept.events != len(opened):
            kept = self._decided[opened.name] = Decided(len(opened), {})
        self._take(served, kept)
        known = {*kept.flagged, opened.setting}
        missing = tuple(each for each in wanted if each is not None and each not in known)
        if missing:
            path = str(opened.path)
            self._work = Work(Asked(path, served.detector, missing, len(opened)))
        return RedirectResponse(back, _SEE_OTHER)

    def _cancel(self, request: Request, served: Served) -> Response:
        if not _is_own(request):
            return _plain("expected a request of this page, which stops work, found another", 403)
        if self._work is not None:
            self._work.cancel()
        setting = setting_in(request.query_params, served.opened.setting)
        return RedirectResponse(Addresses(served.opened, setting).of("what-if"), _SEE_OTHER)
