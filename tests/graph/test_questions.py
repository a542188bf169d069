"""One question at most per request, never the same twice."""

import pytest

from personalagent import Need, ScriptedPolicy
from personalagent.policies.policy import Failure
from tests.graph.conftest import MakeTalk, Talk
from tests.make import infers, states

GENRE, BOOKS = "interests.film.genre", "interests.books.genre"
FILM, BOOK = "A film for tonight?", "A book for the beach?"
NEEDS = {FILM: [Need(slot=GENRE, weight=1.0)], BOOK: [Need(slot=BOOKS, weight=1.0)]}
DRAMAS = infers(states(GENRE, "slow dramas"))


async def outcome(talk: Talk, slot: str = GENRE) -> str | None:
    return (await talk.profiles.profile("ada")).questions.get(slot)


async def test_the_run_pauses_with_the_slots_question_and_goes_on_with_the_answer(talks: MakeTalk) -> None:
    policy = ScriptedPolicy([infers(), DRAMAS], NEEDS)
    talk = talks(policy)
    await talk.say(FILM)
    assert await talk.questions() == ["What kinds of films do you enjoy most?"]
    assert await outcome(talk) == "asked"
    state = await talk.resume("slow dramas")
    assert await talk.questions() == []
    assert await outcome(talk) == "answered"
    assert state["profile"][GENRE][0]["value"] == "slow dramas"
    assert FILM in state["reply"]
    assert "slow dramas" in state["reply"]
    assert [message.type for message in state["messages"]] == ["human", "ai", "human", "ai"]
    assert (policy.turns[1].answers, policy.turns[1].replying_to) == (GENRE, state["messages"][1].text)


async def test_in_the_chat_the_question_is_the_reply_and_the_next_message_its_answer(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([infers(), DRAMAS], NEEDS), ask="chat")
    state = await talk.say(FILM)
    assert state["reply"] == "What kinds of films do you enjoy most?"
    assert await talk.questions() == []
    state = await talk.say("slow dramas")
    assert await outcome(talk) == "answered"
    assert FILM in state["reply"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("I'd rather not say", "declined"),
        ("", "declined"),
        ("I don't know", "unknown"),
        ("whatever comes", "unknown"),
    ],
)
@pytest.mark.parametrize("ask", ["interrupt", "chat"])
async def test_declined_and_unknown_are_two_states_and_neither_is_asked_again(
    talks: MakeTalk, answer: str, expected: str, ask: str
) -> None:
    talk = talks(ScriptedPolicy(needs=NEEDS), ask=ask)
    await talk.say(FILM)
    if ask == "interrupt":
        state = await talk.resume(answer)
    else:
        state = await talk.say(answer or "no thanks")
    assert await outcome(talk) == expected
    assert FILM in state["reply"]
    again = await talks(ScriptedPolicy(needs=NEEDS), thread="t2").say(FILM)
    assert again["sufficiency"]["decision"] == "respond"
    assert again["sufficiency"]["settled"] == [GENRE]


async def test_a_question_that_was_never_answered_is_not_asked_in_another_thread(talks: MakeTalk) -> None:
    await talks(ScriptedPolicy(needs=NEEDS)).say(FILM)
    other = talks(ScriptedPolicy(needs=NEEDS), thread="t2")
    await other.say(FILM)
    assert await other.questions() == []


async def test_an_answer_that_gives_other_things_does_not_lead_to_a_second_question(talks: MakeTalk) -> None:
    needs = {FILM: [Need(slot=GENRE, weight=1.0), Need(slot=BOOKS, weight=0.9)]}
    talk = talks(ScriptedPolicy(needs=needs))
    await talk.say(FILM)
    state = await talk.resume("I don't know")
    assert await talk.questions() == []
    assert state["asked"] == 1


async def test_a_new_request_in_place_of_an_answer_is_answered_and_the_question_let_go(
    talks: MakeTalk,
) -> None:
    talk = talks(ScriptedPolicy(needs=NEEDS), ask="chat")
    await talk.say(FILM)
    state = await talk.say("what is the capital of France?")
    assert "capital of France" in state["reply"]
    assert await outcome(talk) == "asked"
    state = await talk.say(FILM)
    assert state["sufficiency"]["decision"] == "respond"


async def test_new_input_on_a_paused_thread_is_taken_as_the_answer_not_dropped(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([infers(), DRAMAS], NEEDS))
    await talk.say(FILM)
    state = await talk.say("slow dramas")
    assert await outcome(talk) == "answered"
    assert FILM in state["reply"]


async def test_a_resume_without_a_question_changes_nothing(talks: MakeTalk) -> None:
    policy = ScriptedPolicy()
    talk = talks(policy)
    before = await talk.say("hello")
    after = await talk.resume("slow dramas")
    assert after == before
    assert len(policy.turns) == 1


async def test_the_budget_of_the_session_holds(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy(needs=NEEDS), ask="chat", question_budget=1)
    assert "films" in (await talk.say(FILM))["reply"]
    await talk.say("no idea")
    state = await talk.say(BOOK)
    assert state["sufficiency"]["missing"] == [BOOKS]
    assert state["sufficiency"]["decision"] == "respond"


async def test_never_asks_when_told_so(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy(needs=NEEDS), ask="never")
    state = await talk.say(FILM)
    assert await talk.questions() == []
    assert "Not known: film genre" in state["reply"]


async def test_an_answer_that_could_not_be_read_is_pending_and_counts_as_given(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([infers(), Failure(kind="timeout")], NEEDS))
    await talk.say(FILM)
    state = await talk.resume("slow dramas")
    assert await outcome(talk) == "answered"
    assert len(await talk.profiles.pending("ada")) == 1
    assert FILM in state["reply"]


async def test_no_question_where_what_decides_is_known(talks: MakeTalk) -> None:
    talk = talks(ScriptedPolicy([DRAMAS], NEEDS))
    await talk.say("I love slow dramas")
    state = await talk.say(FILM)
    assert await talk.questions() == []
    assert state["sufficiency"]["known"] == [GENRE]
