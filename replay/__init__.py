"""Driving it: the command line, the run, and the Python interface to both.

import replay

with replay.Logs("batch.json", "stream.json") as logs:
    summary = replay.run(logs, "flagged.json")

for purchase in replay.flagged_purchases("batch.json", "stream.json"):
    print(purchase.event.user, purchase.amount, purchase.mean)

with replay.EventStore("flagged.json.events") as store:
    decisions = store.to_frame("pandas", "decisions")
"""

import replay.terminal.isolation  # noqa: F401  it decides where the others are found

# isort: split

from replay.terminal.program import prepare_if_program

prepare_if_program()

from actors.custom.actor import SubjectActor
from actors.custom.coordinator import FactCoordinator
from actors.dispatcher import ActorFailedError
from actors.messages import UnaskedError
from events.custom.fact import Fact, Verdict
from events.errors import (
    BadValueError,
    DamagedStoreError,
    DetectorError,
    DetectorFailedError,
    ForeignStoreError,
    InputError,
    InterruptedRunError,
    LineRejectedError,
    MissingLibraryError,
    NewerStoreError,
    OtherDetectorError,
    OtherKindError,
    OutputError,
    ParametersError,
    PositionError,
    ReplayError,
    StoreError,
    TerminatedRunError,
    UnknownUserError,
)
from events.observations.interval import Interval
from events.purchases.decision import Decision
from events.purchases.event import Befriend, Event, Purchase, Unfriend, line_of
from events.purchases.parameters import Parameters
from events.records.record import Rejected
from events.store.header import DetectorVersion
from events.store.store import EventStore
from replay.custom.detector import Detector
from replay.engine.listener import RunListener as Listener
from replay.engine.logging_listener import LoggingListener
from replay.engine.ray_cluster import RayCluster
from replay.intervals.find import find_intervals
from replay.judging.history import Summary
from replay.judging.ray_shards import RayShards
from replay.judging.run import run
from replay.judging.shards import ShardsLostError
from replay.purchases.flagged import FlaggedPurchase, flagged_purchases
from replay.purchases.logs import Logs
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline
from replay.version import __version__

__all__ = [
    "ActorFailedError",
    "BadValueError",
    "Befriend",
    "DamagedStoreError",
    "Decision",
    "Detector",
    "DetectorError",
    "DetectorFailedError",
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
    "LoggingListener",
    "Logs",
    "MissingLibraryError",
    "NewerStoreError",
    "OtherDetectorError",
    "OtherKindError",
    "OutputError",
    "Parameters",
    "ParametersError",
    "PositionError",
    "Purchase",
    "RayCluster",
    "RayShards",
    "Rejected",
    "ReplayError",
    "ShardsLostError",
    "Simulation",
    "StoreError",
    "SubjectActor",
    "Summary",
    "TerminatedRunError",
    "Timeline",
    "UnaskedError",
    "Unfriend",
    "UnknownUserError",
    "Verdict",
    "__version__",
    "find_intervals",
    "flagged_purchases",
    "line_of",
    "run",
]
