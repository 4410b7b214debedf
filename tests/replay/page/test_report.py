"""A report is one file that stands alone, and says what the commands say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

import replay
from actors.coordinator import CoordinatorActor
from events.escapes import plain
from events.purchases.amounts import format_cents
from events.purchases.parameters import Parameters
from replay.cli import main
from replay.engine.stepping import Delivered
from replay.kinds import looks_of
from replay.page.content import Links, Setting
from replay.page.sequence import arrows
from replay.page.tellers import teller_of
from replay.purchases.explain import WhyFriendship, explain
from replay.purchases.history import History
from replay.purchases.redecide import decide_again
from tests.replay.page import stores

if TYPE_CHECKING:
    from pathlib import Path

RINGS = f"{stores.ROOT}/tests/rings.py:Rings"
ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer",
    "h1", "h2", "p", "span", "small", "b", "bdi", "a", "div", "ul", "li", "dl", "dt", "dd",
    "table", "thead", "tbody", "tr", "th", "td", "code", "time",
    "svg", "circle", "line", "path", "rect", "text", "tspan",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store of each kind."""
    made = tmp_path_factory.mktemp("stores")
    for name in ("sample", "nasty", "rings", "intervals"):
        (made / name).mkdir()
        store = getattr(stores, name)(made / name)
        store.rename(made / f"{name}.events")
    return made


def command(*words: str) -> int:
    return main(["report", *words])


def made(folder: Path, store: str, event: int, *words: str) -> str:
    """Return the report on an event of a store of ``folder``."""
    output = folder / f"{store}-{event}{len(words)}.html"
    if not output.exists():
        path = str(folder / f"{store}.events")
        assert command(path, str(event), "--output", str(output), *words) == 0
    return output.read_text(encoding="utf-8")


def parsed(report: str) -> ET.Element:
    """Return the document, which has to be well-formed, of elements and attributes that exist."""
    begin, _, rest = report.partition("\n")
    assert begin == "<!DOCTYPE html>"
    found = ET.fromstring(rest)
    tags = [re.sub(r"\{.*\}", "", each.tag) for each in found.iter()]
    assert set(tags) <= ELEMENTS
    ids = [each.get("id") for each in found.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    return found


REPORTS = [
    ("sample", 20_417, ()),
    ("sample", 18_603, ()),
    ("sample", 5, ()),
    ("sample", 20_417, ("-D", "3", "-T", "200")),
    ("nasty", 27, ()),
    ("nasty", 28, ()),
    ("intervals", 371, ()),
    ("intervals", 300, ()),
    ("rings", 3, ("--detector", RINGS)),
    ("rings", 1, ("--detector", RINGS)),
]


@pytest.mark.parametrize(("store", "event", "words"), REPORTS)
def test_a_report_is_whole_and_asks_for_nothing(
    folder: Path, store: str, event: int, words: tuple[str, ...]
) -> None:
    report = made(folder, store, event, *words)
    found = parsed(report)
    assert len(report.encode()) <= 200_000
    attributes = {name for each in found.iter() for name in each.attrib}
    assert attributes & {"src", "srcset", "style", "action", "data", "href"} == set()
    assert not [name for name in attributes if name.startswith("on")]
    style = "".join(text.text or "" for text in found.iter("style"))
    assert "url(" not in style
    assert "@import" not in style
    assert "prefers-color-scheme" in style or "light-dark(" in style
    assert "@page { size: A4" in style
    policy = [each.get("content") for each in found.iter("meta") if each.get("http-equiv")]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_nobody_in_a_network_is_said_and_not_drawn(folder: Path) -> None:
    # The first event of all: whoever bought has no friends yet.
    found = parsed(made(folder, "sample", 1))
    text = "".join(found.find("body").itertext())  # type: ignore[union-attr]
    assert "Nobody is in this network." in text
    assert "Window: no purchase within 2 friendships" in text
    kinds = [str(each.get("class")) for each in found.iter() if each.tag.endswith("svg")]
    assert not [kind for kind in kinds if kind.startswith("rings")]
    assert "chart" in kinds


def test_an_interval_says_why_it_is_found_at_a_later_observation(folder: Path) -> None:
    found = parsed(made(folder, "intervals", 371))
    text = "".join(found.find("body").itertext())  # type: ignore[union-attr]
    assert "Final after this observation: none that came later is in it." in text


def test_ids_that_want_to_be_obeyed_are_text_in_bdi(folder: Path) -> None:
    found = parsed(made(folder, "nasty", 27))
    shown = {"".join(each.itertext()) for each in found.iter("bdi")}
    assert {plain(stores.NASTY[0]), plain(stores.NASTY[1]), plain(stores.NASTY[3])} <= shown
    text = "".join(found.find("body").itertext())  # type: ignore[union-attr]
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069\u200b\ufffe]", text)


