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

import replay.terminal.isolation  # noqa: F401  it decides where the others are found

# isort: split

from replay.terminal.interrupts import end_at_once_if_program

end_at_once_if_program()

from actors.declared.actor import SubjectActor
from actors.declared.coordinator import FactCoordinator
from events.declared.fact import Fact, Verdict
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
from events.observations.interval import Interval
from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of
from events.purchases.parameters import Parameters
from events.store.header import DetectorVersion
from events.store.records import Decision, Rejected
from events.store.store import EventStore
from replay.declared.detector import Detector
from replay.engine.listener import RunListener as Listener
from replay.intervals.find import find_intervals
from replay.judging.history import Summary
from replay.judging.run import run
from replay.purchases.flagged import FlaggedPurchase, flagged_purchases
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline
from replay.version import __version__

__all__ = [
    "Befriend",
    "DamagedStoreError",
    "Decision",
    "Detector",
    "DetectorError",
    "DetectorVersion",
    "Event",
    "EventStore",
    "Fact",
    "FactCoordinator",
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
    "SubjectActor",
    "Summary",
    "Timeline",
    "Unfriend",
    "Verdict",
    "__version__",
    "find_intervals",
    "flagged_purchases",
    "line_of",
    "run",
]
