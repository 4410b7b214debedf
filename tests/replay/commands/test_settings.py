"""A settings file says what the command line would, and the command line counts first."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import replay
from events.errors import InputError
from replay.cli import main, parsers
from replay.settings import Settings
from tests.interval_runs import as_csv
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED

PARSERS = parsers()
VALUES = ("2", "10m", "x", "x=1", "tests.rings:Rings", '{"a":1}@3', "csv", "ms", ";")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    SPEC_EXAMPLE.write(tmp_path)
    return tmp_path


def positionals(command: str) -> list[str]:
    actions = PARSERS[command]._get_positional_actions()
    return ["1" if action.type else "file" for action in actions]


def value_of(action: argparse.Action) -> str:
    """Return a value that the option takes."""
    for value in VALUES:
        try:
            found = action.type(value) if callable(action.type) else value
        except argparse.ArgumentTypeError:
            continue
        if action.choices is None or found in action.choices:
            return value
    raise AssertionError(action)


def optional(command: str) -> list[tuple[str, argparse.Action]]:
    return [
        (name, action)
        for name, action in PARSERS[command].actions.items()
        if name.startswith("--") and action.dest not in ("completion", "help", "version", "config")
        if not (isinstance(action, argparse.BooleanOptionalAction) and name.startswith("--no-"))
    ]


OPTIONS = [(command, name, action) for command in PARSERS for name, action in optional(command)]
needed = {
    "intervals": ["--threshold=9s"],
    "shrink": ["--output=o"],
    "repair": ["--output=o"],
    "report": ["--output=o"],
}


@pytest.mark.parametrize(
    ("command", "name", "action"), OPTIONS, ids=[f"{each[0]}{each[1]}" for each in OPTIONS]
)
def test_every_option_of_every_command_means_the_same_in_a_file(
    command: str, name: str, action: argparse.Action
) -> None:
    flag = action.nargs == 0
    word = name if flag else f"{name}={value_of(action)}"
    given_words = [*needed.get(command, []), *positionals(command)]
    given_words = [each for each in given_words if not each.startswith(f"{name}=")]
    by_words = vars(PARSERS[command].read([word, *given_words]))
    for table in ("tool.replay", f"tool.replay.{command}"):
        for key in (name[2:], name[2:].replace("-", "_")):
            value = "true" if flag else f"'{value_of(action)}'"
            Path("s.toml").write_text(f"[{table}]\n{key} = {value}\n")
            by_file = vars(PARSERS[command].read([*given_words, "--config", "s.toml"]))
            assert by_file == {**by_words, "config": "s.toml"}


@given(
    st.lists(st.sampled_from(["line", "own", "all"]), min_size=1, max_size=3, unique=True),
)
def test_command_line_counts_first_then_the_commands_table_then_the_other(
    where: list[str],
) -> None:
    values = {"line": 2, "own": 3, "all": 4}
    Path("s.toml").write_text(
        "[tool.replay]\n"
        + (f"degrees = {values['all']}\n" if "all" in where else "")
        + "[tool.replay.run]\n"
        + (f"degrees = {values['own']}\n" if "own" in where else "")
    )
    words = ["-D2"] if "line" in where else []
    options = PARSERS["run"].read([*words, "b", "s", "f", "--config=s.toml"])
    first = next(each for each in ("line", "own", "all") if each in where)
    assert options.degrees == values[first]


def test_run_by_a_file_is_the_run_by_the_same_words(folder: Path) -> None:
    (folder / "s.toml").write_text(
        "[tool.replay]\nquiet = true\nmin-distinct = 2\n"
        "[tool.replay.run]\nstore = 'history'\ntracked = 50\n"
        "[tool.replay.intervals]\nthreshold = '1m'\nby = 'address'\n"
    )
    assert main(["batch.json", "stream.json", "flagged.json", "--config", "s.toml"]) == 0
    assert (folder / "flagged.json").read_bytes() == SPEC_FLAGGED
    assert replay.EventStore(folder / "history").events == 7
    rows = [("2020-01-01 00:00:00", "A", "x"), ("2020-01-01 00:00:01", "B", "x")]
    (folder / "in.csv").write_bytes(as_csv(rows))
    assert main(["intervals", "in.csv", "out.json", "--config", "s.toml"]) == 0
    assert replay.EventStore(folder / "out.json.events").intervals.key == "address"


def test_what_excludes_a_setting_on_the_command_line_counts(folder: Path) -> None:
    (folder / "s.toml").write_text("[tool.replay]\nquiet = true\nskip = [1, '3-4']\n")
    for words in (["-v"], ["--verbose"], ["-vv"]):
        options = PARSERS["run"].read([*words, "b", "s", "f", "--config", "s.toml"])
        assert (options.quiet, options.verbose) == (False, len(words[0].strip("-")) % 7 or 1)
    options = PARSERS["rerun"].read(["s", "o", "--config", "s.toml"])
    assert [str(each.first) for each in options.skip] == ["1", "3"]
    options = PARSERS["rerun"].read(["s", "o", "--skip", "7", "--config", "s.toml"])
    assert [str(each.first) for each in options.skip] == ["7"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("degrees = 0", "tool.replay.degrees: D: expected a whole number from 1 to"),
        ("degrees = true", "tool.replay.degrees: expected text or a number, found 'True'"),
        ("degrees = [1, 2]", "tool.replay.degrees: expected one value, found '[1, 2]'"),
        ("degrees = 1979-05-27", "tool.replay.degrees: expected text or a number, found"),
        ("strict = 'yes'", "tool.replay.strict: expected true or false, found 'yes'"),
        ("strict = 1", "tool.replay.strict: expected true or false, found '1'"),
        ("verbose = -1", "tool.replay.verbose: expected true or false or how many, found '-1'"),
        (
            "degree = 1",
            "tool.replay.degree: expected an option, found 'degree'; did you mean degre",
        ),
        ("help = true", "tool.replay.help: expected an option, found 'help'"),
        ("config = 'x'", "tool.replay.config: expected an option, found 'config'"),
        (
            "[tool.replay.rnu]",
            "tool.replay.rnu: expected a command, found 'rnu'; did you mean run?",
        ),
        ("[tool.replay.run]\nskip = 1", "tool.replay.run.skip: expected an option of run, found"),
        ("[tool.replay.rerun]\nby = 'a'", "tool.replay.rerun.by: expected an option of rerun"),
        ("run = 5", "tool.replay.run: expected an option, found 'run'"),
        ("degrees", "expected TOML, found: "),
        ("x = " + "[" * 2_000 + "]" * 2_000, "expected TOML, found: "),
        ("x = " + "9" * 5_000, "expected TOML, found: "),
        ("x = '\udcff'", "expected TOML, found: "),
        ("#" * ((1 << 20) + 1), "expected a settings file, found more than 1 MiB"),
    ],
)
def test_file_that_says_what_cannot_be_is_one_line(
    folder: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = f"[tool.replay]\n{text}\n".encode("utf-8", "surrogateescape")
    (folder / "s.toml").write_bytes(content)
    assert main(["batch.json", "stream.json", "flagged.json", "--config", "s.toml"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"replay: s.toml: {message}"), err
    assert not (folder / "flagged.json").exists()


@pytest.mark.parametrize("name", ["none.toml", ".", "pipe", ""])
def test_file_that_is_none_is_one_line(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "pipe")
    assert main(["verify", "s.events", "--config", name]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "expected a settings file" in err


@pytest.mark.parametrize(
    "text", ["", "[tool]\n", "[tool.other]\nx = 1\n", "[project]\nname = 'x'\n"]
)
def test_file_that_says_nothing_of_this_program_changes_nothing(folder: Path, text: str) -> None:
    (folder / "s.toml").write_text(text)
    assert main(["batch.json", "stream.json", "flagged.json", "--config", "s.toml", "-q"]) == 0


@pytest.mark.parametrize("text", ["tool = 5", "[tool]\nreplay = 5"])
def test_table_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "s.toml").write_text(text)
    with pytest.raises(InputError, match=r"tool\.replay: expected a table, found '5'"):
        Settings("s.toml", PARSERS["run"], parsers)


def test_config_without_a_file_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["verify", "s.events", "--config"])
    told: Any = capsys.readouterr()
    assert "argument --config: expected one argument" in told.err
