import asyncio
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from personalagent import Context, Need, ScriptedPolicy, create_personal_agent
from personalagent.errors import InvalidUserId, NoNewMessage, PersonalAgentError
from personalagent.policies.policy import Failure
from personalagent.profile.template import load_template
from tests.graph.conftest import MakeTalk
from tests.make import ALLERGY, CITY, DIET, infers, retracts, says, states

GENRE = "interests.film.genre"
FILM = "A film for tonight?"
NEEDS_GENRE = {FILM: [Need(slot=GENRE, weight=1.0)]}
VEGAN = infers(states(DIET, "vegan", "I am vegan"))


async def test_a_turn_is_read_stored_and_answered(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([VEGAN]))
    state = await talk.say("I am vegan, by the way")
    assert [held["value"] for held in state["profile"][DIET]] == ["vegan"]
    assert state["inference"]["classification"] == "new"
    assert [event["value"] for event in talk.seen("stored")] == ["vegan"]
    assert isinstance(state["messages"][-1], AIMessage)
    assert state["reply"] == state["messages"][-1].text
    assert [node for node in talk.updates if node != "__metadata__"] == [
        "decompose",
        "infer",
        "merge",
        "check",
        "respond",
    ]


async def test_the_state_is_plain_json(talks: MakeTalk) -> None:
    state = await talks(ScriptedPolicy([VEGAN], {"I am vegan": NEEDS_GENRE[FILM]})).say("I am vegan")
    plain = {key: value for key, value in state.items() if key != "messages"}
    assert json.loads(json.dumps(plain)) == plain


async def test_the_policy_sees_the_turn_and_the_profile_before_it(talks: MakeTalk) -> None:
    policy = ScriptedPolicy(
        [VEGAN, lambda turn, profile: infers(states(CITY, str(len(profile.current)), "I live in 1 flat"))]
    )
    talk = talks(policy)
    await talk.say("I am vegan")
    state = await talk.say("I live in 1 flat")
    assert [held["value"] for held in state["profile"][CITY]] == ["1"]
    assert [turn.index for turn in policy.turns] == [0, 1]
    assert policy.turns[1].replying_to.startswith("Noted: vegan")


async def test_a_whole_history_is_read_in_order_and_only_once(talks: MakeTalk) -> None:
    policy = ScriptedPolicy()
    talk = talks(policy)
    history: list[Any] = []
    for n in range(40):
        history += [HumanMessage(f"turn {n}"), AIMessage(f"reply {n}")]
    history.append(HumanMessage("and now?"))
    await talk.run({"messages": history})
    assert [turn.text for turn in policy.turns] == [*(f"turn {n}" for n in range(40)), "and now?"]
    assert (policy.turns[3].reply, policy.turns[3].replying_to) == ("reply 3", "reply 2")
    await talk.say("more")
    assert [turn.text for turn in policy.turns[41:]] == ["more"]
    assert len(await talk.profiles.log("ada")) == 42


async def test_a_turn_costs_one_inference_and_one_look_at_its_needs_however_long_the_history(
    talks: MakeTalk,
) -> None:
    policy = ScriptedPolicy([infers(states(ALLERGY, f"food{n}")) for n in range(60)])
    talk = talks(policy)
    for n in range(60):
        await talk.say(f"allergic to food{n}")
    assert (len(policy.turns), len(policy.requests)) == (60, 60)
    last = policy.turns[-1]
    assert "food57" not in last.model_dump_json(), "neither the history nor the profile is in the turn"


async def test_what_one_thread_learnt_the_other_knows(talks: MakeTalk) -> None:
    await talks(ScriptedPolicy([VEGAN]), thread="t1").say("I am vegan")
    state = await talks(ScriptedPolicy(), thread="t2").say("hello")
    assert DIET in state["profile"]
    other = await talks(ScriptedPolicy(), thread="t3", user="bob").say("hello")
    assert other["profile"] == {}


async def test_two_threads_of_one_user_at_the_same_time_lose_nothing(talks: MakeTalk) -> None:
    def one(n: int) -> Any:
        return talks(ScriptedPolicy([infers(states(ALLERGY, f"food{n}"))]), thread=f"t{n}").say(
            f"allergic to food{n}"
        )

    await asyncio.gather(*(one(n) for n in range(8)))
    state = await talks(ScriptedPolicy(), thread="last").say("hello")
    assert len(state["profile"][ALLERGY]) == 8


