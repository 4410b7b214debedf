"""The two logs of a run of a detector that declares its events, and its parameters."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.custom.lines import FactParser, lines_of
from events.errors import ParametersError, shown
from events.logs.objects import BadLineError, decode_object
from replay.custom.history import FactResumed
from replay.judging.logs import ParametersLine, TwoLogs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from events.custom.journal import FactJournal
    from events.logs.file import Log
    from events.store.store import EventStore
    from replay.custom.detector import Detector


class FactLogs(TwoLogs[Any]):
    """A batch log and a stream log of events of declared types, ready to be read."""

    output = "the flagged events"
    own_events = True

    def __init__(
        self,
        batch: str | Path | Log,
        stream: str | Path | Log,
        detector: type[Detector],
        parameters: Any = None,
        *,
        changes: Sequence[tuple[str, str]] = (),
        **options: Any,
    ) -> None:
        """Open both logs, and read the parameters if none are given; see `TwoLogs` for others.

        They may stand on the batch's first line, as a JSON object without an ``event_type``. Of
        ``changes`` each is the name of one that is read, and its value; see `with_values`.
        """
        self.detector: type[Detector] = detector
        self.detectors = detector
        self._given: Final = parameters
        self._changes: Final = changes
        super().__init__(batch, stream, partial(FactParser, lines_of(detector.types())), **options)

    def read_parameters(self) -> ParametersLine[Any]:
        batch, expected = self.batch, self.detector.parameters_type
        line = batch.peek_line()
        where = f"{batch.path}:{batch.lines_read + 1}"
        text = line if isinstance(line, bytes) and _is_parameters(line) else None
        parameters = self._given
        if parameters is None:
            try:
                kind: Any = dict if self._changes else expected
                parameters = msgspec.json.decode(text or b"{}", type=kind, strict=False)
            except msgspec.MsgspecError as error:
                found = "none" if text is None else shown(text)
                raise ParametersError(
                    f"{where}: expected the parameters of {self.detector.__qualname__}, a JSON "
                    f"object on the first line, found {found}: {error}"
                ) from None
            known = expected.__struct_encode_fields__
            if unknown := [] if text is None else [*decode_object(text).keys() - set(known)]:
                raise ParametersError(
                    f"{where}: expected the parameters of {self.detector.__qualname__}: "
                    f"{', '.join(known) or 'none'}; found {shown(min(unknown))}"
                )
            if self._changes:
                parameters = with_values(parameters, expected, self._changes)
        elif not isinstance(parameters, expected):
            raise ParametersError(
                f"expected parameters that are {expected.__qualname__}, found {parameters!r}"
            )
        _check_kept(parameters)
        return ParametersLine(parameters, None if text is None else batch.skip_line())

    def setting(self) -> dict[str, Any]:
        told = msgspec.json.encode(self.parameters)
        return {"parameters": None, "declared": self.detector.types().declared(told)}

    def resumed(self, kept: EventStore, journal: FactJournal | None) -> FactResumed:
        return FactResumed(kept, self.detector, journal)


def with_values(told: dict[str, Any], kind: Any, changes: Sequence[tuple[str, str]]) -> Any:
    """Return parameters of which some have another value.

    Raises:
        ParametersError: there is no such parameter, or it has no such value.

    """
    types = {each.encode_name: each.type for each in msgspec.structs.fields(kind)}
    for name, text in changes:
        if name not in types:
            known = ", ".join(types) or "none, as there are no parameters"
            raise ParametersError(f"--set: expected a parameter: {known}; found {shown(name)}")
        expected = f"--set {name}: expected a value as {kind.__qualname__} declares it"
        told = {**told, name: _value(text, types[name], expected)}
    try:
        return msgspec.convert(told, kind, strict=False)
    except msgspec.ValidationError as error:
        # Each value that is set is one of its parameter: it is another, or all of them together.
        raise ParametersError(
            f"expected parameters as {kind.__qualname__} declares them, found "
            f"{shown(repr(told))}: {error}"
        ) from None


def _value(text: str, kind: Any, expected: str) -> Any:
    """Return what a text says: itself, so that it is taken for no number, or what it is in JSON.

    Raises:
        ParametersError: neither is of ``kind``; it begins with ``expected``.

    """
    error: Exception | None = None
    for read in (str, msgspec.json.decode):
        try:
            value = read(text)
            msgspec.convert(value, kind, strict=False)
        except (msgspec.MsgspecError, UnicodeEncodeError) as failure:
            # That of a text that is no JSON says nothing of the parameter.
            error = failure if isinstance(failure, msgspec.ValidationError) else error
        else:
            return value
    raise ParametersError(f"{expected}, found {shown(text)}: {error}")


def _check_kept(parameters: Any) -> None:
    """Refuse parameters that a store could not give back."""
    try:
        told = msgspec.json.encode(parameters)
        kept = msgspec.json.encode(msgspec.json.decode(told, type=type(parameters)))
        is_kept = told == kept and told.startswith(b"{")
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):
        is_kept = False
    if not is_kept:
        raise ParametersError(
            f"expected parameters that are the same when they are read again from JSON, where they "
            f"are an object, found {shown(repr(parameters))}"
        )


def _is_parameters(line: bytes) -> bool:
    """Tell whether ``line`` is an object that is no event."""
    try:
        return "event_type" not in decode_object(line)
    except BadLineError:
        return False
