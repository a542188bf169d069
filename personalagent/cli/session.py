"""One conversation with the agent, as the commands `chat` and `demo` hold it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from personalagent.graph.agent import PersonalAgent
from personalagent.graph.context import Context


@dataclass(frozen=True)
class Event:
    """Something to show: an event of a node, a piece of the reply, the whole reply, or a question."""

    kind: Literal["node", "token", "reply", "question"]
    text: str = ""
    data: dict[str, Any] | None = None


class Conversation:
    """A thread of one user."""

    def __init__(self, agent: PersonalAgent, context: Context, thread: str) -> None:
        self._agent = agent
        self._context = context
        self._config: RunnableConfig = {"configurable": {"thread_id": thread}}

    async def state(self) -> dict[str, Any]:
        """The thread's present state."""
        return dict((await self._agent.aget_state(self._config)).values)

    async def open_question(self) -> str | None:
        """The question for whose answer the thread is paused."""
        interrupts = (await self._agent.aget_state(self._config)).interrupts
        return str(interrupts[0].value["question"]) if interrupts else None

    async def say(self, text: str) -> AsyncIterator[Event]:
        """Say something; if a question stands open, it is the answer."""
        async for event in self.give([HumanMessage(text)]):
            yield event

    async def give(self, messages: Sequence[BaseMessage]) -> AsyncIterator[Event]:
        """Give messages, one or a whole history."""
        paused = await self.open_question() is not None
        work: Any = Command(resume=messages[-1].text) if paused else {"messages": list(messages)}
        streamed = ""
        stream: Any = self._agent.astream(
            work, self._config, context=self._context, stream_mode=["custom", "messages", "updates"]
        )
        async for mode, chunk in stream:
            if mode == "custom":
                yield Event("node", data=chunk)
            elif mode == "messages" and isinstance(chunk[0], AIMessageChunk):
                streamed += chunk[0].text
                yield Event("token", chunk[0].text)
            elif mode == "updates" and "__interrupt__" in chunk:
                yield Event("question", str(chunk["__interrupt__"][0].value["question"]))
            elif mode == "updates" and (chunk.get("respond") or {}).get("reply"):
                reply = str(chunk["respond"]["reply"])
                yield Event("reply", "" if reply == streamed else reply)
