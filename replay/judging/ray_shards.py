"""Shards in a cluster of Ray's, on as many machines as it has.

What one shard sends another goes from process to process, and not through this one; see
`replay.engine.ray_hosts`. A shard is sent its part of all events from here, so it needs no folder
in common with this process.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from events.errors import InputError
from replay.engine.forks import LOOK_SECONDS, LOST
from replay.engine.ray_driver import packed
from replay.engine.ray_hosts import Failed, Missing, words_of
from replay.judging.shards import TRIES_MAX, LostShardError, ShardsLostError, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from replay.engine.ray_cluster import RayCluster
    from replay.judging.shards import Shard

# For so long shards are waited for that have no room yet, and then for whatever one does.
_ROOM_SECONDS: Final = 60
_ANSWER_SECONDS: Final = 300
# Who talks to Ray answers in a moment, done or not, unless nobody in the cluster answers it.
_MOMENT_SECONDS: Final = 20


class RayShards(Transport):
    """Shards that are processes of a Ray cluster, of one core each.

    ``with replay.RayCluster("local", 2) as some: replay.run(…, shards=replay.RayShards(some))``.
    They are spread over its machines, and end with the run. One that is lost is started anew, on
    another machine where its own is gone.
    """

    def __init__(self, cluster: RayCluster, count: int | None = None) -> None:
        """Start none yet.

        Args:
            cluster: where they are to be.
            count: how many shards there are to be; None: as many as it was to have workers.

        Raises:
            InputError: it is not from 1 to `replay.engine.forks.PROCESSES_MAX`.

        """
        super().__init__(cluster.count if count is None else count)
        self._cluster: Final = cluster
        self._where: Final = f"ray {cluster.address}"
        self._needed = b""

    def prepare(self, detector: Any, check: Callable[[], None]) -> None:
        """Start the processes; see `Transport.prepare`.

        Raises:
            InputError: there is no room for all, or one cannot have the detector.

        """
        super().prepare(detector, check)
        self._needed = packed(detector).content
        self._call("begin_hosts", self.count)
        missing: Sequence[int] = range(self.count)
        for _ in range(TRIES_MAX):
            found = self._open(missing)
            if isinstance(found, Failed):
                raise InputError(
                    f"{self._where}: expected shards that can do this, found "
                    f"{words_of(found.error)}"
                )
            missing = found.places if isinstance(found, Missing) else ()
            if not missing:
                return
            # Others were sent to a machine of which the cluster did not know yet that it is gone.
            if found.is_late:
                break
        raise InputError(self._no_room(len(missing)))

    def start(self, make: Callable[[int], Shard]) -> None:
        """Make the shards; one that is lost meanwhile is missed when it gets something."""
        self._make = packed(make).content
        with suppress(LostShardError):
            self._done("make", range(self.count), self._make)

    def renew(self, place: int) -> None:
        found = self._open([place])
        if isinstance(found, Missing) and found.is_late and place in found.places:
            raise ShardsLostError(f"{self._no_room(1)}, and run the same command again to go on")
        self._done("make", [place], self._make)

    def take(self, blocks: Mapping[int, bytes]) -> None:
        """Let shards take a block each; who is lost meanwhile is missed at a later call."""
        self._done("tell", "take", blocks)

    def judge(self, asked: Sequence[bytes], hops: int) -> list[bytes]:
        found: list[bytes] = self._done("relay", "start", "hop", "latest", asked, hops)
        return found

    def query(self, name: str, asked: Mapping[int, bytes]) -> dict[int, bytes]:
        found: dict[int, bytes] = self._done("ask", name, asked)
        return found

    def _open(self, places: Sequence[int]) -> Any:
        return self._begun(_ROOM_SECONDS, "open", places, self._needed)

    def _no_room(self, missing: int) -> str:
        return (
            f"{self._where}: expected room for {self.count:,} shards, each of one core, found none "
            f"for {missing:,} of them within {_ROOM_SECONDS} s; add machines, or take fewer shards"
        )

    def _done(self, name: str, *given: Any) -> Any:
        """Do something with shards; return what comes of it.

        Raises:
            LostShardError: some are lost.

        """
        found = self._begun(_ANSWER_SECONDS, name, *given)
        if isinstance(found, Missing):
            raise LostShardError(found.places)
        if isinstance(found, Failed):
            raise found.error
        return found

    def _begun(self, seconds: float, name: str, *given: Any) -> Any:
        found = self._call("hosts", "begin", seconds, name, *given)
        while found is None:
            self._check()
            found = self._call("hosts", "done", LOOK_SECONDS)
        return found[0]

    def _call(self, name: str, *given: Any) -> Any:
        found = LOST
        if self._cluster.is_there:
            found = self._cluster.call(name, *given, seconds=_MOMENT_SECONDS)
        if found is LOST:
            raise ShardsLostError(
                f"{self._where}: expected the cluster to last, found that it went away; run the "
                "same command again to go on"
            )
        return found

    def close(self) -> None:
        """End all shards."""
        if self._needed and self._cluster.is_there:
            self._cluster.call("hosts", "close", seconds=_MOMENT_SECONDS)