def rows_of(found: ET.Element, section: str) -> list[list[str]]:
    (body,) = [each for each in found.iter("section") if each.get("id") == section]
    rows = [["".join(cell.itertext()) for cell in row] for row in body.iter("tr")]
    return rows[1:]


@pytest.mark.parametrize("event", [19_999, 20_417, 20_371, 20_588, 20_010])
def test_a_report_on_a_purchase_says_what_why_says(folder: Path, event: int) -> None:
    with looks_of(replay.EventStore(folder / "sample.events")) as looks:
        if not isinstance(looks.history.event(event), replay.Purchase):
            event = next(n for n in range(event, 1, -1) if n in looks.history.recorded)  # type: ignore[attr-defined]
        why = looks.why_fields(event)
    found = parsed(made(folder, "sample", event))
    text = "".join(found.find("body").itertext())  # type: ignore[union-attr]
    verdict = "FLAGGED" if why["flagged"] else "not flagged"
    assert f"{verdict}{why['user']} bought for {why['amount']}" in text
    assert f"the threshold {why['threshold']} = mean + 3 sd of {why['n']} purchases" in text
    assert f"n = {why['n']}, mean = {why['mean']}, sd = {why['sd']}" in text
    assert rows_of(found, "purchases") == [
        [str(each["event"]), each["time"], each["user"], each["amount"], " > ".join(each["path"])]
        for each in reversed(why["window"])
    ]


def test_other_settings_say_what_a_history_decided_again_does(folder: Path) -> None:
    history = History(replay.EventStore(folder / "sample.events"))
    rows = rows_of(parsed(made(folder, "sample", 20_417)), "settings")
    decided = {
        (degrees, tracked): decide_again(history, Parameters(degrees, tracked))[20_417]
        for degrees, tracked in ((1, 10), (2, 20), (2, 50), (3, 10), (3, 200))
    }
    columns = [10, 20, 50, 100, 200]
    for (degrees, tracked), decision in decided.items():
        cell = rows[degrees - 1][1 + columns.index(tracked)]
        assert cell.startswith("FLAGGED" if decision.flagged else "not flagged")
    (here,) = [cell for row in rows for cell in row if "shown here" in cell]
    assert here.endswith("shown here, the run's")
    other = parsed(made(folder, "sample", 20_417, "-D", "3", "-T", "200"))
    assert "At D=3 T=200; the run had D=2 T=50." in "".join(other.itertext())
    mean = format_cents(decided[3, 200].mean_cents)
    assert f"n = 200, mean = {mean}, sd = {format_cents(decided[3, 200].sd_cents)}" in "".join(
        other.itertext()
    )


def test_a_report_on_a_friendship_says_whose_networks_changed(folder: Path) -> None:
    with replay.Timeline(folder / "sample.events") as timeline:
        why = explain(timeline, 18_603)
    assert isinstance(why, WhyFriendship)
    rows = rows_of(parsed(made(folder, "sample", 18_603)), "changes")
    assert len(rows) == len(why.changes) == 14
    for row, change in zip(rows, why.changes, strict=True):
        assert row == [change.user, str(len(change.came)), ", ".join(change.came)]


def test_messages_are_folded_and_none_is_lost(folder: Path) -> None:
    with replay.Timeline(folder / "sample.events") as timeline:
        delivered: list[Delivered] = timeline.trace(20_417)
    found = arrows(delivered, ["457"])
    assert (len(delivered), len(found)) == (77, 11)
    assert sum(arrow.times for arrow in found) == 77
    assert [arrow.message for arrow in found[:4]] == [
        "Judge",
        "AskFriends",
        "Friends",
        "AskFriends",
    ]
    assert found[3].times == 5
    # Whoever is called like a lane has none of its name.
    assert arrows([Delivered("urn:user:sink", "urn:coordinator", 1)], ["sink"])[0].sender != "sink"


@pytest.mark.parametrize(("event", "finds"), [(371, True), (300, False)])
def test_a_report_on_an_observation_shows_what_was_found(
    folder: Path, event: int, finds: bool
) -> None:
    with looks_of(replay.EventStore(folder / "intervals.events")) as looks:
        why = looks.why_fields(event)
    found = parsed(made(folder, "intervals", event))
    text = "".join(found.itertext())
    assert bool(why["intervals"]) is finds
    for each in (*why["intervals"], *why.get("open", ()), *why.get("ended", ())):
        assert each["start_time"] in text
        assert each["end_time"] in text
    for interval in why["intervals"]:
        rows = rows_of(found, f"interval-{interval['start_index']}")
        assert [row[3] for row in rows] == [each["adid"] for each in interval["members"]]
        assert 'class="bracket"' in made(folder, "intervals", event)


