"""The graph on every real back end: what was said, learnt and asked survives a restart."""

from uuid import uuid4

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from personalagent import Context, Need, ScriptedPolicy, create_personal_agent
from personalagent.stores.backends import open_backend
from tests.make import DIET, infers, says, states

FILM = "A film for tonight?"
GENRE = "interests.film.genre"


@pytest.mark.parametrize("url", ["sqlite", "postgres"], indirect=True)
async def test_a_paused_question_is_answered_after_a_restart(url: str) -> None:
    user = f"user-{uuid4()}"
    config: RunnableConfig = {"configurable": {"thread_id": f"thread-{uuid4()}"}}
    context = Context(user_id=user)
    policy = ScriptedPolicy(
        [infers(states(DIET, "vegan نباتي")), infers(), infers(states(GENRE, "slow dramas"))],
        {FILM: [Need(slot=GENRE, weight=1.0)]},
    )
    async with open_backend(url) as backend:
        agent = create_personal_agent(policy=policy, store=backend.store, checkpointer=backend.checkpointer)
        await agent.ainvoke(says("I am vegan نباتي\x00"), config, context=context)
        result = await agent.ainvoke(says(FILM), config, context=context, version="v2")
        assert result.interrupts[0].value["slot"] == GENRE
    async with open_backend(url) as backend:
        agent = create_personal_agent(policy=policy, store=backend.store, checkpointer=backend.checkpointer)
        state = await agent.ainvoke(Command(resume="slow dramas"), config, context=context)
        assert "slow dramas" in state["reply"]
        assert set(state["profile"]) == {DIET, GENRE}
        assert await backend.erase(user) >= 5
        assert (await agent.aget_state(config)).values == {}
