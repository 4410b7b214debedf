"""What commands and the debugger show of a store of purchases, and do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.messages import Judged
from actors.purchases.digest import Sums
from events.purchases.amounts import format_amount, format_cents
from events.purchases.event import EVENT_TYPES, Event, type_name, users_of
from events.purchases.journal import PurchaseJournal
from events.purchases.parameters import DEGREES_MIN, TRACKED_MIN
from events.records.record import StateDigest
from events.times.timestamps import in_zone
from replay.arguments import whole
from replay.engine.detectors import check_detector
from replay.engine.looks import ParameterOption
from replay.judging.history import said
from replay.judging.looks import JudgedLooks
from replay.purchases.branch import PurchaseBranching, PurchaseRerun
from replay.purchases.console import (
    PurchaseWords,
    decision_fields,
    describe,
    event_fields,
    verdict_text,
)
from replay.purchases.explain import explain, rounded_lines
from replay.purchases.explore import PurchaseSubject
from replay.purchases.history import PurchasesResumed
from replay.purchases.logs import Logs
from replay.purchases.shrink import PurchaseShrinking
from replay.purchases.simulation import Simulation
from replay.purchases.timeline import Timeline
from replay.purchases.tools import PurchaseTools
from replay.purchases.verify import PurchaseReplay
from replay.purchases.why import show_why, why_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from events.purchases.decision import Decision
    from replay.engine.looks import Fields
    from replay.purchases.history import History

# What of a message or a state holds numbers of users, cents, units of 1/10,000, and a time.
_NUMBERS: Final = frozenset({"user", "friends", "befriended", "unfriended"})
_CENTS: Final = frozenset({"mean", "sd"})
_UNITS: Final = frozenset({"amounts", "spent"})
_TIMES: Final = frozenset({"since_time"})
_FIELDS: Final = (
    *("source", "line", "type", "event", "time", "user", "amount", "user1", "user2"),
    *("flagged", "n", "mean", "sd"),
)
# The number of no user, and not that which a journal gives to nobody.
_NEVER: Final = -2


class PurchaseLooks(JudgedLooks[Event]):
    """A store of purchases and friendships, of which the purchases are decided on."""

    kind = "purchases"
    _rounded = False
    detectors = Simulation
    detector = Simulation
    types = tuple(each.__name__.lower() for each in EVENT_TYPES)
    subject = "a user"
    output = Logs.output
    output_line = "flagged purchase"
    amounts = frozenset({"amount", "mean", "sd"})
    tools = PurchaseTools
    branching_type: ClassVar = PurchaseBranching
    rerun_type: ClassVar = PurchaseRerun
    timeline_type: ClassVar = Timeline
    replay_type: ClassVar = PurchaseReplay
    explored_type: ClassVar = PurchaseSubject
    event_types = EVENT_TYPES
    history: History
    timeline: Timeline
    shrinking: ClassVar = PurchaseShrinking
    parameter_options = (
        ParameterOption(
            "degrees",
            ("-D", "--degrees"),
            "degree of the network",
            {"metavar": "D", "type": whole("D", DEGREES_MIN)},
        ),
        ParameterOption(
            "tracked",
            ("-T", "--tracked"),
            "purchases tracked in the network",
            {"metavar": "T", "type": whole("T", TRACKED_MIN)},
        ),
    )

    @property
    def setting(self) -> str:
        parameters = self.store.parameters
        return f"D={parameters.degrees} T={parameters.tracked}"

    @property
    def setting_fields(self) -> Fields:
        return {"D": self.store.parameters.degrees, "T": self.store.parameters.tracked}

    def numbers_of(self, subject: str) -> Sequence[int]:
        history = self.history
        return history.numbers_of(history.journal.numbers.get(subject, _NEVER))

    def describe(self, event: Event) -> str:
        return describe(event, self.history.recorded.get(event.number))

    def type_of(self, event: Event) -> str:
        return type_name(event)

    def fields(self, event: Event) -> Fields:
        return event_fields(event, self.store.zone)

    def concerned(self, event: Event) -> Sequence[str]:
        return users_of(event)

    @property
    def field_names(self) -> Sequence[str]:
        return _FIELDS

    def message_fields(self, message: Any) -> Fields:
        fields = super().message_fields(message)
        if isinstance(message, Judged):
            decision = fields.pop("verdict")
            _, *names = decision.__struct_encode_fields__
            fields |= dict(zip(names, said(decision), strict=True))
        for field, value in fields.items():
            if field in _CENTS:
                fields[field] = format_cents(value)
            elif field in _TIMES and value:
                fields[field] = in_zone(value, self.store.zone)
            elif field in _NUMBERS:
                fields[field] = self._names(value)
        return fields

    def _names(self, value: Any) -> Any:
        name = self.timeline.name
        if isinstance(value, int):
            return name(value)
        if isinstance(value, frozenset):
            return list(map(name, sorted(value)))
        return tuple(map(name, value))

    def value_fields(self, value: Any) -> Any:
        if isinstance(value, StateDigest):
            sums = zip(Sums._fields, value.sums, strict=False)
            parts = {name: self.part_fields(name, each) for name, each in sums}
            return {"events": value.events, "users": value.subjects, **parts}
        return super().value_fields(value)

    def part_fields(self, field: str, value: Any) -> Any:
        if isinstance(value, int) and field in _CENTS:
            return format_cents(value)
        if isinstance(value, int) and field in _UNITS:
            return format_amount(value)
        return super().part_fields(field, value)

    def verdict_text(self, decision: Decision) -> str:
        return verdict_text(decision)

    def decision_fields(self, decision: Decision) -> Fields:
        return decision_fields(decision)

    # What commands do

    def round_figures(self) -> None:
        # Another rule has figures of its own.
        check_detector(self.store, Simulation)
        self._rounded = True

    def show_why(self, number: int) -> None:
        show_why(explain(self.timeline, number), self.timeline, rounded=self._rounded)

    def why_fields(self, number: int) -> Fields:
        return why_fields(explain(self.timeline, number), self.timeline, rounded=self._rounded)

    @property
    def words(self) -> PurchaseWords:
        return PurchaseWords()

    def audit(self) -> None:
        PurchasesResumed(self.store, PurchaseJournal(), own_state=self.other is None)

    def resumed(self) -> PurchasesResumed:
        return PurchasesResumed(self.store)

    def rebuild(self) -> tuple[int, Iterable[bytes]]:
        if not self._rounded:
            return super().rebuild()
        # Refuses what the store cannot be rebuilt from.
        self.resumed()
        lines = [line + b"\n" for line in rounded_lines(self.timeline)]
        return len(lines), lines
