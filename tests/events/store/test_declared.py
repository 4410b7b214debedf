"""What stands in a store of declared events is checked where it is read, as in all others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import replay
from replay.cli import main
from tests.events.store.test_validation import (
    DEEP,
    LOST_TEXT,
    SURROGATE,
    add,
    drop,
    piece_with,
    put,
    records,
    spoiled,
)
from tests.rings import Rings

if TYPE_CHECKING:
    from collections.abc import Callable

    from campaigns.remade import Remade

    Change = Callable[[Remade], object]

STORE = "rings.json.events"
DETECTOR = ("--detector", "tests.rings:Rings")


def transfer(second: int, sender: str, receiver: str, amount: int, space: str = "") -> str:
    fields = {"event_type": "transfer", "timestamp": f"2017-06-13 11:33:{second:02}"}
    told = {"sender": sender, "receiver": receiver, "amount": amount}
    return json.dumps(fields | told) + space


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a store of a few transfers, one of which is flagged."""
    monkeypatch.chdir(tmp_path)
    closed = '{"event_type": "closed", "timestamp": "2017-06-13 11:33:02", "account": "cy"}'
    past = ['{"at_least": 5}', transfer(1, "ada", "bob", 7), closed, transfer(3, "bob", "cy", 2)]
    new = [transfer(4, "bob", "ada", 9, " "), transfer(5, "cy", "ada", -(2**63)), "nothing"]
    Path("batch.json").write_text("\n".join([*past, ""]), encoding="utf-8")
    Path("stream.json").write_text("\n".join([*new, ""]), encoding="utf-8")
    with Rings.logs("batch.json", "stream.json") as logs:
        replay.run(logs, "rings.json")
    return tmp_path


def declared(name: str, value: Any) -> Change:
    def change(remade: Remade) -> None:
        remade.header["declared"][name] = value

    return change


def fields(*added: Any) -> Change:
    return declared("types", [["transfer", True, [*added]]])


def version(number: int, **header: Any) -> Change:
    def change(remade: Remade) -> None:
        remade.version = number
        remade.header.update(header)

    return change


def claim(events: int) -> Change:
    def change(remade: Remade) -> None:
        piece_with(remade, "facts").events = events

    return change


def columns_behind(remade: Remade) -> None:
    piece = piece_with(remade, "facts")
    piece.records.append(piece.records[0])
    piece.events = 3


def long_times(remade: Remade) -> None:
    """Have a time with a million digits, and hundreds of events at that time."""
    piece = piece_with(remade, "facts")
    time = "2017-06-13 11:33:02." + "1" * 10**6
    kinds, run = [1] * 400, next(each for each in piece.records if each[0] == "run")
    piece.records[0] = ["facts", kinds, [[time], None, [], [400]]]
    piece.records[0] += [[[[], []], [[], []], [["a"], [0] + [1] * 399]], [[]], []]
    run[1] = 400
    piece.events = 400


