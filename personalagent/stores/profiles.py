"""The log of every user, on any LangGraph store: append-only, one entry per turn, nothing lost."""

import hashlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from langgraph.store.base import BaseStore, GetOp, Item, PutOp
from pydantic import Field, ValidationError

from personalagent.dialogue import Frozen, Turn, valid_user_id
from personalagent.errors import ArchiveError, UnknownTurn
from personalagent.policies.policy import Failure
from personalagent.profile.log import ENTRY, Entry, TurnEntry, undo_entry
from personalagent.profile.profile import Profile, fold

ROOT = "personalagent"
PAGE = 500
OVERLAP_MS = 60_000
"""Entries this much older than a snapshot are read again: more than clocks and commits can lag."""
ATTEMPTS = 3
"""Readings of a turn that may fail before it is tried more seldom."""
PAUSE = timedelta(hours=1)
SNAPSHOT_EVERY = 32
"""Entries behind a snapshot before the next one is written."""

Part = Literal["log", "snapshot", "pending", "threads"]


class Pending(Frozen):
    """A turn that no policy could read yet, and why."""

    turn: Turn
    failure: Failure
    attempts: int = Field(0, ge=0, description="readings that failed for a reason that may lie in the turn")
    tried_at: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def due(self, now: datetime) -> bool:
        """Whether it is worth another try by itself: often at first, then once an hour."""
        return self.attempts < ATTEMPTS or now - self.tried_at >= PAUSE


class Archive(Frozen):
    """Everything stored about one user, as it is exported."""

    format: Literal["personalagent/1"] = "personalagent/1"
    user: str
    entries: tuple[Entry, ...] = ()
    pending: tuple[Pending, ...] = ()


class Snapshot(Frozen):
    """A profile, and the time up to which (less the overlap) it has all log entries."""

    read_at_ms: int = 0
    profile: Profile = Field(default_factory=Profile)


