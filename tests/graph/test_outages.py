"""A model that misbehaves costs neither the turn nor the answer: the whole graph over a real HTTP server."""

from collections.abc import Sequence
from typing import Any

import pytest

from personalagent import Need, ScriptedPolicy
from personalagent.policies.choose import policy_named
from personalagent.policies.clients import RETRIES
from personalagent.policies.policy import Failure
from personalagent.stores.profiles import ATTEMPTS
from tests.graph.conftest import MakeTalk, Talk
from tests.make import CITY, DIET, infers, states
from tests.scripted_server import Dies, Garbage, Hangs, Reply, Says, ScriptedServer, Status

GENRE = "interests.film.genre"
FILM = "A film for tonight?"
DOWN = Status(503, headers={"Retry-After": "0"})


def inference(*lines: str, needs: Sequence[str] = (), classification: str = "new") -> Says:
    return Says(
        "\n".join(
            (
                "<inferred_profile>",
                *lines,
                "</inferred_profile>",
                f"<classification>{classification}</classification>",
                "<needs>",
                *needs,
                "</needs>",
            )
        )
    )


NOTHING = inference(classification="none")
VEGAN = inference(f'{DIET} = vegan | "I am vegan"')
LEEDS = inference(f'{CITY} = Leeds | "I live in Leeds"')
WANTS_GENRE = inference(needs=[f"{GENRE} = decides"], classification="none")


def over(talks: MakeTalk, server: ScriptedServer, *, seconds: float = 20, **more: Any) -> Talk:
    return talks(policy_named("openai:pa", url=server.url, seconds=seconds), **more)


FAILURES: list[tuple[str, list[Reply]]] = [
    ("malformed", [Says("She is vegan.")]),
    ("malformed", [Garbage()]),
    ("truncated", [Says("<inferred_profile>", finish_reason="length")]),
    ("refused", [Status(400)]),
    ("refused", [Status(404)]),
    ("busy", [Status(429, headers={"Retry-After": "0"})] * (RETRIES + 1)),
    ("error", [Status(500, headers={"Retry-After": "0"})] * (RETRIES + 1)),
    ("unreachable", [Dies()] * (RETRIES + 1)),
    ("timeout", [Hangs()] * (RETRIES + 1)),
]


@pytest.mark.parametrize(("kind", "replies"), FAILURES)
async def test_the_turn_is_pending_the_failure_seen_and_the_next_turn_makes_up_for_it(
    talks: MakeTalk, kind: str, replies: list[Reply]
) -> None:
    with ScriptedServer(replies, otherwise=NOTHING) as server:
        talk = over(talks, server, seconds=0.5 if kind == "timeout" else 20)
        state = await talk.say("I am vegan")
        assert state["reply"]
        assert [failure["kind"] for failure in state["failures"]] == [kind]
        assert [event["kind"] for event in talk.seen("pending")] == [kind]
        (pending,) = await talk.profiles.pending("ada")
        assert (pending.turn.text, pending.failure.kind) == ("I am vegan", kind)
        assert state["usage"]["policy"]["calls"] == 1, (
            "a server that has failed is not asked for needs as well"
        )
        tried = len(server.requests)

    with ScriptedServer([VEGAN, LEEDS]) as server:
        talk = over(talks, server)
        state = await talk.say("I live in Leeds")
        assert len(server.requests) == 2
        assert "I am vegan" in server.requests[0]["messages"][1]["content"]
    assert set(state["profile"]) == {DIET, CITY}
    assert state["failures"] == []
    assert [event["value"] for event in talk.seen("stored")] == ["vegan", "Leeds"]
    assert await talk.profiles.pending("ada") == ()
    assert tried <= RETRIES + 1


async def test_a_server_that_dies_in_the_middle_of_a_run_loses_nothing(talks: MakeTalk) -> None:
    with ScriptedServer([VEGAN]) as server:
        talk = over(talks, server)
        await talk.say("I am vegan")
    state = await talk.say("I live in Leeds")
    assert state["reply"]
    assert set(state["profile"]) == {DIET}
    assert [pending.turn.text for pending in await talk.profiles.pending("ada")] == ["I live in Leeds"]


async def test_one_call_a_turn_says_what_it_says_and_what_it_needs(talks: MakeTalk) -> None:
    with ScriptedServer([VEGAN, WANTS_GENRE, NOTHING]) as server:
        talk = over(talks, server)
        for number, text in enumerate(["I am vegan", FILM], start=1):
            state = await talk.say(text)
            assert len(server.requests) == number
            assert state["usage"]["policy"]["calls"] == 1
        assert await talk.questions()
        state = await talk.resume("cosy crime")
        assert len(server.requests) == 3, "what the request needs was known before the question"
    assert state["question"]["status"] == "unknown"
    assert [need["slot"] for need in state["sufficiency"]["needs"]] == [GENRE]


async def test_a_request_is_answered_from_what_is_known_while_the_server_is_out(talks: MakeTalk) -> None:
    with ScriptedServer([VEGAN, *[DOWN] * 9]) as server:
        talk = over(talks, server)
        await talk.say("I am vegan")
        state = await talk.say("Can you suggest a recipe for dinner?")
    assert "vegan" in state["reply"]
    assert await talk.questions() == [], "nothing is asked on the word of a stand-in"
    assert len(state["failures"]) == 1


async def test_after_an_outage_the_rest_of_a_history_is_kept_without_being_tried(talks: MakeTalk) -> None:
    with ScriptedServer([VEGAN, *[DOWN] * (RETRIES + 1)]) as server:
        talk = over(talks, server)
        await talk.say("I am vegan", *(f"turn {n}" for n in range(6)))
        assert len(server.requests) == 1 + RETRIES + 1
    waiting = await talk.profiles.pending("ada")
    assert [pending.turn.text for pending in waiting] == [f"turn {n}" for n in range(6)]
    assert {pending.attempts for pending in waiting} == {0}
    assert DIET in (await talk.state())["profile"]


