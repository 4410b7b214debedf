"""What a detector is called, which version of it decides, and whether it is that of a store.

A detector declares `name` and `version` as class attributes, each for itself: a subclass
has another rule, so it inherits neither. Without a name it is called what its class is;
without a version it has the SHA-256 of the whole source files of its classes and of their
bases, and of the plain values that local classes have from the function around them. All
of it is read when the class is defined: a file that is edited later does not speak for
what was made of its old text.

Not in the hash is what a rule reads elsewhere: a helper module, a setting, a file. Whoever
has such a rule declares a version.
"""

from __future__ import annotations

import hashlib
import sys
from contextlib import suppress
from inspect import getsourcefile
from operator import itemgetter
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from events.errors import DetectorError, OtherDetectorError, shown
from events.store.header import HASHED, INTERVALS, PURCHASES, DetectorVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from events.store.store import EventStore

_SHIPPED: Final = frozenset({PURCHASES.name, INTERVALS.name})
_OUR_PACKAGES: Final = frozenset({"actors", "events", "replay"})
# What events and parameters are made of.
_LIBRARIES: Final = frozenset({"msgspec"})


# What has a source, which is where it is defined; and what has the same text everywhere.
_SOURCED: Final = (
    type,
    FunctionType,
    BuiltinFunctionType,
    ModuleType,
    MemberDescriptorType,
)
_PLAIN: Final = frozenset({bool, int, float, str, bytes})


class _ClassText(NamedTuple):
    """What of a class goes into the hash."""

    text: str
    """Its name, the hash of its file and, of a local class, what it depends on around it."""
    missing: str
    """Why there is no such text, or nothing."""


# As each class was when it was first seen.
_seen: Final[WeakKeyDictionary[type, _ClassText]] = WeakKeyDictionary()


def detector_version(detector: Any) -> DetectorVersion:
    """Return the name and the version of ``detector``.

    It is a class, or any callable that makes an actor system. Nobody can see what else a
    callable depends on, so it has to declare both, as attributes. Either may instead name,
    as `decides_as`, the detector whose decisions it gives, as
    `replay.engine.failing.with_failures` does.

    Raises:
        DetectorError: it has to declare its name or its version, or another one.

    """
    declared = _declared(detector)
    named = [detector]
    while "decides_as" in declared:
        detector = declared["decides_as"]
        if any(detector is each for each in named):
            raise DetectorError(
                f"{shown(repr(detector))}: expected decides_as to lead to the detector that "
                "decides, found that it leads back to itself"
            )
        named.append(detector)
        declared = _declared(detector)
    if not isinstance(detector, type) and not {"name", "version"} <= declared.keys():
        name = getattr(detector, "__qualname__", type(detector).__qualname__)
        raise DetectorError(
            f"{shown(name)}: expected a detector that is a class, or has the attributes name and "
            "version, found a callable without; set them, and another version whenever its "
            "rule changes"
        )
    name = _name(detector, declared)
    if "version" in declared:
        return DetectorVersion(name, _version(name, declared["version"]))
    return DetectorVersion(name, HASHED + _hash(name, detector))


def answers_as_of(detector: Any) -> bool:
    """Tell whether ``detector`` declares, for itself, that workers may share its events.

    See `replay.judging.system.ActorSystem`.
    """
    return _declared(detector).get("answers_as_of") is True


def check_detector(store: EventStore, detector: Any) -> None:
    """Refuse to let ``detector`` speak for what another one decided.

    Raises:
        OtherDetectorError: another detector decided the store, or another version.
        DetectorError: the detector has to declare its name or its version.

    """
    expected, found = detector_version(detector), store.detector
    if found == expected:
        return
    if expected.name == found.name:
        cure = (
            "use the release that has this one"
            if expected.name in _SHIPPED
            else "its rule has changed since, so run the logs again"
        )
    elif expected.name in _SHIPPED:
        cure = (
            "log, step and diff show what it recorded; for all else name its detector, "
            "with --detector or in Python"
        )
    else:
        cure = "name the detector that decided it"
    unnamed = " (the store names none)" if store.header.detector is None else ""
    raise OtherDetectorError(
        f"{store.path}: expected a history that {expected} decided, found one of {found}"
        f"{unnamed}; {cure}"
    )


def is_decided_by(store: EventStore, detector: Any) -> bool:
    """Tell whether ``detector``, of this version, decided ``store``."""
    return store.detector == detector_version(detector)


def remember_source(detector: type) -> None:
    """Read the source of the classes of ``detector``, which has just been defined."""
    if "version" not in vars(detector) and "decides_as" not in vars(detector):
        for each in _classes(detector):
            _text_of_class(each)


