"""Faults to plant into a copy of the sources: each is a text that is replaced by another.

They are mistakes that somebody could make, one for each rule, order and promise that the
program keeps. A fault whose text is not found exactly once is one to be written anew.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Fault(NamedTuple):
    """A mistake in one file."""

    name: str
    """What is wrong then, in a few words."""
    path: str
    """Where, from the project's folder."""
    right: str
    """What stands there."""
    wrong: str
    """What is planted in its place."""


_BASELINE: Final = "actors/purchases/baseline.py"
_COORDINATOR: Final = "actors/purchases/coordinator.py"
_JOURNAL: Final = "events/purchases/journal.py"
_NETWORK: Final = "actors/purchases/network.py"
_ORDERS: Final = "actors/orders.py"
_RECENCY: Final = "actors/purchases/recency.py"
_USER: Final = "actors/purchases/user.py"

FAULTS: Final = (
    # The rule.
    Fault(
        "`>=` for `>`",
        _BASELINE,
        "excess > 0 and excess * excess > SD_FACTOR",
        "excess > 0 and excess * excess >= SD_FACTOR",
    ),
    Fault("far below is flagged, too", _BASELINE, "return excess > 0 and ", "return "),
    Fault("one purchase is enough", _BASELINE, "PURCHASES_MIN = 2", "PURCHASES_MIN = 1"),
    Fault(
        "the sample's deviation, not the population's",
        _BASELINE,
        "excess * excess > SD_FACTOR * SD_FACTOR * self.v",
        "excess * excess * (self.n - 1) > SD_FACTOR * SD_FACTOR * self.v * self.n",
    ),
    Fault(
        "the mean in floating point",
        _BASELINE,
        "return self.total // (self.n * UNITS_PER_CENT) if self.n else 0",
        "return int(self.total / self.n / UNITS_PER_CENT) if self.n else 0",
    ),
    Fault(
        "the mean is rounded",
        _BASELINE,
        "return self.total // (self.n * UNITS_PER_CENT) if self.n else 0",
        "return (self.total + self.n * 50) // (self.n * UNITS_PER_CENT) if self.n else 0",
    ),
    # The network and the window.
    Fault(
        "a hop too few",
        _NETWORK,
        "self.hops_left = degrees",
        "self.hops_left = max(1, degrees - 1)",
    ),
    Fault("the buyer is in its network", _NETWORK, "        reached.discard(self.user)\n", ""),
    Fault(
        "a window one too long",
        _COORDINATOR,
        "del window[: -self.parameters.tracked]",
        "del window[: -self.parameters.tracked - 1]",
    ),
    Fault(
        "reversed order of ties",
        "events/purchases/event.py",
        'place_of: Final = attrgetter("time", "number")',
        "place_of: Final = lambda place: (place.time, -place.number)",
    ),
    Fault(
        "a late purchase comes last",
        _USER,
        "            bisect.insort(self._all(), purchase, key=place_of)",
        "            made.append(purchase)",
    ),
    Fault(
        "a time with zeros at its end is another time",
        "events/times/timestamps.py",
        '(fraction or "").rstrip("0")',
        '(fraction or "")',
    ),
    Fault(
        "stale recency: who buys again is not noted",
        _RECENCY,
        "if not late or before == _NONE or journal.place(before) < journal.place(row):",
        "if before == _NONE:",
    ),
    Fault(
        "too few owners are asked",
        _RECENCY,
        "order = np.argsort(rows)[: -tracked - 1 : -1]",
        "order = np.argsort(rows)[:-tracked:-1]",
    ),
    # Who is told what.
    Fault(
        "a lost unfriend",
        _USER,
        "self.friends = self.friends.difference(message.unfriended)",
        "pass",
    ),
    Fault(
        "friendship from one side",
        _COORDINATOR,
        "for user, other in ((user1, user2), (user2, user1)):",
        "for user, other in ((user1, user2),):",
    ),
    Fault(
        "of a friendship that ended and began the end counts",
        _JOURNAL,
        "last = {value >> 1: value & 1 for value in values}",
        "last = {value >> 1: value & 1 for value in reversed(values)}",
    ),
    Fault(
        "who is activated by an event takes it twice",
        _USER,
        "self.recover(message.since)",
        "self.recover(message.since + 1)",
    ),
    Fault(
        "who is activated by a question has seen what came later",
        _USER,
        "            if not self.active:\n                self.recover(message.number - 1)\n"
        "            purchases =",
        "            if not self.active:\n                self.recover(message.number + 9)\n"
        "            purchases =",
    ),
    # Orders of delivery.
    Fault(
        "judged while another is being judged",
        _COORDINATOR,
        "elif self.event is not None:\n            self.waiting.append(message)\n        else:",
        "else:",
    ),
    Fault(
        "what has waited is taken from the wrong end",
        "actors/judging.py",
        "self._start(self.waiting.popleft())",
        "self._start(self.waiting.pop())",
    ),
    Fault(
        "reversed delivery of a pair", _ORDERS, "delivery = lane.popleft()", "delivery = lane.pop()"
    ),
    Fault(
        "the window as the answers came in",
        _COORDINATOR,
        "        window.sort(key=place_of)\n",
        "",
    ),
    Fault(
        "users are numbered in the order of a set of ids",
        "events/journal/names.py",
        "            return np.array([self._code(name) for name in names], np.int32)\n",
        "            codes = {name: self._code(name) for name in sorted(names, key=hash)}\n"
        "            return np.array([codes[name] for name in names], np.int32)\n",
    ),
    # What is recorded, and played again.
    Fault(
        "a decision is not recorded",
        "actors/sink.py",
        "            self.outlet.record(self.decisions)",
        "            self.outlet.record([each for each in self.decisions if each.purchases])",
    ),
    Fault(
        "a frame is not chained",
        "events/store/writer.py",
        "        self.chain = chain_of(data)\n        self.frames += 1",
        "        self.frames += 1",
    ),
    Fault(
        "the digest keeps ended friendships",
        "actors/purchases/digest.py",
        "return keys[last & begun]",
        "return keys[last]",
    ),
    Fault(
        "the stream begins an event too late",
        "replay/judging/drive.py",
        "StreamStart(self._store.events)",
        "StreamStart(self._store.events + 1)",
    ),
    Fault(
        "going back leaves users as they were",
        "replay/engine/acting.py",
        "        self.passivate(self._moved(position))\n",
        "        self.passivate(self._moved(position) if position > self.position else ())\n",
    ),
    # Misfortunes.
    Fault(
        "all flagged lines again after a crash",
        "replay/engine/output_file.py",
        "missing = piece[max(0, right - place) :]",
        "missing = piece",
    ),
    Fault(
        "a line lost where a run goes on",
        "replay/engine/drive.py",
        "            self.lines[record.source] = record.number",
        "            self.lines[record.source] = record.number + 1",
    ),
    Fault(
        "what was not decided is forgotten",
        "replay/judging/drive.py",
        "return map(self.simulation.judge, resumed.undecided)",
        "return iter(())",
    ),
    Fault(
        "a user that failed is not activated again",
        "replay/engine/supervision.py",
        "        actor.active = False\n",
        "",
    ),
    Fault(
        "what a failed user has sent is sent twice",
        "actors/dispatcher.py",
        "        self._withdraw(waiting)\n        if isinstance",
        "        if isinstance",
    ),
)
