"""How one slot's statements become values with validity intervals."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter

from personalagent.profile.log import EditEntry, TurnEntry
from personalagent.profile.preference import Evidence, Preference, normalise

Status = Literal["current", "superseded", "retracted", "overruled"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One operation of the log on one slot."""

    retract: bool
    by_hand: bool
    preference: Preference
    evidence: Evidence | None
    turn: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """A preference and the time for which it held. Plain, for speed: a profile makes thousands."""

    preference: Preference
    since: datetime
    last_said: datetime
    until: datetime | None = None
    status: Status = "current"
    pinned: bool = False
    turns: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()

    def confidence(self, half_life_days: int | None = None, now: datetime | None = None) -> float:
        """Confidence in [0, 1], halved for every half-life since it was last said; pins do not decay."""
        return self.preference.confidence * self.freshness(half_life_days, now)

    def freshness(self, half_life_days: int | None = None, now: datetime | None = None) -> float:
        """The share of its confidence that it still has, in [0, 1]."""
        if self.pinned or half_life_days is None or now is None:
            return 1.0
        age = max(0.0, (now - self.last_said).total_seconds() / 86400)
        return float(0.5 ** (age / half_life_days))


HELD: TypeAdapter[tuple[Held, ...]] = TypeAdapter(tuple[Held, ...])
"""To and from JSON."""


def statements(entry: TurnEntry | EditEntry) -> Iterable[Statement]:
    """The statements of one log entry, in their order."""
    if isinstance(entry, EditEntry):
        yield Statement(
            retract=entry.action == "remove",
            by_hand=True,
            preference=entry.preference,
            evidence=None,
            turn=entry.key,
            at=entry.at,
        )
        return
    for operation in entry.inference.operations:
        yield Statement(
            retract=operation.action == "retract",
            by_hand=False,
            preference=operation.preference,
            evidence=operation.evidence,
            turn=entry.key,
            at=entry.at,
        )


class SlotHistory:
    """Replays one slot's statements in order: the later one wins, the earlier stays with its interval."""

    def __init__(self) -> None:
        self.closed: list[Held] = []
        self.open: dict[tuple[str, str], Held] = {}

    def add(self, statement: Statement) -> None:
        """Take the next statement in."""
        if statement.retract:
            self._retract(statement)
        else:
            self._assert(statement)

    @property
    def held(self) -> tuple[Held, ...]:
        """All that was ever held, in the order in which it began; current values have no end."""
        return tuple(sorted((*self.closed, *self.open.values()), key=lambda h: (h.since, h.until is None)))

    def _assert(self, statement: Statement) -> None:
        cell = statement.preference.cell
        before = self.open.get(cell)
        if before is None:
            self.open[cell] = _begin(statement)
        elif before.preference.says_the_same(statement.preference):
            self.open[cell] = _again(before, statement)
        elif before.pinned and not statement.by_hand:
            self.closed.append(_end(_begin(statement), statement.at, "overruled"))
        else:
            self.closed.append(_end(before, statement.at, "superseded"))
            self.open[cell] = _begin(statement)

    def _retract(self, statement: Statement) -> None:
        for cell, held in list(self.open.items()):
            if _meant(statement.preference, held.preference) and (statement.by_hand or not held.pinned):
                self.closed.append(_end(held, statement.at, "retracted"))
                del self.open[cell]


def _meant(retracted: Preference, held: Preference) -> bool:
    value_fits = not normalise(retracted.value) or normalise(retracted.value) == normalise(held.value)
    scope_fits = retracted.scope is None or normalise(retracted.scope) == normalise(held.scope or "")
    return value_fits and scope_fits


def _begin(statement: Statement) -> Held:
    return Held(
        preference=statement.preference,
        since=statement.at,
        last_said=statement.at,
        pinned=statement.by_hand,
        turns=(statement.turn,),
        evidence=(statement.evidence,) if statement.evidence else (),
    )


def _again(held: Held, statement: Statement) -> Held:
    """The same value once more: surer (independent observations), and fresh again."""
    doubt = (1 - held.preference.confidence) * (1 - statement.preference.confidence)
    update = {"confidence": 1 - doubt, "strength": statement.preference.strength}
    return replace(
        held,
        preference=held.preference.model_copy(update=update),
        last_said=statement.at,
        pinned=held.pinned or statement.by_hand,
        turns=(*held.turns, statement.turn),
        evidence=(*held.evidence, *((statement.evidence,) if statement.evidence else ())),
    )


def _end(held: Held, at: datetime, status: Status) -> Held:
    return replace(held, until=at, status=status)
