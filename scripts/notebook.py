# %% [markdown]
# # A run, as frames and as a picture
#
# In VS Code, Spyder or PyCharm this file is a notebook, and in Jupyter with jupytext, started in
# the checkout; `python scripts/notebook.py` runs it from top to bottom. It needs pandas; with
# polars or pyarrow only the lines change that work on frames.

# %%
"""From two logs to a frame of decisions and a picture of it, cell by cell."""

from __future__ import annotations

import math
import sys
from html import escape
from pathlib import Path
from typing import Any

# Jupyter knows of no file.
ROOT = Path(globals().get("__file__", "scripts/notebook.py")).resolve().parents[1]
# Only for a checkout that is not installed.
sys.path.insert(0, str(ROOT))

import replay  # noqa: E402  from the folder beside this one

LOGS = ROOT / "scripts" / "sample"
OUTPUT = ROOT / "log_output" / "notebook"
OUTPUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Run
#
# The batch is the past, and each purchase of the stream is judged. `summary` counts what was
# done; rejected lines are kept in the store, and told to the logger `replay`.

# %%
with replay.Logs(LOGS / "batch_log.json", LOGS / "stream_log.json") as logs:
    summary = replay.run(logs, OUTPUT / "flagged.json", overwrite=True)
print(f"{summary.flagged} of {summary.judged} purchases flagged, {summary.rejected} lines rejected")

# %% [markdown]
# ## Frames
#
# A row an event, and a row a decision. `amount`, `mean` and `sd` are exact decimals in the
# currency unit, so what is compared and added up is exact, too.

# %%
with replay.EventStore(summary.store_path) as store:
    events = store.to_frame("pandas")
    decisions = store.to_frame("pandas", "decisions")
decisions["threshold"] = decisions["mean"] + 3 * decisions["sd"]
flagged = decisions[decisions["flagged"]]
print(flagged[["number", "user", "amount", "mean", "sd", "threshold"]].to_string(index=False))

# %% [markdown]
# What the users have bought who were flagged, before and since.

# %%
purchases = events[events["event_type"] == "purchase"]
own = purchases[purchases["user"].isin(flagged["user"])]
print(own.groupby("user")["amount"].agg(["count", "sum", "max"]).to_string())

# %% [markdown]
# ## Why
#
# A timeline goes to any moment of the history: who was in the network of the first flagged
# purchase, just before it?

# %%
number, user = flagged.iloc[0][["number", "user"]]
with replay.Timeline(summary.store_path) as timeline:
    timeline.goto(int(number) - 1)
    friends = [timeline.name(each) for each in timeline.friends(timeline.number(user))]
print(f"just before event {number}, user {user} had {len(friends)} friends: {', '.join(friends)}")


# %% [markdown]
# ## A picture
#
# Each purchase by its threshold and its amount, both on a logarithmic scale: what is above the
# line is flagged. With matplotlib, `decisions.astype({"threshold": float, "amount":
# float}).plot.scatter("threshold", "amount", loglog=True)` is a first one; this needs nothing.


# %%
class Picture(str):
    """An SVG picture, which notebooks show."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def scatter(rows: Any, size: int = 480) -> Picture:
    """Return a picture of decisions by threshold and amount, flagged ones in red."""
    rows = rows[(rows["threshold"] > 0) & (rows["amount"] > 0)]
    x, y = (rows[name].astype(float).map(math.log10) for name in ("threshold", "amount"))
    left, right, low, high = x.min(), x.max(), y.min(), y.max()

    def place(threshold: float, amount: float) -> tuple[float, float]:
        across, up = (threshold - left) / (right - left), (amount - low) / (high - low)
        return 20 + across * (size - 40), size - 40 - up * (size - 60)

    dots = ""
    for a, b, row in zip(x, y, rows.itertuples(), strict=True):
        across, down = place(a, b)
        dots += (
            f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill-opacity="0.6" '
            f'fill="{"crimson" if row.flagged else "steelblue"}"><title>event {row.number}, user '
            f"{escape(row.user)}: {row.amount}, threshold {row.threshold}</title></circle>"
        )
    (x1, y1), (x2, y2) = (place(each, each) for each in (max(left, low), min(right, high)))
    return Picture(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="gray"/>{dots}'
        f'<text x="20" y="{size - 10}">threshold, from {10**left:.2f} to {10**right:.2f}</text>'
        f'<text x="20" y="14">amount, from {10**low:.2f} to {10**high:.2f}</text></svg>'
    )


picture = scatter(decisions)
(OUTPUT / "decisions.svg").write_text(picture, encoding="utf-8")
picture  # noqa: B018  the last line of a cell is what it shows
