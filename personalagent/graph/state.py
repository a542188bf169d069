"""The graph's state: plain JSON, readable in Studio; nodes parse what they take from it."""

from typing import Annotated, Any, NotRequired

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict  # pydantic, which the server reads schemas with, wants this one

Json = dict[str, Any]


class InputState(TypedDict):
    """What a caller gives: new messages, or a whole history."""

    messages: Annotated[list[AnyMessage], add_messages]


class State(InputState):
    """What the nodes leave for each other, and for the reader."""

    user: NotRequired[str]
    """Whose thread this is."""
    refused: NotRequired[bool]
    """Somebody else has just spoken here; her words are out again, and the run is about to fail."""
    cursor: NotRequired[Json]
    """How far `messages` has been decomposed: number of user messages, and the last one's id."""
    turns: NotRequired[list[Json]]
    """Turns still waiting to be read."""
    entries: NotRequired[list[Json]]
    """Log entries made from turns, not yet appended."""
    ignored: NotRequired[list[Json]]
    """Parts of the new messages that could not be read."""
    profile: NotRequired[dict[str, list[Json]]]
    """Current values by slot."""
    inference: NotRequired[Json]
    """The last turn's inference, as far as it was accepted."""
    rejections: NotRequired[list[Json]]
    """What was proposed in this run and not accepted, with the reasons."""
    failures: NotRequired[list[Json]]
    """What went wrong in this run; the turns concerned are pending."""
    request: NotRequired[str]
    """The request that is to be answered."""
    turn: NotRequired[str]
    """Key of the turn that was read last."""
    needs: NotRequired[Json | None]
    """The needs of a request, by its text, or why they could not be had: named once, for resumed runs too."""
    sufficiency: NotRequired[Json]
    """Needs, what is known of them, what is missing, and the decision."""
    relevant: NotRequired[list[Json]]
    """The preferences that the request depends on: what the reply gets."""
    question: NotRequired[Json | None]
    """The question that was asked last: slot, text, request, status, and the answer once there is one."""
    asked: NotRequired[int]
    """Questions asked in this session."""
    reply: NotRequired[str]
    """The text of the last reply."""
    usage: NotRequired[dict[str, Json]]
    """Calls and tokens of this run's language models: of the policy, and of the reply."""