def _declared(detector: Any) -> Mapping[str, Any]:
    if isinstance(detector, type):
        return vars(detector)
    return {
        key: getattr(detector, key)
        for key in ("name", "version", "decides_as", "answers_as_of")
        if hasattr(detector, key)
    }


def _name(detector: Any, declared: Mapping[str, Any]) -> str:
    name = declared.get("name", getattr(detector, "__qualname__", None))
    if not _is_text(name):
        raise DetectorError(f"expected a detector whose name is a text, found {shown(repr(name))}")
    if name in _SHIPPED and not (isinstance(detector, type) and _is_ours(detector)):
        raise DetectorError(
            f"{shown(name)}: expected a detector with a name of its own, found that of a "
            "built-in one; declare another"
        )
    return str(name)


def _version(name: str, version: Any) -> str:
    if _is_text(version):
        return str(version)
    if type(version) is int and version >= 0:
        return str(version)
    raise DetectorError(
        f"{shown(name)}: expected a version that is a whole number or a text, found "
        f"{shown(repr(version))}; declare one"
    )


def _is_text(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False


def _hash(name: str, detector: type) -> str:
    texts = set()
    for each in _classes(detector):
        found = _text_of_class(each)
        if found.missing:
            raise _undeclared(name, found.missing)
        texts.add(found.text)
    if not texts:
        raise _undeclared(name, "none of its own")
    # Sorted: no order of files is the same everywhere.
    return hashlib.sha256("".join(sorted(texts)).encode()).hexdigest()


def _undeclared(name: str, found: str) -> DetectorError:
    return DetectorError(
        f"{shown(name)}: expected a detector whose version is the hash of its source, found "
        f"{found}; declare version = 1 in its class, and another whenever its rule changes"
    )


def _classes(detector: Any) -> Iterator[type]:
    """Iterate over the classes that make up a detector, but for ours and Python's own."""
    for each in (detector, *detector.parts()):
        if not isinstance(each, type):
            continue
        # What ours are made of is ours to take care of, such as Pykka's actor.
        known = {base for cls in each.__mro__ if _is_ours(cls) for base in cls.__mro__}
        yield from (cls for cls in each.__mro__ if cls not in known and not _is_python(cls))


def _is_ours(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in _OUR_PACKAGES


def _is_python(cls: type) -> bool:
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names | _LIBRARIES


def _text_of_class(cls: type) -> _ClassText:
    if cls not in _seen:
        _seen[cls] = _read(cls)
    return _seen[cls]


def _read(cls: type) -> _ClassText:
    source, name = _source(cls), cls.__qualname__
    if source is None:
        return _ClassText("", f"no source of {name}")
    texts = [f"{name} {source}\n"]
    for key, value in sorted(_values(cls), key=itemgetter(0)) if "<locals>" in name else ():
        text = _text(value)
        if text is None:
            return _ClassText("", f"{name}, which depends on {key}, a {type(value).__name__}")
        texts.append(f"{name} {key} {text}\n")
    return _ClassText("".join(texts), "")


def _source(cls: type) -> str | None:
    """Return the hash of the file that ``cls`` was defined in, or None where it was in none."""
    functions = (each for each in vars(cls).values() if isinstance(each, FunctionType))
    if any(each.__code__.co_filename.startswith("<") for each in functions):
        # It was typed, or made of a text; what the module has as its file is another one.
        return None
    module = sys.modules.get(cls.__module__)
    try:
        path = module and getsourcefile(module)
        content = Path(path).read_bytes() if path else None
    except (OSError, TypeError):
        return None
    if content is None:
        return None
    return hashlib.sha256(content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).hexdigest()


def _values(cls: type) -> Iterator[tuple[str, Any]]:
    """Iterate over what a local class may have from the function around it, by name."""
    for key, value in vars(cls).items():
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        if isinstance(function, FunctionType):
            names = function.__code__.co_freevars
            for free, cell in zip(names, function.__closure__ or (), strict=True):
                with suppress(ValueError):
                    yield f"{key}.{free}", cell.cell_contents
            yield f"{key}()", (function.__defaults__, *(function.__kwdefaults__ or {}).items())
        elif not key.startswith(("__", "_abc_")):
            yield key, value


def _text(value: Any) -> str | None:
    """Return what ``value`` is everywhere, or None where nobody can tell."""
    if isinstance(value, tuple):
        texts = list(map(_text, value))
        return None if None in texts else f"({', '.join(map(str, texts))})"
    if isinstance(value, _SOURCED):
        return str(type(value).__name__)
    return ascii(value) if value is None or type(value) in _PLAIN else None