async def test_rejected_values_are_visible_in_stream_and_state(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([infers(states(DIET, "vegan", "I am a vegan monk"))]))
    state = await talk.say("hello there")
    assert state["profile"] == {}
    assert [event["reason"] for event in talk.seen("rejected")] == ["no evidence"]
    assert [rejection["reason"] for rejection in state["rejections"]] == ["no evidence"]


async def test_an_update_says_what_it_replaced(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([infers(states(CITY, "Leeds")), infers(states(CITY, "York"))]))
    await talk.say("I live in Leeds")
    await talk.say("I moved to York")
    assert [(event["value"], event["replaced"]) for event in talk.seen("stored")] == [("York", ["Leeds"])]


async def test_a_retraction_is_streamed(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([VEGAN, infers(retracts(DIET, "vegan"), classification="retract")]))
    await talk.say("I am vegan")
    state = await talk.say("no longer vegan")
    assert state["profile"] == {}
    assert [event["value"] for event in talk.seen("retracted")] == ["vegan"]


@pytest.mark.parametrize("broken", [Failure(kind="timeout", detail="30 s"), RuntimeError("boom")])
async def test_a_turn_that_cannot_be_read_is_pending_and_the_user_gets_an_answer(
    talks: MakeTalk, broken: Any
) -> None:
    talk = talks(ScriptedPolicy([broken, VEGAN]))
    state = await talk.say("I am vegan")
    assert state["reply"]
    assert [pending.turn.text for pending in await talk.profiles.pending("ada")] == ["I am vegan"]
    assert len(talk.seen("pending")) == len(state["failures"]) == 1
    state = await talk.say("still, I am vegan")
    assert DIET in state["profile"]
    assert state["failures"] == []


async def test_needs_that_cannot_be_had_leave_an_answer_and_a_visible_failure(talks: MakeTalk) -> None:
    class Broken(ScriptedPolicy):
        async def needs(self, request: Any, profile: Any, template: Any) -> Any:
            raise ConnectionError("no server")

    state = await talks(Broken()).say(FILM)
    assert state["reply"]
    assert state["failures"][0]["detail"] == "ConnectionError: no server"


async def test_masked_categories_are_neither_stored_nor_asked_about(talks: MakeTalk) -> None:
    template = load_template().keep(1)
    talk = talks(ScriptedPolicy([VEGAN], {"I am vegan": NEEDS_GENRE[FILM]}), template=template)
    state = await talk.say("I am vegan")
    assert state["profile"] == {}
    assert state["sufficiency"]["needs"] == []
    assert await talk.questions() == []


class TestBadInput:
    async def test_a_missing_user_id_is_an_error(self, talks: MakeTalk) -> None:
        with pytest.raises(InvalidUserId, match="user id is missing"):
            await talks(ScriptedPolicy(), user="").say("hello")

    async def test_no_context_at_all_is_the_same_error(self) -> None:
        agent = create_personal_agent(store=InMemoryStore())
        with pytest.raises(InvalidUserId, match="user id is missing"):
            await agent.ainvoke(says("hello"))

    async def test_another_users_thread_is_closed(self, talks: MakeTalk) -> None:
        await talks(ScriptedPolicy([VEGAN])).say("I am vegan")
        for _ in range(2):
            with pytest.raises(InvalidUserId, match="belongs to another user"):
                await talks(ScriptedPolicy(), user="bob").say("I am a butcher")
        policy = ScriptedPolicy()
        state = await talks(policy).say("and what now?")
        assert [turn.text for turn in policy.turns] == ["and what now?"], "not the stranger's words"
        assert "butcher" not in str(state["messages"])
        bob = talks(ScriptedPolicy(), user="bob", thread="t2")
        assert (await bob.say("hello"))["profile"] == {}

    async def test_no_store_is_an_error_that_says_what_to_do(self) -> None:
        with pytest.raises(PersonalAgentError, match="pass store="):
            await create_personal_agent().ainvoke(says("hello"), context=Context(user_id="ada"))

    async def test_nothing_new_is_an_error(self, talks: MakeTalk) -> None:
        talk = talks(ScriptedPolicy())
        await talk.say("hello")
        with pytest.raises(NoNewMessage):
            await talk.run({"messages": []})

    async def test_an_image_is_ignored_visibly_and_its_text_is_read(self, talks: MakeTalk) -> None:
        policy = ScriptedPolicy([VEGAN])
        talk = talks(policy)
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
        state = await talk.say([image, {"type": "text", "text": "I am vegan"}])
        assert policy.turns[0].text == "I am vegan"
        assert state["ignored"] == [{"position": 0, "reason": "image_url content is not read"}]
        assert len(talk.seen("ignored")) == 1

    async def test_an_image_alone_gets_a_reply_that_says_so(self, talks: MakeTalk) -> None:
        policy = ScriptedPolicy()
        state = await talks(policy).say([{"type": "image_url", "image_url": {"url": "x"}}])
        assert "text only" in state["reply"]
        assert policy.turns == []

    @pytest.mark.parametrize("empty", ["", "  \n ", "\x00\x07"])
    async def test_an_empty_message_gets_a_reply_and_no_turn(self, talks: MakeTalk, empty: str) -> None:
        talk = talks(ScriptedPolicy())
        state = await talk.say(empty)
        assert state["reply"]
        assert state["ignored"][0]["reason"] == "the message is empty"
        assert await talk.profiles.log("ada") == ()

    async def test_control_characters_go_and_right_to_left_text_stays(self, talks: MakeTalk) -> None:
        policy = ScriptedPolicy([infers(states(DIET, "نباتي"))])
        state = await talks(policy).say("أنا \x00نباتي\x1b")
        assert policy.turns[0].text == "أنا نباتي"
        assert state["profile"][DIET][0]["value"] == "نباتي"

    async def test_a_hundred_thousand_characters_are_read(self, talks: MakeTalk) -> None:
        text = "word " * 20_000 + "I am vegan"
        state = await talks(ScriptedPolicy([VEGAN])).say(text)
        assert DIET in state["profile"]

    async def test_a_slot_that_the_template_lost_is_kept(self, talks: MakeTalk) -> None:
        await talks(ScriptedPolicy([VEGAN])).say("I am vegan")
        talk = talks(ScriptedPolicy(), thread="t2", template=load_template().keep(1))
        assert DIET in (await talk.say("hello"))["profile"]


