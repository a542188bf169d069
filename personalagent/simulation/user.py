"""What a simulated user is to the agent: she speaks, and reacts to what the agent does."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from personalagent.corpora.gold import GoldTurn
from personalagent.policies.policy import Failure
from personalagent.simulation.persona import Persona


class Said(NamedTuple):
    """A message of the user's, with what is known of it."""

    text: str
    session: str
    """The conversation in which it is said."""
    gold: GoldTurn | None = None
    """What it states; None: nobody knows, and what is taken from it is not judged."""
    request: bool = False
    """Whether it asks for something: one of the corpus's requests, or by the look of it."""
    needs: Mapping[str, int] | None = None
    """The slots that the request depends on (2: decides, 1: helps); None: nobody knows them."""
    replying_to: str | None = None
    """The reply that it answers; None: whatever the agent has just said."""


class Move(NamedTuple):
    """What the agent does: it asks about a slot, or replies."""

    text: str
    asks: str | None = None


class SimulatedUser(Protocol):
    """One conversation of a persona's, or several in a row, from the first message to the last."""

    @property
    def persona(self) -> Persona:
        """Who she is."""
        ...

    async def opens(self) -> Said | Failure:
        """Her first message, or why there is none."""
        ...

    async def answers(self, agent: Move) -> Said | Failure | None:
        """Her next message; None when the conversation is over."""
        ...
