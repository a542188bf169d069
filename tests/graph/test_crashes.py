"""A run that dies half-way costs nothing: the next one makes up for it."""

from collections.abc import Iterable
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.base import GetOp, Op, PutOp, Result
from langgraph.store.memory import InMemoryStore

from personalagent import Context, Need, ProfileStore, ScriptedPolicy, create_personal_agent
from tests.make import CITY, DIET, infers, says, states

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t1"}}
CONTEXT = Context(user_id="ada", ask="chat")
VEGAN, LEEDS = infers(states(DIET, "vegan")), infers(states(CITY, "Leeds"))
FILM = "A film for tonight?"
GENRE = "interests.film.genre"


class BreakingStore(InMemoryStore):
    """Fails on the first operation on the log of the kind named, once it is armed."""

    def __init__(self) -> None:
        super().__init__()
        self.armed: type[Op] | None = None

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        listed: list[Any] = list(ops)
        kinds = [type(op) for op in listed if isinstance(op, GetOp | PutOp) and op.namespace[-1] == "log"]
        if self.armed in kinds:
            self.armed = None
            raise ConnectionError("the database went away")
        return await super().abatch(listed)


@pytest.mark.parametrize("broken", [GetOp, PutOp], ids=["before it is read", "before it is logged"])
async def test_a_turn_of_a_run_that_died_is_read_by_the_next_run(broken: type[Op]) -> None:
    store = BreakingStore()
    policy = ScriptedPolicy([lambda turn, _: VEGAN if "vegan" in turn.text else LEEDS for _ in range(4)])
    agent = create_personal_agent(policy=policy, store=store, checkpointer=InMemorySaver())
    store.armed = broken
    with pytest.raises(ConnectionError):
        await agent.ainvoke(says("I am vegan"), CONFIG, context=CONTEXT)
    state = await agent.ainvoke(says("I live in Leeds"), CONFIG, context=CONTEXT)
    assert set(state["profile"]) == {DIET, CITY}
    assert len(await ProfileStore(store).log("ada")) == 2
    assert "Leeds" in state["reply"]


async def test_an_answer_whose_run_died_still_closes_its_question() -> None:
    store = BreakingStore()
    dramas = infers(states(GENRE, "slow dramas"))
    policy = ScriptedPolicy(
        [lambda turn, _: dramas if "dramas" in turn.text else infers() for _ in range(4)],
        {FILM: [Need(slot=GENRE, weight=1.0)]},
    )
    agent = create_personal_agent(policy=policy, store=store, checkpointer=InMemorySaver())
    await agent.ainvoke(says(FILM), CONFIG, context=CONTEXT)
    store.armed = GetOp
    with pytest.raises(ConnectionError):
        await agent.ainvoke(says("slow dramas"), CONFIG, context=CONTEXT)
    state = await agent.ainvoke(says("hello?"), CONFIG, context=CONTEXT)
    assert (await ProfileStore(store).profile("ada")).questions == {GENRE: "answered"}
    assert GENRE in state["profile"]
