"""What the append-only log holds. Every entry has a key derived from what it is about."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from personalagent.dialogue import Frozen, Turn
from personalagent.profile.evidence import Gated, Rejection
from personalagent.profile.preference import Inference, Preference

Outcome = Literal["asked", "answered", "declined", "unknown"]


class TurnEntry(Frozen):
    """What was inferred from one turn: the p_n that the profile is the sum of."""

    kind: Literal["turn"] = "turn"
    key: str
    session: str
    index: int
    at: datetime
    inference: Inference
    rejections: tuple[Rejection, ...] = ()


class EditEntry(Frozen):
    """A change by the user's own hand: a pin outranks all that was or will be inferred."""

    kind: Literal["edit"] = "edit"
    key: str
    at: datetime
    action: Literal["pin", "remove"]
    preference: Preference


class UndoEntry(Frozen):
    """A tombstone: what came from this turn no longer counts."""

    kind: Literal["undo"] = "undo"
    key: str
    at: datetime
    turn: str


class QuestionEntry(Frozen):
    """What became of a question: asked, then answered, declined, or not known to the user."""

    kind: Literal["question"] = "question"
    key: str
    at: datetime
    slot: str
    outcome: Outcome


Entry = Annotated[TurnEntry | EditEntry | UndoEntry | QuestionEntry, Field(discriminator="kind")]
ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


def derived_key(*parts: object) -> str:
    """32 hex digits that are the same for the same parts."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:32]


def turn_entry(turn: Turn, gated: Gated) -> TurnEntry:
    """The entry for a turn, under the turn's own key."""
    return TurnEntry(
        key=turn.key,
        session=turn.session,
        index=turn.index,
        at=turn.at,
        inference=gated.inference,
        rejections=gated.rejections,
    )


def edit_entry(action: Literal["pin", "remove"], preference: Preference, at: datetime) -> EditEntry:
    """The entry for an edit by hand; editing again later is another entry."""
    key = derived_key("edit", action, preference.slot, preference.value, preference.scope, at)
    return EditEntry(key=key, at=at, action=action, preference=preference)


def undo_entry(turn: str, at: datetime) -> UndoEntry:
    """The tombstone for a turn; a second one is the same entry."""
    return UndoEntry(key=derived_key("undo", turn), at=at, turn=turn)


def question_entry(turn: str, slot: str, outcome: Outcome, at: datetime) -> QuestionEntry:
    """The entry for a question about `slot`, asked or closed at the turn with this key."""
    return QuestionEntry(key=derived_key("question", turn, slot, outcome), at=at, slot=slot, outcome=outcome)