class TestHosts:
    async def test_as_a_subgraph_it_uses_the_outer_graphs_store_and_thread(self) -> None:
        store, saver = InMemoryStore(), InMemorySaver()
        inner = create_personal_agent(policy=ScriptedPolicy([VEGAN], NEEDS_GENRE))
        outer = StateGraph(MessagesState, context_schema=Context)
        outer.add_node("personal", inner)
        outer.add_edge(START, "personal")
        graph = outer.compile(store=store, checkpointer=saver)
        config: Any = {"configurable": {"thread_id": "outer"}}
        context = Context(user_id="ada")
        result = await graph.ainvoke(says("I am vegan"), config, context=context)
        assert isinstance(result["messages"][-1], AIMessage)
        result = await graph.ainvoke(says(FILM), config, context=context, version="v2")
        assert result.interrupts[0].value["slot"] == GENRE
        reader = create_personal_agent(policy=ScriptedPolicy(), store=store)
        found = await reader.ainvoke(says("hi"), context=context)
        assert DIET in found["profile"]

    async def test_without_a_checkpointer_a_growing_history_is_read_once(self) -> None:
        policy = ScriptedPolicy()
        agent = create_personal_agent(policy=policy, store=InMemoryStore())
        history: list[Any] = [HumanMessage("one")]
        await agent.ainvoke({"messages": history}, context=Context(user_id="ada"))
        history += [AIMessage("a reply"), HumanMessage("two")]
        await agent.ainvoke({"messages": history}, context=Context(user_id="ada"))
        assert [turn.text for turn in policy.turns] == ["one", "two"]

    async def test_without_a_checkpointer_it_asks_in_the_chat(self) -> None:
        agent = create_personal_agent(policy=ScriptedPolicy(needs=NEEDS_GENRE), store=InMemoryStore())
        state = await agent.ainvoke(says(FILM), context=Context(user_id="ada"))
        assert state["reply"] == load_template().slots[GENRE].question

    async def test_a_host_that_trims_its_history_loses_no_turn_and_repeats_none(
        self, talks: MakeTalk
    ) -> None:
        policy = ScriptedPolicy()
        talk = talks(policy)
        state = await talk.say("one")
        removals: list[Any] = [RemoveMessage(id=message.id) for message in state["messages"][:1]]
        await talk.run({"messages": [*removals, HumanMessage("two")]})
        assert [(turn.text, turn.index) for turn in policy.turns] == [("one", 0), ("two", 1)]

    async def test_a_run_that_failed_before_it_read_anything_is_made_up_for(self, talks: MakeTalk) -> None:
        policy = ScriptedPolicy()
        with pytest.raises(InvalidUserId):
            await talks(policy, user="").say("first")
        await talks(policy).say("second")
        assert [turn.text for turn in policy.turns] == ["first", "second"]