async def test_a_long_history_tries_each_turn_once_and_a_dead_server_once(talks: MakeTalk) -> None:
    texts = [f"turn {n}" for n in range(40)]
    bad = ScriptedPolicy([Failure(kind="malformed")])
    state = await talks(bad).say(*texts)
    assert [turn.text for turn in bad.turns] == texts
    assert [failure["kind"] for failure in state["failures"]] == ["malformed"]

    dead = ScriptedPolicy([Failure(kind="timeout")] * 9)
    talk = talks(dead, user="bob", thread="t2")
    await talk.say(*texts)
    assert [turn.text for turn in dead.turns] == texts[:1]
    assert len(await talk.profiles.pending("bob")) == 40


async def test_the_backlog_is_read_in_order_with_the_profile_of_its_time(talks: MakeTalk) -> None:
    down = ScriptedPolicy([Failure(kind="unreachable")] * 2)
    await talks(down).say("I am vegan")
    await talks(down, thread="t2").say("I live in Leeds")
    seen = []

    def noting(*operations: Any) -> Any:
        def read(turn: Any, profile: Any) -> Any:
            seen.append((turn.text, sorted(profile.current)))
            return infers(*operations)

        return read

    replies = [noting(states(DIET, "vegan")), noting(states(CITY, "Leeds")), noting()]
    await talks(ScriptedPolicy(replies), thread="t3").say("and now?")
    assert seen == [("I am vegan", []), ("I live in Leeds", [DIET]), ("and now?", [DIET, CITY])]


async def test_a_turn_that_always_fails_does_not_hold_up_the_others(talks: MakeTalk) -> None:
    bad = Failure(kind="malformed", detail="no")
    policy = ScriptedPolicy([bad, bad, infers(), bad, infers()])
    talk = talks(policy)
    await talk.say("a riddle")
    for number in range(ATTEMPTS + 2):
        await talk.say(f"turn {number}")
    tries = [turn.text for turn in policy.turns].count("a riddle")
    assert tries == ATTEMPTS
    (pending,) = await talk.profiles.pending("ada")
    assert (pending.turn.text, pending.attempts) == ("a riddle", ATTEMPTS)


async def test_a_turn_that_always_runs_out_of_time_does_not_either(talks: MakeTalk) -> None:
    late = Failure(kind="timeout")
    policy = ScriptedPolicy([late, late, infers(states(DIET, "vegan"))])
    talk = talks(policy)
    await talk.say("a novel")
    state = await talk.say("vegan, by the way")
    assert DIET in state["profile"]


async def test_what_was_noted_is_the_turns_own(talks: MakeTalk) -> None:
    bad = Failure(kind="malformed")
    policy = ScriptedPolicy([bad, infers(states(DIET, "vegan")), bad])
    talk = talks(policy)
    await talk.say("I am vegan")
    state = await talk.say("What is the capital of France?")
    assert DIET in state["profile"]
    assert state["inference"] == {}
    assert "Noted" not in state["reply"]


async def test_an_outage_is_not_the_turns_fault(talks: MakeTalk) -> None:
    policy = ScriptedPolicy([Failure(kind="unreachable")] * 9)
    talk = talks(policy)
    for number in range(5):
        await talk.say(f"turn {number}")
    assert len(policy.turns) == 5, "one try a run"
    assert {pending.attempts for pending in await talk.profiles.pending("ada")} == {0}


async def test_a_run_may_name_its_own_policy(talks: MakeTalk) -> None:
    with ScriptedServer([VEGAN]) as server:
        talk = talks(ScriptedPolicy(), policy_name="openai:pa", policy_url=server.url)
        state = await talk.say("I am vegan")
        assert len(server.requests) == 1
    assert DIET in state["profile"]


@pytest.mark.parametrize(
    ("kind", "reply"),
    [("unreachable", Dies("<inferred_profile>\n")), ("truncated", Says("<inferred", finish_reason="length"))],
)
async def test_a_policy_that_breaks_off_while_the_run_is_streamed(
    talks: MakeTalk, kind: str, reply: Reply
) -> None:
    with ScriptedServer([reply]) as server:
        talk = over(talks, server)
        modes: Any = ["messages", "custom"]
        given: Any = {"messages": [("user", "I am vegan")]}
        stream: Any = talk.agent.astream(given, talk.config, context=talk.context, stream_mode=modes)
        parts = [part async for part in stream]
        assert server.requests[0]["stream"] is True
    assert [chunk["kind"] for mode, chunk in parts if mode == "custom"] == [kind]
    assert not any("inferred" in chunk[0].text for mode, chunk in parts if mode == "messages")
    assert [pending.failure.kind for pending in await talk.profiles.pending("ada")] == [kind]


async def test_the_policys_words_are_not_streamed_as_the_reply(talks: MakeTalk) -> None:
    with ScriptedServer([VEGAN]) as server:
        talk = over(talks, server)
        modes: Any = ["messages"]
        given: Any = {"messages": [("user", "I am vegan")]}
        stream: Any = talk.agent.astream(given, talk.config, context=talk.context, stream_mode=modes)
        said = [chunk[0].text for _, chunk in [part async for part in stream] if chunk[0].type != "human"]
    assert not any("inferred_profile" in text for text in said)


async def test_needs_are_named_once_for_the_request_of_a_question(talks: MakeTalk) -> None:
    policy = ScriptedPolicy([infers(), infers()], {FILM: [Need(slot=GENRE, weight=1.0)]})
    talk = talks(policy)
    await talk.say(FILM)
    await talk.resume("cosy crime")
    assert policy.requests == [FILM]
