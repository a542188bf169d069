"""A chat model as the user: what it is told, what it says, and what goes wrong."""

import pytest

from personalagent.policies.clients import ModelAddress
from personalagent.policies.policy import Failure
from personalagent.policies.scripted import ScriptedChatModel, ScriptedPolicy
from personalagent.simulation.acting import acts
from personalagent.simulation.environment import Environment
from personalagent.simulation.spoken import FREELY, LONGEST, ModelUser, spoken, tells
from personalagent.simulation.user import Move, Said
from tests.make import DIET
from tests.scripted_server import Hangs, Reply, Says, ScriptedServer, Status
from tests.simulation.people import DINNER, SUM, TEMPLATE, TRIP, ann

CHATTER = [f"message {number}" for number in range(FREELY)]


def user(*replies: str | Exception) -> tuple[ModelUser, ScriptedChatModel]:
    model = ScriptedChatModel(replies=list(replies))
    return ModelUser(ann(), model, TEMPLATE), model


async def test_the_model_is_told_whom_it_plays_and_hears_the_agent() -> None:
    played, model = user("hi", "I'm vegan")
    await played.opens()
    await played.answers(Move("Hello. How can I help?"))
    told, opening, said, heard = model.prompts[1]
    assert "a nurse" in told.text
    assert "vegan" in told.text
    assert "likes slow jazz" in told.text
    assert (opening.type, said.type, heard.type) == ("human", "ai", "human")
    assert (said.text, heard.text) == ("hi", "Hello. How can I help?")


async def test_what_a_message_states_is_known_by_its_words_and_once() -> None:
    played, _ = user("nothing new", "being a nurse is hard", "a nurse and vegan")
    said = [await played.opens(), await played.answers(Move("ok")), await played.answers(Move("Food?", DIET))]
    values = [[op.value for op in one.gold.operations] for one in said if isinstance(one, Said) and one.gold]
    assert values == [[], ["nurse"], ["vegan"]]


async def test_the_requests_are_the_corpus_own_and_then_it_is_over() -> None:
    played, model = user(*CHATTER)
    said = [await played.opens()]
    while (one := await played.answers(Move("ok"))) is not None:
        said.append(one)
    texts = [one.text for one in said if isinstance(one, Said)]
    requests = [one for one in said if isinstance(one, Said) and one.needs is not None]
    assert [one.text for one in requests] == [DINNER, TRIP, SUM]
    assert [text for text in texts if text in CHATTER] == CHATTER
    assert len(model.prompts) == FREELY
    assert await played.answers(Move("ok")) is None


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("", "malformed"),
        ("<think>whom do I play?</think>", "malformed"),
        (TimeoutError(), "timeout"),
        (ConnectionError("gone"), "unreachable"),
        (RuntimeError("boom"), "error"),
    ],
)
async def test_what_goes_wrong_is_a_failure(reply: str | Exception, kind: str) -> None:
    played, _ = user(reply)
    found = await played.opens()
    assert isinstance(found, Failure)
    assert found.kind == kind


@pytest.mark.parametrize(("reply", "kind"), [(Status(400), "refused"), (Hangs(), "timeout")])
async def test_and_so_is_what_goes_wrong_with_a_server(reply: Reply, kind: str) -> None:
    with ScriptedServer([Says("hello"), *[reply] * 3]) as server:
        address = ModelAddress("openai:pa", server.url)
        played = ModelUser(ann(), address, TEMPLATE, seconds=1.0)
        said = await played.opens()
        found = await played.answers(Move("ok"))
    assert isinstance(said, Said)
    assert said.text == "hello"
    assert isinstance(found, Failure)
    assert found.kind == kind


async def test_an_episode_with_a_model_is_judged_by_what_its_words_reveal() -> None:
    replies = ["I'm a nurse", "I live in York", "I am vegan", *CHATTER]
    environment = Environment(lambda seed: user(*replies)[0], TEMPLATE)
    state, _ = await environment.reset(0)
    rewards, ends = [], []
    while True:
        state, _, terminated, truncated, info = await environment.step(
            await acts(ScriptedPolicy(), state, TEMPLATE)
        )
        rewards.append(info["profile_reward"])
        if terminated or truncated:
            break
        ends.append(info["failure"])
    assert terminated
    assert rewards[0] == rewards[-1] == 0.0
    assert ends == [None] * len(ends)


def test_messages_are_what_people_send() -> None:
    assert spoken('<think>hm</think>\n"Hello there."') == "Hello there."
    assert spoken('"Yes," she said, "no"') == '"Yes," she said, "no"'
    assert spoken("a\x00b") == "ab"
    assert len(spoken("word " * 1000)) <= LONGEST
    assert len(spoken("w" * 1000)) <= LONGEST


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("up at 0500 again", "0500", True),
        ("a cat and a dog", "a hill and naebody", False),
        ("just me on a hill", "a hill and naebody", True),
        ("i love it", "ML", False),
        ("playing ML tonight", "ML", True),
    ],
)
def test_what_tells_a_value(text: str, value: str, expected: bool) -> None:
    assert tells(text, value) is expected
