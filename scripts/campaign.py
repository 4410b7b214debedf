"""Looks for cases in which the program loses, doubles or alters something, from a seed.

A campaign has numbered cases; with seed S and count N it does the cases S to S + N - 1. The
folder of a case that fails is kept.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import print_table, teller
from campaigns.cases import Campaign, CaseFailedError
from campaigns.die import Die
from campaigns.failing import Failing
from campaigns.flips import Flips
from campaigns.fuzz import Fuzz
from campaigns.hostile import Hostile
from campaigns.kill import Kill
from campaigns.power import Power
from campaigns.restart import Restart

from replay.testing.disks import DiedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CAMPAIGNS: Final[dict[str, type[Campaign]]] = {
    campaign.name: campaign
    for campaign in (Kill, Die, Power, Failing, Flips, Hostile, Fuzz, Restart)
}
_FAILURES_MAX: Final = 10


class Plan(NamedTuple):
    """Which cases to do of a campaign."""

    size: str
    """Small or full."""
    cases: int | None
    """How many; None: as many as the size says."""
    seed: int
    """The number of the first."""

    def numbers(self, campaign: Campaign) -> range:
        """Return the numbers of the cases."""
        cases = self.cases
        if cases is None:
            cases = campaign.small if self.size == "small" else campaign.full or campaign.total()
            assert cases is not None, "a campaign without end has a full size"
        return range(self.seed, self.seed + cases)


class Failure(NamedTuple):
    """A case that failed."""

    name: str
    """Which campaign."""
    number: int
    """The number of the case: the seed to give."""
    message: str
    folder: Path
    """What the case has left."""


class Result(NamedTuple):
    """What came of a campaign."""

    name: str
    seed: int
    cases: int
    """How many were done."""
    failures: list[Failure]
    seconds: float
    done: str
    """What was done in them, in words."""


def conducted(name: str, plan: Plan, folder: Path, tell: Callable[[str], None]) -> Result:
    """Do the cases of a campaign in ``folder``, until enough of them have failed."""
    began = time.perf_counter()
    shared = folder / name
    shared.mkdir()
    tell(f"{name}: preparing")
    failures: list[Failure] = []
    cases = 0
    try:
        campaign = CAMPAIGNS[name](shared)
    except Exception:  # noqa: BLE001  without any misfortune, the program fails already
        failures.append(Failure(name, plan.seed, traceback.format_exc(), shared))
        return Result(name, plan.seed, cases, failures, time.perf_counter() - began, "")
    numbers = plan.numbers(campaign)
    for number in numbers:
        tell(f"{name}: {cases:,} of {len(numbers):,} cases, {len(failures)} failed")
        cases += 1
        case_folder = folder / f"{name}-{number}"
        case_folder.mkdir()
        message = _attempt(campaign, number, case_folder)
        if message is None:
            shutil.rmtree(case_folder)
            continue
        failures.append(Failure(name, number, message, case_folder))
        if len(failures) == _FAILURES_MAX:
            break
    done = ", ".join(f"{times:,} {what}" for what, times in campaign.done.items())
    return Result(name, plan.seed, cases, failures, time.perf_counter() - began, done)


def _attempt(campaign: Campaign, number: int, folder: Path) -> str | None:
    """Do a case; return what is wrong, or None."""
    try:
        campaign.case(number, folder)
    except CaseFailedError as error:
        return str(error)
    except (Exception, DiedError):  # noqa: BLE001  whatever it is, the case has failed
        return traceback.format_exc()
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        arguments: the words after the program's name, by default those of the process.

    """
    options = _parser().parse_args(arguments)
    tell = teller()
    folder = Path(tempfile.mkdtemp(prefix="replay-campaign-"))
    results: list[Result] = []
    try:
        for name in dict.fromkeys(options.name or CAMPAIGNS):
            plan = Plan(options.size, options.count, options.seed)
            results.append(conducted(name, plan, folder, tell))
    except KeyboardInterrupt:
        shutil.rmtree(folder)
        return 130
    finally:
        tell("")
    print_table(_rows(results))
    failures = [failure for result in results for failure in result.failures]
    for failure in failures:
        print(f"\n{failure.name} {failure.number}: {failure.message}")
        print(f"left in {failure.folder}; the same again:")
        print(f"  python scripts/campaign.py {failure.name} --seed {failure.number} --count 1")
    if not failures:
        shutil.rmtree(folder)
    return 1 if failures else 0


def _rows(results: Sequence[Result]) -> list[list[str]]:
    rows = [
        [
            *(each.name, f"{each.cases:,}", str(each.seed), str(len(each.failures))),
            *(f"{each.seconds:.1f}", each.done),
        ]
        for each in results
    ]
    return [["campaign", "cases", "seed", "failures", "seconds", "done"], *rows]


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:7}{campaign.title}" for name, campaign in CAMPAIGNS.items())
    parser = argparse.ArgumentParser(
        prog="campaign.py",
        description="Look for cases in which the program loses, doubles or alters something.",
        epilog=f"campaigns:\n{listed}\n\nexample:\n  python scripts/campaign.py kill --count 10\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "name",
        metavar="NAME",
        nargs="*",
        type=_campaign,
        help="which campaigns (default: all)",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--size",
        choices=["small", "full"],
        default="small",
        help="how many cases: seconds or minutes (default: small)",
    )
    size.add_argument("--count", type=_whole, metavar="N", help="do N cases of each campaign")
    parser.add_argument(
        "--seed", type=_whole, default=1, metavar="S", help="the first case (default: 1)"
    )
    return parser


def _campaign(text: str) -> str:
    if text not in CAMPAIGNS:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(CAMPAIGNS)}, found {text!r}")
    return text


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
