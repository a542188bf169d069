"""Message lists: who speaks, in which session, and when."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import messages
from personalagent.corpora.messages import Origin
from personalagent.dialogue import decompose

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ORIGIN = Origin(stem="chats", number=4, at=NOW)
HELLO = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "I keep bees."},
    {"role": "assistant", "content": "How many hives?"},
    {"role": "user", "content": "Two."},
]


def record(**fields: Any) -> dict[str, Any]:
    return {"user": "ada", "messages": HELLO} | fields


def test_turns_carry_the_reply_and_what_they_reply_to() -> None:
    first, second = messages.dialogue(record(), ORIGIN).turns
    assert (first.text, first.reply, first.index) == ("I keep bees.", "How many hives?", 0)
    assert (second.text, second.replying_to, second.index) == ("Two.", "How many hives?", 1)
    assert first.at == NOW < second.at


@pytest.mark.parametrize(
    ("fields", "user", "session"),
    [
        ({}, "ada", "chats-4"),
        ({"session": "s1"}, "ada", "s1"),
        ({"session_id": "s2"}, "ada", "s2"),
        ({"thread_id": "s3"}, "ada", "s3"),
        ({"session": None, "thread_id": "s3"}, "ada", "s3"),
        ({"user": None, "user_id": "bo"}, "bo", "chats-4"),
        ({"title": "bees", "model": 7}, "ada", "chats-4"),
    ],
)
def test_ids_are_the_records_own(fields: dict[str, Any], user: str, session: str) -> None:
    made = messages.dialogue(record(**fields), ORIGIN.model_copy(update={"user": "given"}))
    assert (made.user, [part.id for part in made.sessions]) == (user, [session])
    assert {(turn.user, turn.session) for turn in made.turns} == {(user, session)}


def test_a_record_that_names_nobody_is_the_given_users() -> None:
    given = ORIGIN.model_copy(update={"user": "given"})
    assert messages.dialogue(HELLO, given).user == "given"
    assert messages.dialogue({"messages": HELLO}, given).user == "given"


@pytest.mark.parametrize(
    ("at", "first"),
    [
        ("2026-01-02T10:00:00Z", datetime(2026, 1, 2, 10, tzinfo=UTC)),
        ("2026-01-02T10:00:00+02:00", datetime(2026, 1, 2, 8, tzinfo=UTC)),
        ("2026-01-02T10:00:00", datetime(2026, 1, 2, 10, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        (None, NOW),
    ],
)
def test_time_of_the_first_message(at: str | None, first: datetime) -> None:
    turns = messages.dialogue(record(at=at), ORIGIN).turns
    assert turns[0].at == first < turns[1].at


def test_content_of_several_blocks_is_joined() -> None:
    blocks = ["I keep bees", {"type": "text", "text": "and hens."}, {"type": "image_url", "image_url": {}}]
    (turn,) = messages.dialogue(record(messages=[{"role": "user", "content": blocks}]), ORIGIN).turns
    assert turn.text == "I keep bees\nand hens."


def test_replies_that_only_call_tools_need_no_content() -> None:
    called = [
        *HELLO[:2],
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "content": None},
        *HELLO[2:],
    ]
    assert len(messages.dialogue(record(messages=called), ORIGIN).turns) == 2


def test_a_broken_surrogate_costs_no_message() -> None:
    (turn,) = messages.dialogue(record(messages=[{"role": "user", "content": "bees \ud83d!"}]), ORIGIN).turns
    assert turn.text == "bees !"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (HELLO, "names no user: pass --user"),
        ({"messages": HELLO}, "names no user: pass --user"),
        (record(user=7), "user is not text"),
        (record(user="  "), "user id is missing"),
        (record(user="a\x00b"), "control characters"),
        (record(user="x" * 513), "at most 512"),
        (record(session=["s"]), "session is not text"),
        (record(session="s\x07"), "session id"),
        (record(messages="hi"), "messages is not a list"),
        (record(messages=[]), "empty"),
        (record(messages=[{"role": "assistant", "content": "hi"}]), "empty"),
        (record(messages=[{"role": "user", "content": "  "}]), "empty"),
        (record(messages=["hi"]), "messages[0] is not an object"),
        (record(messages=[*HELLO, {"content": "hi"}]), "messages[4].role is missing"),
        (record(messages=[{"role": 1, "content": "hi"}]), "messages[0].role is not text"),
        (record(messages=[{"role": "user"}]), "messages[0].content is missing"),
        (record(messages=[{"role": "user", "content": 5}]), "messages[0].content is neither"),
        (record(at="yesterday"), "at is not an ISO time"),
        (record(at=1767348000), "at is not text"),
        (record(at="0001-01-01T00:00:00+14:00"), "at is not an ISO time"),
        (record(at="9999-12-31T23:59:59.999999"), "at is not an ISO time"),
    ],
)
def test_bad_records_say_why_in_one_line(bad: object, reason: str) -> None:
    assert messages.recognises(bad)
    with pytest.raises(ValueError) as caught:
        messages.dialogue(bad, ORIGIN)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("other", [None, 3, "messages", {}, {"role": "user", "content": "hi"}, ["hi"], [[]]])
def test_other_values_are_not_recognised(other: object) -> None:
    assert not messages.recognises(other)


def test_the_demo_that_ships() -> None:
    demo = json.loads((Path(messages.__file__).parent / "data" / "demo.json").read_text())
    turns = [
        decompose(session["messages"], user=demo["user"], session=session["id"]).turns
        for session in demo["sessions"]
    ]
    said = [message for session in demo["sessions"] for message in session["messages"]]
    assert [len(session) for session in turns] == [5, 4]
    assert all(len(message["content"].split()) < 45 for message in said)
    assert [message for message in said if message.get("request")] == [said[-1]]
    assert said[-1]["answer"]
