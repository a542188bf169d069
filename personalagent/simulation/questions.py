"""What became of the agent's question, as the graph tells it (see `nodes/questions.py`)."""

from personalagent.dialogue import Turn
from personalagent.policies.answers import LONGEST_ANSWER, declined, unknown
from personalagent.policies.policy import Failure
from personalagent.profile.log import Outcome, TurnEntry


def settled(turn: Turn, read: TurnEntry | Failure) -> Outcome | None:
    """What became of the question that stood open when the turn was said; None: it is no answer."""
    if declined(turn.text):
        return "declined"
    if unknown(turn.text):
        return "unknown"
    if isinstance(read, TurnEntry) and any(
        op.preference.slot == turn.answers and op.action == "assert" for op in read.inference.operations
    ):
        return "answered"
    if "?" in turn.text or len(turn.text.split()) > LONGEST_ANSWER:
        return None
    return "answered" if isinstance(read, Failure) else "unknown"
