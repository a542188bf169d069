"""Short ways to make the values that tests talk about."""

from datetime import UTC, datetime, timedelta
from typing import Any

from langchain_core.messages import HumanMessage

from personalagent.dialogue import Turn
from personalagent.graph.state import InputState
from personalagent.profile.log import TurnEntry
from personalagent.profile.preference import Evidence, Inference, Operation, Preference

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DIET = "consumption.diet.restriction"
CITY = "geography.home.city"
ALLERGY = "consumption.diet.allergy"
BUDGET = "scenario.travel.budget"


def day(number: float) -> datetime:
    """The start, and so many days after it."""
    return START + timedelta(days=number)


def turn(text: str, *, user: str = "ada", session: str = "s1", index: int = 0, **more: Any) -> Turn:
    """A turn said on day `index`."""
    return Turn(user=user, session=session, index=index, text=text, at=more.pop("at", day(index)), **more)


def states(slot: str, value: str, quote: str | None = None, **more: Any) -> Operation:
    """An assertion whose evidence is its value, unless a quote is given."""
    outright = more.pop("outright", True)
    preference = Preference(slot=slot, value=value, **more)
    return Operation(preference=preference, evidence=Evidence(quote=quote or value), outright=outright)


def retracts(slot: str, value: str = "", quote: str | None = None, **more: Any) -> Operation:
    """A retraction."""
    preference = Preference(slot=slot, value=value, **more)
    return Operation(
        action="retract", preference=preference, evidence=Evidence(quote=quote or value or "no longer")
    )


def infers(*operations: Operation, classification: str = "new") -> Inference:
    """An inference of these operations."""
    return Inference.model_validate({"operations": operations, "classification": classification})


def entry(number: float, *operations: Operation, session: str = "s1") -> TurnEntry:
    """The log entry of a turn on day `number`."""
    return TurnEntry(
        key=f"{session}-{number}",
        session=session,
        index=int(number),
        at=day(number),
        inference=infers(*operations),
    )


def says(*texts: str) -> InputState:
    """The graph's input: these user messages."""
    return {"messages": [HumanMessage(text) for text in texts]}
