"""A detector that is declared wrongly, or gives what it may not, is told so in one line."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import msgspec
import pytest

import replay
from events.declared.fact import Declared, FactType, FactTypes, Field
from replay.cli import main
from replay.testing import run_conformance_test
from tests.rings import Account, Coordinator, Limits, Ring, Rings, Transfer


class Price(replay.Fact, frozen=True):
    amount: float


class Basket(replay.Fact, frozen=True):
    items: list[str]


class Perhaps(replay.Fact, frozen=True):
    name: str | None


class Anything(replay.Fact, frozen=True):
    count: Any


class Positive(replay.Fact, frozen=True):
    count: Annotated[int, msgspec.Meta(ge=1)]


class Named(replay.Fact, frozen=True, rename="upper"):
    name: str


class Twin(replay.Fact, frozen=True, tag="transfer"):
    pass


class Untold(replay.Fact, frozen=True, tag=""):
    pass


class Other(replay.Fact, frozen=True):
    sender: int


class Lost(replay.Fact, frozen=True):
    name: "Nowhere"  # type: ignore[name-defined]  # noqa: F821, UP037  it is not there


def with_field(name: str, kind: type = int) -> type[replay.Fact]:
    return type("Odd", (replay.Fact,), {"__annotations__": {name: kind}})


def verdict_with(name: str) -> type[replay.Verdict]:
    return type("Odder", (replay.Verdict,), {"__annotations__": {name: int}})


class Wrong(replay.Verdict, frozen=True):
    sum: float


class Shadow(replay.Verdict, frozen=True):
    number: str  # type: ignore[assignment]


def made(**declared: Any) -> type[Rings]:
    return type("Wrong", (Rings,), {"name": "wrong", "version": 1, **declared})


class Nothing(replay.Detector):
    version = 1


DECLARED: list[tuple[type[replay.Detector], str]] = [
    (Nothing, "Nothing: event_types: expected a tuple of classes made of Fact, one or more, found"),
    (
        made(event_types=()),
        "Wrong: event_types: expected a tuple of classes made of Fact, one or m",
    ),
    (made(event_types=[Transfer]), "Wrong: event_types: expected a tuple of classes made of Fact"),
    (made(event_types=Transfer), "Wrong: event_types: expected a tuple of classes made of Fact"),
    (made(event_types=(Transfer, Ring)), "Wrong: event_types: expected a tuple of classes made of"),
    (made(event_types=(Transfer, "x")), "Wrong: event_types: expected a tuple of classes made of"),
    (made(judged_types=(Price,)), "Wrong: judged_types: expected a tuple of some event_types"),
    (made(judged_types=Transfer), "Wrong: judged_types: expected a tuple of some event_types"),
    (made(verdict_type=Transfer), "Wrong: verdict_type: expected a class made of Verdict, found"),
    (
        made(verdict_type=Wrong),
        "Wrong: Wrong.sum: expected a field that is str, int or bool and no",
    ),
    (
        made(verdict_type=Shadow),
        "Wrong: Shadow: expected a field with a name of its own, found 'num",
    ),
    (made(parameters_type=dict), "Wrong: parameters_type: expected a class made of Struct, found"),
    (
        made(actor_type=Coordinator),
        "Wrong: actor_type: expected a class made of SubjectActor, foun",
    ),
    (made(coordinator_type=Account), "Wrong: coordinator_type: expected a class made of FactCoord"),
    (made(event_types=(Transfer, Price)), "Wrong: Price.amount: .* str, int or bool and no more, "),
    (made(event_types=(Transfer, Basket)), "Wrong: Basket.items: expected a field that .* found l"),
    (
        made(event_types=(Transfer, Perhaps)),
        "Wrong: Perhaps.name: expected a field that .* found u",
    ),
    (
        made(event_types=(Transfer, Anything)),
        "Wrong: Anything.count: expected a .* found any",
    ),
    (
        made(event_types=(Transfer, Positive)),
        "Wrong: Positive.count: expected a .* found int with bounds",
    ),
    (
        made(event_types=(Transfer, Named)),
        "Wrong: Named.name: expected .* found one that is renamed 'NAME'",
    ),
    (made(event_types=(Transfer, Lost)), "Wrong: Lost: expected fields that are str, int or bool,"),
    (made(event_types=(Transfer, Twin)), "Wrong: expected types of events with names of their own"),
    (
        made(event_types=(Transfer, Untold)),
        "Wrong: 'Untold': expected a tag of 1 to 255 character",
    ),
    (made(event_types=(Transfer, Other)), "Wrong: other.sender: expected what it is in the other"),
    (
        made(event_types=(Transfer, with_field("x", msgspec.Raw))),
        "Wrong: Odd.x: expected a field that is str, int or bool and no more, found raw",
    ),
    *(
        (
            made(event_types=(Transfer, with_field(name))),
            f"Wrong: Odd: expected a field with a name of its own, found '{name}'",
        )
        for name in ("number", "time", "line", "event_type", "timestamp", "flagged")
    ),
    *(
        (
            made(event_types=(Transfer, with_field(name))),
            rf"Wrong: odd\.{name}: expected a field whose name JSON does not have for something",
        )
        for name in ("type", "event", "source", "held", "answers", "what", "before", "after")
    ),
    (
        made(verdict_type=verdict_with("type")),
        r"Wrong: Odder\.type: expected a field whose name JSON does not have for something else",
    ),
    (
        made(verdict_type=verdict_with("amount")),
        r"Wrong: Odder\.amount: expected a field that no event has, as both stand in one line",
    ),
    (made(version=1.5), "'wrong': expected a version that is a whole number or a text, found"),
]


def subjects(found: Any) -> dict[str, Any]:
    return {"subjects": classmethod(lambda _cls, _event: found)}


def judging(*asked: Any, verdict: Any = None) -> dict[str, Any]:
    def judged(_self: Any, _event: Any) -> Any:
        yield from asked
        return verdict

    return {"coordinator_type": type("Judge", (Coordinator,), {"judging": judged})}


def line(found: Any) -> dict[str, Any]:
    return {"line": classmethod(lambda _cls, _event, _verdict: found)}


ring = Ring(flagged=True, forth=1, back=1)
NO_SUBJECTS: list[Any] = [None, (), [], "ada", ("ada", 5), (None,), ({},), 7, b"ada"]
NO_QUESTIONS: list[Any] = [None, {}, ["bob"], "bob"]
VERDICT = r"event 4: expected a verdict that is a Ring of flagged \(bool\), forth \(int\), back"
DECIDED: list[tuple[dict[str, Any], str]] = [
    *(
        (subjects(found), "Wrong: event 1: expected subjects to return a tuple of one text or more")
        for found in NO_SUBJECTS
    ),
    *(
        (judging(asked), "event 4: expected judging to yield a dict of questions by subject, found")
        for asked in NO_QUESTIONS
    ),
    *(
        (judging({name: 1}), "event 4: expected judging to ask subjects that have appeared, found")
        for name in ("nobody", 5, None)
    ),
    (judging(), f"{VERDICT}.*, found 'None'"),
    (judging(verdict=True), f"{VERDICT}.*, found 'True'"),
    (judging(verdict=replay.Verdict(flagged=True)), f"{VERDICT}.*, found 'Verdict"),
    *(
        (judging(verdict=msgspec.structs.replace(ring, **changed)), f"{VERDICT}.*, found .Ring")
        for changed in (
            *({"flagged": 1}, {"flagged": None}, {"forth": 1.5}, {"forth": "1"}, {"back": True}),
            *({"back": 2**63}, {"back": -(2**63) - 1}, {"forth": None}),
        )
    ),
    (
        {
            "coordinator_type": type(
                "Judge", (Coordinator,), {"judging": lambda _self, _event: ring}
            )
        },
        "event 4: expected judging to yield questions, found 'Ring",
    ),
    *(
        (line(found), "Wrong: event 5: expected line to return bytes without a newline, found")
        for found in ("text", None, b"", b"a\n", b"a\nb", bytearray(b"a"))
    ),
]


def transfer(second: int, sender: str, receiver: str, amount: int) -> str:
    fields = {"event_type": "transfer", "timestamp": f"2017-06-13 11:33:{second:02}"}
    return json.dumps({**fields, "sender": sender, "receiver": receiver, "amount": amount}) + "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "wrong", ModuleType("wrong"))
    past = [transfer(each, "ada", "bob", 7) for each in range(3)]
    new = [transfer(4, "cy", "bob", 9), transfer(5, "bob", "ada", 9), transfer(6, "bob", "ada", 1)]
    Path("batch.json").write_text('{"at_least": 5}\n' + "".join(past), encoding="utf-8")
    Path("stream.json").write_text("".join(new), encoding="utf-8")
    return tmp_path


def ran(detector: type[replay.Detector], output: str = "out.json") -> int:
    setattr(sys.modules["wrong"], "Wrong", detector)  # noqa: B010  a module has no such attribute
    return main(["batch.json", "stream.json", output, "-q", "--detector", "wrong:Wrong"])


@pytest.mark.parametrize(("detector", "said"), DECLARED)
def test_detector_that_is_declared_wrongly_begins_nothing(
    folder: Path,
    detector: type[replay.Detector],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ran(detector) == 2
    _, err = capsys.readouterr()
    assert err.count("\n") == 1, err
    with (
        pytest.raises(replay.DetectorError, match=said) as caught,
        detector.logs("batch.json", "stream.json") as logs,
    ):
        replay.run(logs, "out.json")
    assert err.startswith(f"replay: {caught.value}")
    assert sorted(path.name for path in folder.iterdir()) == ["batch.json", "stream.json"]
    with pytest.raises(AssertionError, match=said):
        run_conformance_test(detector)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("declared", "said"), DECIDED)
def test_detector_that_gives_what_it_may_not_loses_nothing(
    declared: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    right, wrong = made(), made(**declared)
    assert ran(right, "right.json") == 0
    capsys.readouterr()
    for _ in range(2):
        # Going on with it is the same.
        assert ran(wrong) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1), err
        assert re.match(f"replay: {said}", err), err
        assert len(err) < 300
    store = Path("out.json.events")
    if store.exists():
        assert main(["check", str(store)]) in (0, 1)
        replay.EventStore(store)
    capsys.readouterr()
    assert ran(right) == 0
    assert Path("out.json").read_bytes() == Path("right.json").read_bytes()
    capsys.readouterr()
    given = ("--detector", "wrong:Wrong")
    assert main(["verify", "out.json.events", *given]) == 0
    assert main(["diff", "out.json.events", "right.json.events", *given]) == 0


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (
            subjects(()),
            "a run fails: Wrong: event 1: expected subjects to return a tuple of one te",
        ),
        (judging(), "a run fails: event .*: expected a verdict that is a Ring of flagged"),
        (judging({}), "a run fails: event .*: expected judging to yield a dict of questions"),
        (
            judging({"nobody": 1}),
            "a run fails: event .*: expected judging to ask subjects that hav",
        ),
        (
            line(b"a\n") | judging(verdict=ring),
            "a run fails: Wrong: event .*: expected line to return bytes without a newline, found",
        ),
    ],
)
def test_conformance_test_says_the_same(declared: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        run_conformance_test(made(**declared))


@pytest.mark.slow
def test_most_types_and_fields_that_there_may_be() -> None:
    def declared(types: int, fields: int) -> Declared:
        names = tuple(Field(f"f{each}", "int") for each in range(fields))
        return Declared(
            tuple(FactType(f"t{each}", True, names) for each in range(types)), names, b"{}"
        )

    assert len(FactTypes.of(declared(128, 255)).events) == 128
    with pytest.raises(
        replay.DetectorError, match="expected at most 128 types of events, found 129"
    ):
        FactTypes.of(declared(129, 0))
    with pytest.raises(replay.DetectorError, match=r"at most 255 different fields .* 256 and 256"):
        FactTypes.of(declared(1, 256))
    with pytest.raises(
        replay.DetectorError, match="expected at most 128 types of events, found 129"
    ):
        FactTypes((Transfer,) * 129, Ring)


@pytest.mark.usefixtures("folder")
def test_parameters_that_are_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    Path("batch.json").write_text('{"at_least": 1.5}\n', encoding="utf-8")
    assert ran(made()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "batch.json:1: expected the parameters of Wrong, a JSON object on the first line" in err
    with pytest.raises(
        replay.ParametersError, match="expected parameters that are Limits, found 5"
    ):
        made().logs("batch.json", "stream.json", 5)
    assert Limits().at_least == 1_000


class Overwriting(replay.Verdict, frozen=True):
    """Has the name of a field of events, as could be declared once."""

    amount: int


@pytest.mark.usefixtures("folder")
def test_store_of_names_that_nobody_may_declare_any_more_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    types = FactTypes((Transfer, with_field("type")), Overwriting)
    detector = made(
        types=classmethod(lambda _cls: types),
        **judging(verdict=Overwriting(flagged=False, amount=5)),
    )
    assert ran(detector) == 0
    capsys.readouterr()
    for words in (["log", "--json"], ["log"], ["check"], ["diff", "out.json.events"]):
        command, *rest = words
        assert main([command, "out.json.events", *rest]) == 0, words
    out, err = capsys.readouterr()
    assert (err, '"sender": "ada"' in out) == ("", True)
    assert main(["export", "out.json.events", "--stream", "again.json"]) == 0
    assert Path("again.json").read_bytes() == Path("stream.json").read_bytes()


def broken(*_: Any) -> Any:
    raise ZeroDivisionError("no such thing")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "declared",
    [
        *({name: classmethod(broken)} for name in ("subjects", "line", "describe")),
        *(
            {"actor_type": type("Broken", (Account,), {name: broken})}
            for name in ("begin", "fold", "answer")
        ),
        {"coordinator_type": type("Broken", (Coordinator,), {"judging": broken})},
    ],
    ids=["subjects", "line", "describe", "begin", "fold", "answer", "judging"],
)
def test_detector_that_raises_is_one_line_and_one_status_wherever_it_does(
    declared: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    # The last event is one that the right detector flags.
    right, wrong = made(parameters_type=Limits), made(**declared)
    assert ran(right, "right.json") == 0
    assert Path("right.json").read_bytes()
    setattr(sys.modules["wrong"], "Wrong", wrong)  # noqa: B010  a module has no such attribute
    store = "right.json.events"
    found = {}
    for name, *words in (
        ["run", "batch.json", "stream.json", "other.json", "-vv"],
        *(["verify", store], ["check", store], ["why", store, "5"], ["trace", store, "5"]),
        *(["log", store], ["rebuild", store, "again.json"], ["rerun", store, "branch.json"]),
        *(["explore", store, "--orders", "1"], ["shrink", store, "5", "--output", "case"]),
        ["step", store, "-c", "goto 5; user ada; watch ada; diff 1 5"],
    ):
        capsys.readouterr()
        found[name] = main([name, *words, "--detector", "wrong:Wrong"])
        err = capsys.readouterr().err
        assert "Traceback" not in err
        if found[name]:
            assert "ZeroDivisionError: " in err, (name, err)
            assert err.splitlines()[-1].startswith("replay: "), (name, err)
    assert 1 in found.values()
    assert set(found.values()) <= {0, 1}, found
