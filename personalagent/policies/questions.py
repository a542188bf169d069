"""What a question is, and what became of it: answered, declined, unknown are three states."""

from datetime import UTC, datetime

from personalagent.dialogue import Turn
from personalagent.policies.answers import LONGEST_ANSWER, declined, unknown
from personalagent.policies.policy import Failure
from personalagent.profile.log import Outcome, QuestionEntry, TurnEntry, question_entry


def closing(turn: Turn, read: TurnEntry | Failure, asked_at: str) -> QuestionEntry | None:
    """The entry that closes the question which this turn answers; None if it is not an answer."""
    outcome = settled(turn, read)
    if outcome is None or turn.answers is None:
        return None
    return question_entry(asked_at, turn.answers, outcome, datetime.now(UTC))


def settled(turn: Turn, read: TurnEntry | Failure) -> Outcome | None:
    """What became of the question that stood open when the turn was said.

    A value for the slot answers it. A refusal and "I don't know" are told apart. Another question,
    or a long text without the value, is no answer. A turn that could not be read yet counts as an
    answer: it is pending, and must not be asked for again.
    """
    if declined(turn.text):
        return "declined"
    if unknown(turn.text):
        return "unknown"
    if isinstance(read, TurnEntry) and _gives(read, turn.answers):
        return "answered"
    if "?" in turn.text or len(turn.text.split()) > LONGEST_ANSWER:
        return None
    return "answered" if isinstance(read, Failure) else "unknown"


def _gives(entry: TurnEntry, slot: str | None) -> bool:
    return any(op.preference.slot == slot and op.action == "assert" for op in entry.inference.operations)