def test_what_a_detector_of_a_user_says_is_shown(folder: Path) -> None:
    text = "".join(parsed(made(folder, "rings", 3, "--detector", RINGS)).itertext())
    assert "b sent 3000 to <script>alert(1)</script>: FLAGGED (forth=3000 back=2000)" in text
    assert "Decided by 'rings' (version 1), at_least=1000." in text


def test_all_flagged_are_a_folder_with_an_index(folder: Path, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    words = (str(folder / "sample.events"), "--flagged", "--output", str(reports))
    assert command(*words) == 0
    with looks_of(replay.EventStore(folder / "sample.events")) as looks:
        flagged = [n for n in range(1, 20_589) if looks.found(n)]
    assert sorted(path.name for path in reports.iterdir()) == sorted(
        ["index.html", *(f"event-{number}.html" for number in flagged)]
    )
    index = parsed((reports / "index.html").read_text())
    assert [each.get("href") for each in index.iter("a")] == [
        f"event-{number}.html" for number in flagged
    ]
    for number in flagged:
        report = parsed((reports / f"event-{number}.html").read_text())
        assert [each.get("href") for each in report.iter("a")] == ["index.html"]
    # A second time there is something there, and nothing is left beside it.
    before = {path: path.read_bytes() for path in reports.iterdir()}
    assert command(*words) == 1
    assert {path: path.read_bytes() for path in reports.iterdir()} == before
    assert list(tmp_path.iterdir()) == [reports]


@pytest.mark.slow
def test_the_same_report_under_every_hash_seed(folder: Path, tmp_path: Path) -> None:
    for store, event in (("sample", 20_417), ("nasty", 27), ("intervals", 371)):
        for seed in ("0", "1"):
            words = [str(folder / f"{store}.events"), str(event), "--output", f"{store}{seed}"]
            subprocess.run(
                [sys.executable, "-m", "replay", "report", *words],
                cwd=tmp_path,
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(stores.ROOT)},
                check=True,
                capture_output=True,
            )
        one, two = ((tmp_path / f"{store}{seed}").read_bytes() for seed in "01")
        assert one == two


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sample.events"], "expected the number of an event, or --flagged, found neither"),
        (["sample.events", "3", "--flagged"], "found both"),
        (["sample.events", "99999"], "expected an event from 1 to 20588, found 99999"),
        (["intervals.events", "3", "-D", "2"], "expected a store of purchases with -D or -T"),
        (["rings.events", "3"], "expected the detector that decided it, .*--detector"),
        (["none.events", "3"], "expected an event store, found"),
        (["sample.events", "3", "--output", "-"], "expected a new file for a report, found -"),
        (["sample.events", "--flagged", "--output", "-"], "a folder of reports, found -"),
        (["sample.events", "--flagged", "--output", ""], "a folder of reports, found an empty"),
    ],
)
def test_wrong_use_is_one_line_and_leaves_nothing(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    expected: str,
) -> None:
    store, *rest = words
    output = tmp_path / "out.html"
    if "--output" not in rest:
        rest += ["--output", str(output)]
    assert command(str(folder / store), *rest) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert re.search(expected, told)
    assert list(tmp_path.iterdir()) == []


def test_no_store_is_overwritten_and_no_other_file(folder: Path) -> None:
    store = folder / "sample.events"
    before = store.read_bytes()
    assert command(str(store), "3", "--output", str(store)) != 0
    assert store.read_bytes() == before


def test_another_rule_for_purchases_is_shown_as_that(tmp_path: Path) -> None:
    class Coordinator(CoordinatorActor):
        def flags(self, purchase: Any, window: Any, baseline: Any) -> bool:
            del window, baseline
            return bool(purchase.amount < 200_000)

    class Small(replay.Simulation):
        name = "small"
        version = 1
        coordinator_type = Coordinator

    with replay.Logs(stores.SAMPLE / "batch_log.json", stores.SAMPLE / "stream_log.json") as logs:
        store = replay.run(logs, tmp_path / "flagged.json", detector=Small).store_path
    with looks_of(replay.EventStore(store), Small) as looks:
        teller = teller_of(looks)
        event = next(number for number in range(20_000, 20_588) if looks.found(number))
        content = teller.content(looks, event, None, Links())
        assert content.flagged
        assert content.detail == "By the rule of &#x27;small&#x27; (version 1)."
        assert teller.content(looks, event, Setting(3, 10), Links()).flagged
    with (
        looks_of(replay.EventStore(store)) as looks,
        pytest.raises(replay.OtherDetectorError, match="small"),
    ):
        teller_of(looks).content(looks, event, None, Links())
