"""Driving it: the command line, the run, and the Python interface to both.

import replay

with replay.Logs("batch.json", "stream.json") as logs:
    summary = replay.run(logs, "flagged.json")

for purchase in replay.flagged_purchases("batch.json", "stream.json"):
    print(purchase.event.user, purchase.decision.mean)

store = replay.EventStore("flagged.json.events")
for event in store.events_from(1):
    print(event)
"""

import replay.isolation  # noqa: F401  it decides where the others are found

# isort: split

from replay.interrupts import end_at_once_if_program

end_at_once_if_program()

from events.detector import DetectorVersion
from events.errors import (
    DamagedStoreError,
    DetectorError,
    ForeignStoreError,
    InputError,
    InterruptedRunError,
    LineRejectedError,
    NewerStoreError,
    OtherDetectorError,
    OutputError,
    ParametersError,
    ReplayError,
    StoreError,
)
from events.event import Befriend, Event, Purchase, Unfriend, line_of
from events.interval import Interval
from events.parameters import Parameters
from events.records import Decision, Rejected
from events.store import EventStore
from replay.flagged import FlaggedPurchase, flagged_purchases
from replay.intervals import find_intervals
from replay.listener import Listener, Summary
from replay.logs import Logs
from replay.run import run
from replay.simulation import Simulation
from replay.timeline import Timeline
from replay.version import __version__

__all__ = [
    "Befriend",
    "DamagedStoreError",
    "Decision",
    "DetectorError",
    "DetectorVersion",
    "Event",
    "EventStore",
    "FlaggedPurchase",
    "ForeignStoreError",
    "InputError",
    "InterruptedRunError",
    "Interval",
    "LineRejectedError",
    "Listener",
    "Logs",
    "NewerStoreError",
    "OtherDetectorError",
    "OutputError",
    "Parameters",
    "ParametersError",
    "Purchase",
    "Rejected",
    "ReplayError",
    "Simulation",
    "StoreError",
    "Summary",
    "Timeline",
    "Unfriend",
    "__version__",
    "find_intervals",
    "flagged_purchases",
    "line_of",
    "run",
]
