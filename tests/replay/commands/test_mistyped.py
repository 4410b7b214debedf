"""What is mistyped on the command line is answered with what may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from replay.cli import COMMANDS, main
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, run_in_process

LOGS = ("batch.json", "stream.json", "flagged.json")
STORE = "flagged.json.events"


@pytest.fixture(autouse=True)
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_in_process(SPEC_EXAMPLE, tmp_path)
    monkeypatch.chdir(tmp_path)


def said(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that wrong use is answered with."""
    before = {path.name for path in Path().iterdir()}
    try:
        status = main(words)
    except SystemExit as end:
        status = int(str(end.code))
    out, err = capsys.readouterr()
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert {path.name for path in Path().iterdir()} == before
    return err.removesuffix("\n")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("verfy", "a", "b"), "did you mean the command verify?"),
        (("verfy", STORE), "did you mean the command verify?"),
        (("-q", "-D", "2", "setp", STORE), "did you mean the command step?"),
        (("--store", "verfy", "interval", "a", "b"), "did you mean the command intervals?"),
        (("rn", *LOGS), "did you mean the command run?"),
        (("-v", "verify", STORE), "if you meant the command verify, it comes before all options"),
        (("run", *LOGS, "--overwrit"), "did you mean --overwrite?"),
        (("--stor", "x", *LOGS), "did you mean --store?"),
        (("--degree=2", *LOGS), "did you mean --degrees?"),
        (("log", STORE, "--flaged"), "did you mean --flagged?"),
        (("rerun", STORE, "new.json", "--skp", "1"), "did you mean --skip?"),
    ],
)
def test_word_that_is_almost_right_is_answered_with_the_right_one(
    words: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(words, capsys).endswith(f"; {meant}")


def test_every_command_that_lacks_a_letter_is_answered_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    # "eport" lacks one of export and of report.
    meant: dict[str, tuple[str, ...]] = {}
    for command in COMMANDS:
        for at in range(len(command)):
            typed = command[:at] + command[at + 1 :]
            meant[typed] = (*meant.get(typed, ()), f"; did you mean the command {command}?")
    for typed, answers in meant.items():
        if typed not in COMMANDS and len(typed) > 2:
            assert said((typed, "stream.json", "new.json"), capsys).endswith(answers)


def test_word_that_is_nothing_like_a_command_is_a_log_that_is_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "did you mean" not in said(("yesterday.json", "stream.json", "new.json"), capsys)
    # A log that is there is meant, whatever it is called.
    Path("verfy").write_bytes(b"")
    assert "did you mean" not in said(("verfy", "stream.json", "new.json"), capsys)


@pytest.mark.parametrize("words", [("stream.json", "new.json"), ("stream.json",), ()])
def test_file_that_is_called_like_a_command_is_told_how_to_be_given(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    hint = "; the file log here is given as ./log"
    assert not said(("log", *words), capsys).endswith(hint)
    Path("log").write_bytes(SPEC_EXAMPLE.batch)
    assert said(("log", *words), capsys).endswith(hint)
    assert main(("./log", "stream.json", "flagged.json", "-q")) == 0


def test_wrong_number_of_words_says_what_is_missing_or_too_much(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said(("batch.json",), capsys) == (
        f"replay: the following arguments are required: STREAM, FLAGGED; see {PROGRAM} --help"
    )
    assert said((*LOGS, "more", "-x"), capsys) == (
        "replay: expected BATCH STREAM FLAGGED and options, found also 'more' '-x'; "
        f"see {PROGRAM} --help"
    )
    assert said(("why", STORE, "1", "2"), capsys) == (
        f"replay: expected STORE N and options, found also '2'; see {PROGRAM} why --help"
    )


PROGRAM = "python -m replay"
