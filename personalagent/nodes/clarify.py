"""Ask the one question: pause the run for the answer, or say it in the chat."""

from typing import Literal

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt

from personalagent.graph.context import Context, settings
from personalagent.graph.state import State


async def clarify(state: State, runtime: Runtime[Context]) -> Command[Literal["decompose", "__end__"]]:
    """Put the question to the user; her answer becomes a turn like any other.

    Nothing with a side effect stands before `interrupt`: the node runs again from its top on resume.
    """
    question = state["question"] or {}
    asked = AIMessage(question["text"])
    if settings(runtime).ask == "chat" or not _can_pause(runtime):
        return Command(goto="__end__", update={"messages": [asked], "reply": question["text"]})
    payload = {"question": question["text"], "slot": question["slot"], "request": question["request"]}
    answer = interrupt(payload)
    return Command(goto="decompose", update={"messages": [asked, HumanMessage(answer_text(answer))]})


def _can_pause(runtime: Runtime[Context]) -> bool:
    """Only a thread that is checkpointed can go on after a pause."""
    return bool(runtime.execution_info and runtime.execution_info.thread_id)


def answer_text(answer: object) -> str:
    """The answer in words. Resuming with nothing (None, "", {}) declines to answer."""
    if isinstance(answer, dict):
        answer = answer.get("answer") or answer.get("text") or answer.get("content")
    return str(answer) if answer not in (None, "", [], {}) else "I'd rather not say."
