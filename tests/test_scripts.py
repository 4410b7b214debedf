"""The scripts do what their help says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from planted.sources import FAULTS, Fault

import replay
from replay.testing import model
from tests.replay.purchases.test_against_model import SPEC_EXAMPLE, SPEC_FLAGGED

ROOT = Path(replay.__file__).parents[1]


def script(name: str, *words: str, cwd: Path, hash_seed: str = "random") -> str:
    """Run a script and return what it prints."""
    path = str(ROOT / "scripts" / name)
    interpreter = ["sh"] if name.endswith(".sh") else [sys.executable]
    finished = subprocess.run(
        [*interpreter, path, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_committed_sample_is_what_the_generators_help_says(tmp_path: Path) -> None:
    shown = script("workload.py", "--help", cwd=ROOT).replace("\\\n", " ")
    (command,) = re.findall(
        r"^ +python scripts/workload\.py (scripts/sample .*)$", shown, re.MULTILINE
    )
    script("workload.py", str(tmp_path), *command.split()[1:], cwd=ROOT)
    for name in ("batch_log.json", "stream_log.json"):
        committed = (ROOT / "scripts" / "sample" / name).read_bytes()
        assert (tmp_path / name).read_bytes() == committed


def test_page_of_all_public_names_is_current() -> None:
    script("api.py", "--check", cwd=ROOT)


def test_committed_observations_are_what_the_generators_help_says(tmp_path: Path) -> None:
    shown = script("observations.py", "--help", cwd=ROOT).replace("\\\n", " ")
    (command,) = re.findall(
        r"^ +python scripts/observations\.py scripts/sample/observations\.csv (.*)$",
        shown,
        re.MULTILINE,
    )
    script("observations.py", str(tmp_path / "made.csv"), *command.split(), cwd=ROOT)
    committed = (ROOT / "scripts" / "sample" / "observations.csv").read_bytes()
    assert (tmp_path / "made.csv").read_bytes() == committed


def test_one_seed_makes_one_workload_and_another_another(tmp_path: Path) -> None:
    made = []
    for number, (seed, hash_seed) in enumerate([("5", "0"), ("5", "1"), ("6", "1")]):
        folder = tmp_path / str(number)
        options = ["--lines", "3000", "--users", "50", "--bad", "0.01", "--skew", "1"]
        script("workload.py", str(folder), *options, "--seed", seed, cwd=ROOT, hash_seed=hash_seed)
        made.append([(folder / f"{log}_log.json").read_bytes() for log in ("batch", "stream")])
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_workload_has_the_shares_that_were_asked_for(tmp_path: Path) -> None:
    options = ["--lines", "5000", "--users", "100", "--bad", "0.02", "--late", "0.1", "-D", "3"]
    script("workload.py", str(tmp_path), *options, cwd=ROOT)
    first, *lines = (tmp_path / "batch_log.json").read_bytes().splitlines()
    happened = [happening for line in lines if (happening := model.read(line))]
    times = [happening.time for happening in happened]
    late = sum(time < latest for time, latest in zip(times, accumulate(times, max), strict=True))
    kinds = [happening.kind for happening in happened]
    assert json.loads(first) == {"D": "3", "T": "50"}
    assert len(lines) == 5000
    assert 50 <= len(lines) - len(happened) <= 150
    assert 300 <= late <= 700
    assert 0.77 <= kinds.count("purchase") / len(kinds) <= 0.83


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Return a folder laid out as the original system's."""
    (tmp_path / "log_input").mkdir()
    (tmp_path / "log_input" / "batch_log.json").write_bytes(SPEC_EXAMPLE.batch)
    (tmp_path / "log_input" / "stream_log.json").write_bytes(SPEC_EXAMPLE.stream)
    return tmp_path


def test_run_without_words_works_as_the_original_system(example: Path) -> None:
    script("run.sh", cwd=example)
    assert (example / "log_output" / "flagged_purchases.json").read_bytes() == SPEC_FLAGGED


def test_run_with_words_takes_files_of_the_current_folder(example: Path) -> None:
    words = ("log_input/batch_log.json", "log_input/stream_log.json", "out file.json", "-q")
    assert script("run.sh", *words, cwd=example) == ""
    assert (example / "out file.json").read_bytes() == SPEC_FLAGGED


@pytest.mark.slow
def test_run_with_nothing_to_read_shows_what_is_flagged_in_the_sample(tmp_path: Path) -> None:
    shown = script("run.sh", cwd=tmp_path).encode()
    sample = ROOT / "scripts" / "sample"
    batch, stream = ((sample / f"{name}_log.json").read_bytes() for name in ("batch", "stream"))
    assert shown == model.flagged_purchases(batch, stream)
    assert list(tmp_path.iterdir()) == []