class ProfileStore:
    """Logs and profiles of all users on one LangGraph `BaseStore`.

    Every method takes the user's id, any text of up to 512 characters, and raises `InvalidUserId`
    for what cannot be one. Users are kept apart by namespaces named after a hash of the id, since
    stores forbid dots in labels and limit their length.
    """

    def __init__(self, store: BaseStore) -> None:
        self._store = store

    async def append(self, user: str, entries: Iterable[Entry]) -> tuple[Entry, ...]:
        """Add entries to the log; returns those that were not in it yet.

        An entry whose key is there already is left as it is, so replays and retries change nothing.
        A turn that is logged is no longer pending.
        """
        space = _space(user, "log")
        unique = list({entry.key: entry for entry in entries}.values())
        found = await self._many(user, "log", [entry.key for entry in unique])
        new = [entry for entry in unique if entry.key not in found]
        now = _now_ms()
        puts = [
            PutOp(space, entry.key, {"logged_ms": now, "entry": ENTRY.dump_python(entry, mode="json")}, False)
            for entry in new
        ]
        if puts:
            await self._store.abatch(puts)
        read = [entry.key for entry in unique if isinstance(entry, TurnEntry)]
        done = [PutOp(_space(user, "pending"), key, None) for key in await self._many(user, "pending", read)]
        if done:
            await self._store.abatch(done)
        return tuple(new)

    async def profile(self, user: str) -> Profile:
        """The user's profile: the newest snapshot and all that was logged since. Empty if unknown."""
        started = _now_ms()
        item = await self._store.aget(_space(user, "snapshot"), "latest")
        snapshot = Snapshot.model_validate(item.value) if item else Snapshot()
        since = snapshot.read_at_ms - OVERLAP_MS
        condition = {"logged_ms": {"$gte": since}} if item else None
        known = {entry.key for entry in snapshot.profile.entries}
        rows = [row async for row in self._rows(user, "log", condition)]
        tail = [_entry(row) for row in rows if row.key not in known]
        profile = fold((*snapshot.profile.entries, *tail)) if tail else snapshot.profile
        fresh = sum(row.value["logged_ms"] > snapshot.read_at_ms for row in rows)
        if fresh >= SNAPSHOT_EVERY:
            await self._save(user, Snapshot(read_at_ms=started, profile=profile))
        return profile

    async def log(self, user: str) -> tuple[Entry, ...]:
        """Every entry ever logged, in the order in which things were said."""
        entries = [_entry(row) async for row in self._rows(user, "log")]
        return tuple(sorted(entries, key=lambda entry: (entry.at, entry.key)))

    async def profile_at(self, user: str, at: datetime) -> Profile:
        """The profile as it was at a time."""
        return (await self.profile(user)).as_of(at)

    async def logged(self, user: str, turns: Sequence[Turn]) -> frozenset[str]:
        """The keys of those of the turns that the log already holds."""
        return frozenset(await self._many(user, "log", [turn.key for turn in turns]))

    async def undo(self, user: str, turn: str) -> None:
        """Append a tombstone for the turn with this key; raises `UnknownTurn` if it was never logged."""
        if not await self._many(user, "log", [turn]):
            raise UnknownTurn(f"no turn {turn!r} in the log of {user!r}; `profile why` shows the keys")
        await self.append(user, [undo_entry(turn, datetime.now(UTC))])

    async def put_pending(self, user: str, turn: Turn, failure: Failure, *, tried: bool = True) -> None:
        """Keep a turn that could not be read, whole, until it can; not `tried` if it only waits its turn.

        A turn that is kept already stays as it was said first; one that is logged by now is not kept.
        """
        if await self._many(user, "log", [turn.key]):
            return
        item = (await self._many(user, "pending", [turn.key])).get(turn.key)
        before = Pending.model_validate(item.value) if item else Pending(turn=turn, failure=failure)
        attempts = before.attempts + (tried and failure.kind not in ("unreachable", "busy"))
        await self._keep(user, Pending(turn=before.turn, failure=failure, attempts=attempts))

    async def pending(self, user: str) -> tuple[Pending, ...]:
        """The turns still to be read, oldest first."""
        rows = [Pending.model_validate(row.value) async for row in self._rows(user, "pending")]
        return tuple(sorted(rows, key=lambda pending: (pending.turn.at, pending.turn.index)))

    async def kept(self, user: str, turns: Sequence[Turn]) -> dict[str, Turn]:
        """Those of the turns that are pending, by key, as they were said: a history may be passed again."""
        found = await self._many(user, "pending", [turn.key for turn in turns])
        return {key: Pending.model_validate(item.value).turn for key, item in found.items()}

    async def waiting_users(self) -> tuple[str, ...]:
        """All users who have pending turns."""
        spaces, offset = [], 0
        while page := await self._store.alist_namespaces(
            prefix=(ROOT,), suffix=("pending",), limit=PAGE, offset=offset
        ):
            spaces += page
            offset += len(page)
        found = [await self._store.asearch(space, limit=1) for space in spaces]
        return tuple(sorted({Pending.model_validate(row.value).turn.user for rows in found for row in rows}))

    async def note_thread(self, user: str, thread: str) -> None:
        """Remember that the user's words are in this thread's checkpoints, for erasure."""
        key = hashlib.sha256(thread.encode()).hexdigest()
        await self._store.aput(_space(user, "threads"), key, {"thread": thread}, index=False)

    async def threads(self, user: str) -> tuple[str, ...]:
        """The threads in which the user spoke."""
        return tuple(sorted([str(row.value["thread"]) async for row in self._rows(user, "threads")]))

    async def export(self, user: str) -> Archive:
        """Everything stored about the user."""
        return Archive(user=user, entries=await self.log(user), pending=await self.pending(user))

    async def import_(self, user: str, archive: object) -> int:
        """Add an exported archive (`Archive` or its JSON form) to the user's log; returns how many were new.

        Raises `ArchiveError` if it is malformed or another user's; then nothing is written.
        """
        try:
            whole = archive if isinstance(archive, Archive) else Archive.model_validate(archive)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ArchiveError(
                f"not a PersonalAgent export: {where or 'the file'}: {first['msg']}"
            ) from error
        if whole.user != valid_user_id(user):
            raise ArchiveError(f"this export belongs to {whole.user!r}, not to {user!r}")
        if strangers := {one.turn.user for one in whole.pending} - {user}:
            raise ArchiveError(f"this export holds turns of {strangers.pop()!r}, not of {user!r}")
        new = await self.append(user, whole.entries)
        logged = await self.logged(user, [pending.turn for pending in whole.pending])
        for pending in whole.pending:
            if pending.turn.key not in logged:
                await self._keep(user, pending)
        return len(new)

    async def erase(self, user: str) -> int:
        """Delete everything stored about the user here; returns the number of deleted items."""
        count = 0
        parts: tuple[Part, ...] = ("log", "snapshot", "pending", "threads")
        for part in parts:
            rows = [row async for row in self._rows(user, part)]
            await self._store.abatch([PutOp(row.namespace, row.key, None) for row in rows])
            count += len(rows)
        return count

    async def _keep(self, user: str, pending: Pending) -> None:
        value = pending.model_dump(mode="json")
        await self._store.aput(_space(user, "pending"), pending.turn.key, value, index=False)

    async def _save(self, user: str, snapshot: Snapshot) -> None:
        await self._store.aput(
            _space(user, "snapshot"), "latest", snapshot.model_dump(mode="json"), index=False
        )

    async def _many(self, user: str, part: Part, keys: Sequence[str]) -> dict[str, Item]:
        if not keys:
            return {}
        rows = await self._store.abatch([GetOp(_space(user, part), key) for key in dict.fromkeys(keys)])
        return {row.key: row for row in rows if isinstance(row, Item)}

    async def _rows(
        self, user: str, part: Part, condition: dict[str, Any] | None = None
    ) -> AsyncIterator[Item]:
        space, offset = _space(user, part), 0
        while True:
            page = await self._store.asearch(space, filter=condition, limit=PAGE, offset=offset)
            for row in page:
                yield row
            if len(page) < PAGE:
                return
            offset += PAGE


def _space(user: str, part: Part) -> tuple[str, str, str]:
    digest = hashlib.sha256(valid_user_id(user).encode()).hexdigest()
    return (ROOT, digest, part)


def _entry(row: Item) -> Entry:
    return ENTRY.validate_python(row.value["entry"])


def _now_ms() -> int:
    """Milliseconds since 1970: 13 digits until 2286, since some stores compare them as text."""
    return time.time_ns() // 1_000_000
