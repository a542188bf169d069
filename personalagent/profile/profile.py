"""The profile P: a pure fold of the log, P = Σ p_n (paper, sec. 3.1).

A profile is the set of its log entries, kept in one order. `merge` is therefore commutative,
associative and idempotent: a replay, a retry or another order of arrival gives the same profile,
and two sessions that write at the same time lose nothing. Values are read off the entries.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from personalagent.dialogue import Frozen
from personalagent.profile.history import Held, SlotHistory, statements
from personalagent.profile.log import (
    EditEntry,
    Entry,
    Outcome,
    QuestionEntry,
    TurnEntry,
    UndoEntry,
    undo_entry,
)
from personalagent.profile.preference import describe
from personalagent.profile.template import Template


class Profile(Frozen):
    """What is known of one user. An unknown slot has no value (the paper's null)."""

    entries: tuple[Entry, ...] = ()

    @cached_property
    def _held(self) -> dict[str, tuple[Held, ...]]:
        undone = {entry.turn for entry in self.entries if isinstance(entry, UndoEntry)}
        slots: dict[str, SlotHistory] = {}
        for entry in self.entries:
            if isinstance(entry, TurnEntry | EditEntry) and entry.key not in undone:
                for statement in statements(entry):
                    slots.setdefault(statement.preference.slot, SlotHistory()).add(statement)
        return {slot: history.held for slot, history in slots.items()}

    @cached_property
    def current(self) -> dict[str, tuple[Held, ...]]:
        """The values that hold now, by slot; slots without one are absent."""
        now = {slot: tuple(h for h in held if h.status == "current") for slot, held in self._held.items()}
        return {slot: held for slot, held in sorted(now.items()) if held}

    @cached_property
    def questions(self) -> dict[str, Outcome]:
        """What became of the last question about each slot that was ever asked about."""
        return {entry.slot: entry.outcome for entry in self.entries if isinstance(entry, QuestionEntry)}

    def why(self, slot: str) -> tuple[Held, ...]:
        """Everything ever held in the slot, oldest first, with evidence and validity intervals."""
        return self._held.get(slot, ())

    def as_of(self, at: datetime) -> "Profile":
        """The profile as it was at a time (aware). Turns undone since are not in it either."""
        return Profile(entries=tuple(e for e in self.entries if e.at <= at or isinstance(e, UndoEntry)))

    def values(self) -> dict[str, list[dict[str, Any]]]:
        """The current values as plain JSON: slot -> value, polarity, scope, confidence, pinned, since."""
        return {
            slot: [
                {
                    "value": held.preference.value,
                    "polarity": held.preference.polarity,
                    "scope": held.preference.scope,
                    "confidence": round(held.preference.confidence, 3),
                    "pinned": held.pinned,
                    "since": held.since.isoformat(),
                }
                for held in current
            ]
            for slot, current in self.current.items()
        }


def merge(profile: Profile, entry: Entry) -> Profile:
    """The profile with one more log entry. Pure, deterministic, total; null never erases."""
    return fold((*profile.entries, entry))


def fold(log: Iterable[Entry]) -> Profile:
    """The profile of a log, whatever order its entries come in and however often they come.

    Turns that say nothing leave no trace in it. Should two entries share a key, the earlier counts.
    """
    unique: dict[str, Entry] = {}
    for entry in log:
        if isinstance(entry, TurnEntry) and not entry.inference.operations:
            continue
        other = unique.get(entry.key)
        if other is None or (entry is not other and _rank(entry) < _rank(other)):
            unique[entry.key] = entry
    return Profile(entries=tuple(sorted(unique.values(), key=_order)))


def undo(profile: Profile, turn: str, at: datetime) -> Profile:
    """The profile with everything taken back that came from the turn with this key."""
    return merge(profile, undo_entry(turn, at))


def render(
    profile: Profile,
    slots: Sequence[str] | None = None,
    budget: int = 1200,
    *,
    template: Template | None = None,
    now: datetime | None = None,
) -> str:
    """Lines ``slot = value``, surest values first, in at most `budget` characters.

    `slots` names the ones wanted (all, if None). With a template, confidence decays by half-life
    up to `now` (the present, if None). A line that does not fit is left out whole.
    """
    now = now or datetime.now(UTC)
    wanted = profile.current if slots is None else {s: profile.current.get(s, ()) for s in slots}
    ranked = sorted(
        ((slot, held) for slot, all_held in wanted.items() for held in all_held),
        key=lambda pair: (not pair[1].pinned, -confidence(pair[1], template, now), pair[0]),
    )
    lines: list[str] = []
    used = 0
    for slot, held in ranked:
        line = f"{slot} = {describe(held.preference)}"
        if used + len(line) + 1 <= budget:
            lines.append(line)
            used += len(line) + 1
    return "\n".join(lines)


def confidence(held: Held, template: Template | None, now: datetime | None = None) -> float:
    """The value's confidence at `now` (the present, if None), decayed by its slot's half-life."""
    return held.confidence(_half_life(held, template), now or datetime.now(UTC))


def freshness(held: Held, template: Template | None, now: datetime | None = None) -> float:
    """The share of the value's confidence that is left at `now` (the present, if None)."""
    return held.freshness(_half_life(held, template), now or datetime.now(UTC))


def _half_life(held: Held, template: Template | None) -> int | None:
    slot = template.slot(held.preference.slot) if template else None
    return slot.half_life_days if slot else None


def _order(entry: Entry) -> tuple[datetime, str, int, str]:
    """Entries count in the order in which things were said; the rest only breaks ties."""
    if isinstance(entry, TurnEntry):
        return (entry.at, entry.session, entry.index, entry.key)
    return (entry.at, "", 0, entry.key)


def _rank(entry: Entry) -> tuple[datetime, str]:
    return (entry.at, entry.model_dump_json())
