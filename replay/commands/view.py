"""``view STORE...``: stores as a page in the browser."""

from __future__ import annotations

import argparse
import secrets
import socket
import webbrowser
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from events.errors import InputError, OutputError
from events.escapes import plain
from events.libraries import is_installed
from events.store.store import EventStore
from replay.arguments import is_whole
from replay.kinds import kind_of, looks_of
from replay.loading import add_detector, given_detector
from replay.terminal.standard_streams import flush, mention
from replay.terminal.tables import open_store

if TYPE_CHECKING:
    from types import FrameType

    from replay.engine.looks import Looks
    from replay.page.server import Served

SUMMARY = "show stores as a page in the browser, also while a run is writing them"
EXAMPLE = "view flagged.json.events --open"

LOCAL: Final = "127.0.0.1"
PORT: Final = 8765
_PORT_MAX: Final = 65_535
_HTTP_PORT: Final = 80
_EVERYWHERE: Final = ("0.0.0.0", "::", "::ffff:0.0.0.0")  # noqa: S104  that is what is refused


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("stores", metavar="STORE", nargs="+", help="event stores of runs")
    add_detector(parser)
    parser.add_argument(
        "--port",
        metavar="P",
        type=_port,
        help=f"where it listens (default: {PORT}, or any that is free)",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default=LOCAL,
        help="listen at this address of the machine, for whoever has the token that is printed "
        f"(default: {LOCAL}, without one)",
    )
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def run(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    if not (is_installed("uvicorn") and is_installed("starlette")):
        raise InputError(
            'expected starlette and uvicorn, found none; python -m pip install "rewindable-replay'
            '[view]", or in a checkout sh scripts/setup.sh run'
        )
    # Imported only here: no other command needs them.
    import uvicorn  # noqa: PLC0415

    from replay.page.server import Page  # noqa: PLC0415

    served = _served(options)
    listening = _listening(options.host, options.port)
    bound, port = listening.getsockname()[:2]
    local = options.host in (LOCAL, "localhost", "::1")
    token = None if local else secrets.token_urlsafe(24)
    # 127.1 is 127.0.0.1 to a browser.
    names = {options.host, bound, *((LOCAL, "localhost", "::1") if local else ())}
    hosts = [_host(name, port) for name in names]
    if port == _HTTP_PORT:  # Which browsers leave out.
        hosts += [each.removesuffix(f":{port}") for each in hosts]
    address = f"http://{_host(options.host, port)}/{'' if token is None else f'?token={token}'}"
    page = Page(served)

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            # Or those who follow a store would be waited for.
            page.closing = True
            super().handle_exit(sig, frame)

    config = uvicorn.Config(
        page.app(hosts, token),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    mention(f"page: {address} (Ctrl-C ends it)")
    flush()
    if options.open:
        webbrowser.open(address)
    try:
        server.run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        page.close()
        listening.close()
    return 0


def _host(name: str, port: int) -> str:
    """Return how an address names a host."""
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def _port(text: str) -> int:
    if not is_whole(text) or int(text) > _PORT_MAX:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to {_PORT_MAX}, found {text!r}")
    return int(text)


def _served(options: argparse.Namespace) -> list[Served]:
    """Begin to read the stores; what can be said at once of one that cannot be shown is said.

    Raises:
        StoreError: one is missing, or is no store.
        InputError: two have the same name.

    """
    from replay.page.opened import Opened  # noqa: PLC0415
    from replay.page.server import Served  # noqa: PLC0415

    served: list[Served] = []
    detector = given_detector(options)
    names: set[str] = set()
    for path in options.stores:
        store = open_store(path)
        # Whatever bytes it has, it is text in an address.
        name = store.path.name.encode(errors="backslashreplace").decode()
        if name in names:
            raise InputError(
                f"{path}: expected stores with different names, found two that are called "
                f"{plain(name)}; rename one, or look at it by itself"
            )
        names.add(name)
        fits = detector is not None and issubclass(detector, kind_of(store.header).detectors)
        own = detector if fits else None
        opened = Opened(name, store.path.absolute(), partial(_looks, path, own))
        served.append(Served(opened, path, options.detector if fits else None))
    return served


def _looks(path: str, detector: type[Any] | None) -> Looks[Any]:
    return looks_of(EventStore(path), detector)


def _listening(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens.

    Raises:
        InputError: it would listen at all addresses of the machine.
        OutputError: nobody can listen there.

    """
    wanted = [PORT, 0] if port is None else [port]
    for place, each in enumerate(wanted, 1):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("" if host == "*" else host, each))
            if made.getsockname()[0] in _EVERYWHERE:
                made.close()
                raise InputError(
                    "--host: expected one address of this machine, found one that stands for all"
                )
            made.listen(64)
        except OSError as error:
            made.close()
            if place == len(wanted):
                raise OutputError(
                    f"{host}:{each}: expected a port to listen at, found: {error.strerror}; "
                    "name another with --port"
                ) from None
        else:
            made.set_inheritable(False)
            return made
    raise AssertionError("one of them was tried last")
