"""Makes the picture of the page that the README shows: a run on the sample, and a browser.

It needs chromium, and the extra `view`.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "scripts" / "sample"
PICTURE = SAMPLE / "page.png"
EVENT = 20_417
SIZE = "1280,900"


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example:\n  python scripts/page_picture.py"
    )
    parser.add_argument("--output", type=Path, default=PICTURE, help="where it is to be")
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("page_picture: expected chromium, found none; apt-get install chromium")
    with tempfile.TemporaryDirectory() as name:
        logs = [str(SAMPLE / f"{each}_log.json") for each in ("batch", "stream")]
        flagged = Path(name) / "flagged_purchases.json"
        command = [sys.executable, "-m", "replay"]
        subprocess.run(
            [*command, "-q", *logs, str(flagged)], cwd=ROOT, check=True, stderr=subprocess.DEVNULL
        )
        store = f"{flagged.name}.events"
        server = subprocess.Popen(
            [*command, "view", f"{flagged}.events", "--port", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert server.stdout is not None
        match = re.search(r"http://[\d.:]+", server.stdout.readline())
        assert match is not None
        address = f"{match[0]}/s/{store}/event/{EVENT}"
        try:
            wait_for(address)
            words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            drawn = Path(name) / "page.png"
            subprocess.run(
                [chromium, *words, f"--window-size={SIZE}", f"--screenshot={drawn}", address],
                check=True,
                capture_output=True,
            )
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()
        shutil.copyfile(drawn, options.output)


def wait_for(address: str) -> None:
    """Wait until the store is read."""
    while True:
        try:
            with urllib.request.urlopen(address):  # noqa: S310  it is our own
                return
        except urllib.error.HTTPError:
            time.sleep(0.05)


if __name__ == "__main__":
    main()