def test_run_ends_with_the_programs_status(tmp_path: Path) -> None:
    finished = subprocess.run(
        ["sh", str(ROOT / "scripts" / "run.sh"), "none", "none", "none"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (2, "")
    assert "none: expected a readable batch log" in finished.stderr


@pytest.mark.slow
def test_small_benchmark_of_intervals_has_a_line_for_each_case() -> None:
    shown = script("bench_intervals.py", "--small", cwd=ROOT).splitlines()
    assert shown[0] == "20,000 observations, median of 1"
    cases = [line.split()[0].strip(",") for line in shown[3:11]]
    assert cases == ["csv", "jsonl", "csv", "jsonl", "csv", "csv", "csv", "csv"]
    assert [line.split()[0] for line in shown[12:15]] == ["columns", "lists", "lists"]


def test_small_benchmark_gives_each_time_as_a_multiple_of_the_floor() -> None:
    (case,) = json.loads(script("bench.py", "--small", "--json", cwd=ROOT))["cases"]
    assert case["case"]["name"] == "small"
    assert case["ratios"] == [case["seconds"][0] / case["floor_seconds"][0]]
    assert set(case["phases"][0]) == {"fingerprint", "batch", "stream", "close"}


def test_pythons_that_are_not_there_are_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\necho 3.10.1\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    for name in ("sh", "dirname", "cat"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    finished = subprocess.run(
        ["sh", str(ROOT / "scripts" / "test_pythons.sh")],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (2, "")
    assert re.fullmatch(
        r"test_pythons: expected Python 3\.11 .*, found none; .*\n", finished.stderr
    )


@pytest.mark.slow
def test_small_benchmark_of_growth_draws_what_it_measured(tmp_path: Path) -> None:
    shown = script("bench_growth.py", "--small", "--svg", str(tmp_path / "g.svg"), cwd=ROOT)
    assert [line.split()[:3] for line in shown.splitlines()[2:]] == [
        ["10,000", "users", "2,000"],
        ["10,000", "users", "4,000"],
    ]
    picture = ET.parse(tmp_path / "g.svg")
    lines = picture.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_a_planted_fault_replaces_stands_once_in_its_file(fault: Fault) -> None:
    assert (ROOT / fault.path).read_text(encoding="utf-8").count(fault.right) == 1
    assert fault.right != fault.wrong


# What a notebook does with the cells of a file, one after the other; it knows of no file.
CELL_BY_CELL = r"""
import ast, pathlib, re
told = {"__name__": "__main__"}
for cell in re.split(r"^# %%.*\n", pathlib.Path("scripts/notebook.py").read_text(), flags=re.M):
    lines, shown = ast.parse(cell).body, None
    if lines and isinstance(lines[-1], ast.Expr):
        shown = ast.Expression(lines.pop().value)
    exec(compile(ast.Module(lines, []), "cell", "exec"), told)
    shown = shown and eval(compile(shown, "cell", "eval"), told)
assert shown._repr_svg_() == pathlib.Path("log_output/notebook/decisions.svg").read_text()
"""


@pytest.mark.slow
@pytest.mark.parametrize("words", [["scripts/notebook.py"], ["-c", CELL_BY_CELL]])
def test_notebook_loads_runs_frames_and_draws(words: list[str], tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "notebook.py", tmp_path / "scripts")
    shutil.copytree(ROOT / "scripts" / "sample", tmp_path / "scripts" / "sample")
    finished = subprocess.run(
        [sys.executable, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.startswith("6 of 472 purchases flagged, 11 lines rejected\n")
    made = tmp_path / "log_output" / "notebook"
    flagged = [json.loads(line) for line in (made / "flagged.json").read_bytes().splitlines()]
    assert all(f"{each['user']:>4} {each['amount']}" in finished.stdout for each in (
        {"user": line["id"], "amount": line["amount"]} for line in flagged
    ))  # fmt: skip
    picture = ET.parse(made / "decisions.svg").getroot()
    dots, (line,) = picture.findall("{*}circle"), picture.findall("{*}line")
    red = [dot for dot in dots if dot.get("fill") == "crimson"]
    assert (len(dots), len(red)) == (472, len(flagged))
    x1, y1, x2, y2 = (float(line.get(name, 0)) for name in ("x1", "y1", "x2", "y2"))
    for dot in dots:
        # Where amount and threshold are the same there; what is above is drawn further up.
        level = y1 + (float(dot.get("cx", 0)) - x1) * (y2 - y1) / (x2 - x1)
        above = float(dot.get("cy", 0)) < level
        assert above == (dot in red)


@pytest.mark.slow
def test_small_benchmark_of_shards_measures_each_number_of_them(tmp_path: Path) -> None:
    shown = script("bench_shards.py", "--small", "--runs", "1", cwd=tmp_path)
    first = [line.split()[0] for line in shown.splitlines() if line]
    assert first == ["hubs:", "shards", "1", "2", "MODEL:", "16", "64", "256"]
