"""A small driver for conversations with the graph."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from langgraph.types import Command

from personalagent import Backend, Context, ProfileStore, create_personal_agent, open_backend
from personalagent.graph.agent import PersonalAgent


@dataclass
class Talk:
    """One thread; `say` runs the graph and keeps what it streamed."""

    agent: PersonalAgent
    backend: Backend
    context: Context
    thread: str = "t1"
    events: list[dict[str, Any]] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)

    @property
    def profiles(self) -> ProfileStore:
        return self.backend.profiles

    @property
    def config(self) -> Any:
        return {"configurable": {"thread_id": self.thread}}

    async def say(self, *content: Any) -> dict[str, Any]:
        """Say messages, and return the state after the run."""
        return await self.run({"messages": [("user", one) for one in content]})

    async def resume(self, answer: Any) -> dict[str, Any]:
        return await self.run(Command(resume=answer))

    async def run(self, work: Any) -> dict[str, Any]:
        self.events, self.updates = [], []
        modes: Any = ["custom", "updates"]
        stream: Any = self.agent.astream(work, self.config, context=self.context, stream_mode=modes)
        async for mode, chunk in stream:
            if mode == "custom":
                self.events.append(chunk)
            else:
                self.updates += list(chunk)
        return await self.state()

    async def state(self) -> dict[str, Any]:
        return dict((await self.agent.aget_state(self.config)).values)

    async def questions(self) -> list[str]:
        """The questions for which the thread is paused."""
        return [i.value["question"] for i in (await self.agent.aget_state(self.config)).interrupts]

    def seen(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]


MakeTalk = Callable[..., Talk]


@pytest.fixture
async def talks() -> AsyncIterator[MakeTalk]:
    """Makes conversations on one shared in-memory backend."""
    async with open_backend("memory:") as backend:

        def make(policy: Any = None, thread: str = "t1", user: str = "ada", **more: Any) -> Talk:
            parts = {name: more.pop(name) for name in ("chat_model", "template", "keys") if name in more}
            more |= {"policy": more.pop("policy_name", "")}
            agent = create_personal_agent(
                policy=policy, store=backend.store, checkpointer=backend.checkpointer, **parts
            )
            return Talk(agent, backend, Context(user_id=user, **more), thread)

        yield make