WRONG: list[tuple[Change, str]] = [
    # What the frame's events are
    (put("facts", (1, 0), 2), "expected 2 types of events, found 3"),
    (put("facts", (1, 0), 127), "expected 2 types of events, found 128"),
    (put("facts", (1, 0), 2**63 - 1), "expected 2 types of events, found 9223372036854775808"),
    (put("facts", (1, 0), 2**63), "expected records, found: Expected `int` <= 9223372036854775807"),
    (put("facts", (1, 0), -1), "expected records, found: Expected `int` >= 0"),
    (put("facts", (1, 0), 1), "expected 2 names, found 3|expected 1 names, found 2"),
    (put("facts", 1, []), "expected 0 events|expected 3 events, as the frame's head says, found 0"),
    (put("facts", 1, [0] * 50), "expected 50 events, as the frame's head says, found 50 in"),
    (claim(2**32 - 1), "expected 4294967295 events, as the frame's head says, found 3 in runs"),
    (put("run", 1, 2**62), "expected records, found: Expected `int` <= 4294967295"),
    (columns_behind, "expected columns at the beginning of a frame, found some behind"),
    (drop("run"), "expected 3 events, as the frame's head says, found 3 in runs of 0"),
    # Times
    (put("facts", (2, 0, 0), "2017-06-13T11:33:01"), "expected a time with a space in it"),
    (put("facts", (2, 2), []), "expected the times of 3 events, found others"),
    (long_times, "expected texts of 67108864 characters in a frame at most, found more"),
    # Texts
    (put("facts", 3, []), "expected a column for each field, found 1 columns"),
    (put("facts", (3, 2), [[], []]), "expected 1 names, found 0"),
    (put("facts", (3, 0, 1, 0), 9), "expected names that the frame has, each of them used"),
    (put("facts", (3, 0, 1, 0), 2**63 - 1), "expected names that the frame has, each of them used"),
    (put("facts", (3, 0, 0), ["ada", "ada"]), "expected each name once in a frame, found one twic"),
    (put("facts", (3, 0, 0), ["ada", "b", "c"]), "expected names that the frame has, each of them"),
    (put("facts", (3, 0, 0, 0), LOST_TEXT), "expected records, found: 'utf-8' codec"),
    (put("facts", (3, 0, 0, 0), SURROGATE), "expected records, found: 'utf-8' codec"),
    (put("facts", (3, 2), [["x"], [0]], which=1), "expected no texts, as no event has one, found"),
    # Numbers
    (put("facts", 4, []), "expected a column for each field, found 3 columns"),
    (put("facts", 4, [[7, 2], [1]]), "expected a column for each field, found 5 columns"),
    (put("facts", (4, 0), [7]), "expected the values of 2 events, found 1"),
    (put("facts", (4, 0), [7, 2, 3]), "expected the values of 2 events, found 3"),
    (put("facts", (4, 0, 0), 2**63), "expected records, found: Expected `int` <= 9223372036854775"),
    (put("facts", (4, 0, 0), "7"), "expected records, found: Expected `int`, got `str`"),
    (put("facts", (4, 0, 0), 1.5), "expected records, found: Expected `int`, got `float`"),
    # Lines
    (put("facts", 5, [[3, b"x"]]), "expected lines of the frame's events in order, each once"),
    (put("facts", 5, [[2**63 - 1, b"x"]]), "expected lines of the frame's events in order, each"),
    (put("facts", 5, [[0, b"x"], [0, b"x"]]), "expected lines of the frame's events in order, eac"),
    (put("facts", 5, [[1, b"x"], [0, b"x"]]), "expected lines of the frame's events in order, eac"),
    (put("facts", 5, [[0, "x"]]), "expected records, found: Expected `bytes`, got `str`"),
    # Verdicts
    (put("verdict", 1, 3), "stream in order, and one on event 4, found one on event 3"),
    (put("verdict", 1, 2**63), "expected records, found: Expected `int` <= 9223372036854775807"),
    (put("verdict", 2, 1), "expected records, found: Expected `bool`, got `int`"),
    (put("verdict", 3, []), "expected a verdict that is a .* of flagged .*, found '\\[\\]'"),
    (put("verdict", 3, [1]), "expected a verdict that is a .*, back \\(int\\), found '\\[1\\]'"),
    (put("verdict", 3, [1, 2, 3]), "expected a verdict that is a .*, found '\\[1, 2, 3\\]'"),
    (put("verdict", 3, [1, "2"]), "expected a verdict that is a .* of flagged \\(bool\\), forth"),
    (put("verdict", 3, [1, True]), "expected a verdict that is a .*, found '\\[1, True\\]'"),
    (put("verdict", 3, [1, 2.5]), "expected a verdict that is a .*, found '\\[1, 2.5\\]'"),
    (put("verdict", 3, [1, 2**63]), "expected a verdict that is a .*, found '\\[1, 92233720368547"),
    (put("verdict", 3, [1, "x\n" * 10**6]), 'expected a verdict that is a .*, found .*\\.\\.\\."'),
    (put("verdict", 3, DEEP), "expected records, found: maximum recursion depth"),
    (add(["verdict", 5, True, [1, 2]], "verdict", after=False), "in order, and one on event 4, fo"),
    (drop("verdict"), "expected decisions on the .* in order, and one on event 4, found one on ev"),
    (add(["decision", 4, True, 1, 1, 1], "verdict"), "expected records, found: Invalid value 'dec"),
    (add(["observed", [[], 0, [], None], [[], []], None], "run"), "found: Invalid value 'observed"),
]  # fmt: skip
TEXT = ["sender", "text"]
NO_HEADER = "expected a header as this program writes it, found version . and another one: .*"
HEADERS: list[tuple[Change, str]] = [
    (declared("types", []), "event_types: expected a tuple of classes made of Fact, one or more"),
    (declared("types", [["a", True, []], ["a", True, []]]), "expected types of events with names"),
    (declared("types", [["", True, []]]), "Expected `str` of length >= 1"),
    (declared("types", [["a" * 256, True, []]]), "expected a tag of 1 to 255 characters, found"),
    (declared("types", [["a\nb\x1b", True, [["1", "int"]]]]), r"a\\nb\\x1b: expected a field with"),
    (declared("types", [["a", 1, []]]), "Expected `bool`, got `int`"),
    (declared("types", [[str(each), True, []] for each in range(129)]), "at most 128 types of ev"),
    (declared("types", [[str(each), True, []] for each in range(10**5)]), "at most 128 types of e"),
    (declared("types", [["a", True, [TEXT]], ["b", True, [["sender", "int"]]]]), "expected what i"),
    (declared("types", DEEP), "Expected `array` of at least length 3, got 1"),
    (fields(["x", "float"]), "Invalid enum value 'float'"),
    (fields(["x"]), "Expected `array` of length 2, got 1|Expected `array` of at least length 2"),
    (fields(TEXT, TEXT), "transfer: expected each field once"),
    (fields(*([f"f{each}", "int"] for each in range(256))), "expected at most 255 different field"),
    (fields(["a" * 256, "int"]), "transfer: expected a field with a name of its own, found"),
    *(
        (fields([name, "int"]), "transfer: expected a field with a name of its own, found")
        for name in ("1x", "class", "time", "number", "line", "event_type", "timestamp", "a b",
                     "flagged", "x\0y", "__init__", "__slots__", "__class__", "__struct_fields__")
    ),
    (declared("verdict", [["flagged", "bool"]]), "Verdict: expected a field with a name of its ow"),
    (declared("verdict", [["number", "int"]]), "Verdict: expected a field with a name of its own"),
    (declared("verdict", [["x", "list"]]), "Invalid enum value 'list'"),
    (declared("verdict", [["back", "int"]] * 2), "Verdict: expected each field once"),
    (declared("parameters", b""), "Input data was truncated"),
    (declared("parameters", b"[1]"), "Expected `object`, got `array`"),
    (declared("parameters", b'{"a": "\xff"}'), "'utf-8' codec"),
    (declared("parameters", b'{"a": ' + b"[" * 10**5 + b"]" * 10**5 + b"}"), "maximum recursion"),
    (version(4, declared=None), "expected declared types of events in version 4, and in no other"),
    (version(3), "expected declared types of events in version 4, and in no other"),
    (version(1), "expected declared types of events in version 4, and in no other"),
    (version(4, parameters={"degrees": 1, "tracked": 2}), "expected the parameters of one detecto"),
]  # fmt: skip


def refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    status = main(words)
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1), (words, out, err)
    assert err.startswith("replay: ")
    assert err.isascii()
    assert err.rstrip("\n").isprintable()
    assert len(err) < 800
    assert re.search(said, err), err


def commands(store: str) -> list[list[str]]:
    return [
        ["check", store],
        ["log", store],
        ["check", store, *DETECTOR],
        ["verify", store, *DETECTOR],
        ["why", store, "4", *DETECTOR],
        ["export", store],
        ["rebuild", store, "new.json", *DETECTOR],
        ["repair", store, "--output", f"{store}2"],
    ]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_history_that_no_run_writes_is_refused_by_every_command(
    folder: Path, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = spoiled(folder, STORE, change)
    with pytest.raises(replay.DamagedStoreError, match=said):
        list(replay.EventStore(store).records())
    for words in commands(store):
        refused(words, f"at byte .*: .*({said})", capsys)
    content = Path(store).read_bytes()
    refused(["batch.json", "stream.json", "rings.json", *DETECTOR], said, capsys)
    assert Path(store).read_bytes() == content
    assert not Path("new.json").exists()


@pytest.mark.parametrize(("change", "said"), HEADERS)
def test_header_that_no_run_writes_is_refused_by_every_command(
    folder: Path, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = spoiled(folder, STORE, change)
    with pytest.raises(replay.ForeignStoreError, match=NO_HEADER):
        replay.EventStore(store)
    for words in commands(store):
        refused(words, NO_HEADER + f"({said})", capsys)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("facts", 5, [[0, b"{}"]]), "event 1: expected its own line, found one that is none"),
        (put("facts", 5, [[0, transfer(1, "ada", "bob", 7).encode()]]), "event 1: expected the li"),
        (put("facts", 5, [[0, transfer(1, "ada", "bob", 8, " ").encode()]]), "event 1: expected t"),
        (put("facts", 5, [[0, transfer(1, "ada", "bob", 7, "\n").encode()]]), "event 1: expected"),
        (put("facts", (4, 0, 0), 8, which=1), "event 4: expected the line that it was read from"),
    ],
)  # fmt: skip
def test_event_whose_line_is_not_its_own_is_refused_by_those_who_need_the_line(
    folder: Path, change: Change, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = spoiled(folder, STORE, change)
    assert main(["log", store]) == 0
    for words in commands(store)[:1] + commands(store)[2:4]:
        refused(words, said, capsys)


def test_parameters_of_another_detector_are_refused_where_it_decides(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = spoiled(folder, STORE, declared("parameters", b'{"at_least": "x\\n\\u001b"}'))
    assert main(["check", store]) == 0
    assert "\x1b" not in capsys.readouterr().out
    refused(
        ["verify", store, *DETECTOR], "expected the parameters of Rings, found others: ", capsys
    )


@pytest.mark.parametrize("tag", ["a b", "\x1b[31m\n", "x\0y", "class", "é"])
def test_tag_may_be_any_text_and_is_shown_plainly(
    folder: Path, tag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(remade: Remade) -> None:
        remade.header["declared"]["types"][0][0] = tag
        records(remade, "facts")[1][5] = []

    store = spoiled(folder, STORE, change)
    assert main(["log", store]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\0" not in out
    assert main(["check", store]) == 0
    refused(["verify", store, *DETECTOR], "expected events of the types that the detector", capsys)
