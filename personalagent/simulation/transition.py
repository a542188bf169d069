"""What comes of an action: the graph's own way from an inference to a profile, and to a question or a reply.

Gate, entry and merge as in `policies.policy.read_turn`, the decision as in `nodes/deciding.py`, without an
index: from the needs alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

from personalagent.dialogue import Turn
from personalagent.policies.policy import Failure
from personalagent.policies.questions import settled
from personalagent.profile.evidence import gate
from personalagent.profile.history import Held
from personalagent.profile.log import Outcome, TurnEntry, question_entry, turn_entry
from personalagent.profile.preference import Inference, Need, describe
from personalagent.profile.profile import Profile, merge
from personalagent.profile.sufficiency import check, relevant
from personalagent.profile.template import Template
from personalagent.simulation.user import Move, Said


class Request(NamedTuple):
    """What the agent reacts to: a message, and what it needs in the policy's eyes."""

    said: Said
    needs: tuple[Need, ...]


class Question(NamedTuple):
    """A question that stands open, the turn at which it was asked, and the request that it was asked for."""

    slot: str
    turn: str
    request: Request


class Standing(NamedTuple):
    """How the agent stands in a conversation before it acts."""

    profile: Profile = Profile()
    question: Question | None = None
    left: int = 0
    """Questions that the conversation may still hold."""


class Acted(NamedTuple):
    """What came of an action."""

    entry: TurnEntry | Failure
    outcome: Outcome | None
    """Of the question that the turn answered."""
    request: Request
    """The turn itself, or the request for which the agent had asked."""
    could_ask: bool
    """Whether a question was allowed."""
    handed: tuple[Held, ...]
    """What the reply is written from; empty where a question comes first."""
    move: Move
    after: Standing


def act(
    turn: Turn,
    said: Said,
    inference: Inference | Failure,
    before: Standing,
    template: Template,
) -> Acted:
    """The agent's reaction to what was said, as the turn that it became. Pure, and total.

    A question is asked once, whatever becomes of it, and one for a request. An inference that failed leaves
    the profile as it is, and needs nothing.
    """
    entry = inference if isinstance(inference, Failure) else turn_entry(turn, gate(inference, turn, template))
    profile, own = before.profile, Request(said, ())
    if isinstance(entry, TurnEntry):
        profile, own = merge(profile, entry), Request(said, entry.inference.needs or ())
    outcome = settled(turn, entry) if before.question else None
    request, left = own, before.left
    if before.question and outcome:
        closed = question_entry(before.question.turn, before.question.slot, outcome, turn.at)
        profile, request, left = merge(profile, closed), before.question.request, 0
    found = check(request.needs, profile, template, request=request.said.text, budget=left, now=turn.at)
    slot = template.slot(found.ask) if found.ask else None
    if slot is None:
        handed = relevant(request.said.text, found, profile, template, now=turn.at)
        after = Standing(profile, None, before.left)
        return Acted(entry, outcome, request, left > 0, handed, Move(said_from(handed)), after)
    profile = merge(profile, question_entry(turn.key, slot.id, "asked", turn.at))
    after = Standing(profile, Question(slot.id, turn.key, request), before.left - 1)
    return Acted(entry, outcome, request, left > 0, (), Move(slot.question, slot.id), after)


def said_from(handed: Sequence[Held]) -> str:
    """A plain reply that says what it goes by: there is no chat model here."""
    if not handed:
        return "All right."
    return f"All right; I go by what you told me: {'; '.join(describe(held.preference) for held in handed)}."
