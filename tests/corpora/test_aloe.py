"""ALOE: which reply was shown, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from personalagent.corpora import aloe
from personalagent.corpora.messages import Origin

ORIGIN = Origin(stem="conversations", number=2, at=datetime(2026, 3, 1, tzinfo=UTC), user="ignored")


def exchange(**fields: Any) -> dict[str, Any]:
    return {
        "user": "I finally fixed the boat's engine!",
        "assistant": {"preferred": "Nice, what was it?", "rejected": "Engines have parts."},
        "chosen": "preferred",
        "inferred_profile": "He owns a boat.",
        "inferred_personality": "None",
    } | fields


def record(*exchanges: object, **fields: Any) -> dict[str, Any]:
    return {"profile": "A sailor.", "personality": "Patient.", "conversations": list(exchanges)} | fields


def test_a_record_is_one_session_of_one_user() -> None:
    made = aloe.dialogue(record(*(exchange(user=f"turn {n}") for n in range(10))), ORIGIN)
    assert made.user == "aloe-conversations-2"
    assert [session.id for session in made.sessions] == ["conversation"]
    assert [turn.text for turn in made.turns] == [f"turn {n}" for n in range(10)]


@pytest.mark.parametrize(
    ("chosen", "reply"),
    [
        ("preferred", "Nice, what was it?"),
        ("rejected", "Engines have parts."),
        ("Rejected ", "Engines have parts."),
        ("Nice, what was it?", "Nice, what was it?"),
    ],
)
def test_the_reply_is_the_one_that_was_shown(chosen: str, reply: str) -> None:
    first, second = aloe.dialogue(record(exchange(chosen=chosen), exchange()), ORIGIN).turns
    assert first.reply == second.replying_to == reply


def test_gold_is_no_part_of_the_dialogue() -> None:
    text = aloe.dialogue(record(exchange()), ORIGIN).model_dump_json()
    assert "sailor" not in text
    assert "owns a boat" not in text


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(), "empty"),
        (record(conversations="none"), "conversations is not a list"),
        (record("hello"), "conversations[0] is not an object"),
        (record(exchange(), exchange(user=None)), "conversations[1].user is not text"),
        (record(exchange(user=" ")), "empty"),
        (record(exchange(chosen=0)), "conversations[0].chosen is not text"),
        (record({"user": "hi", "chosen": "preferred"}), "conversations[0].assistant is missing"),
        (record(exchange(assistant="hi")), "conversations[0].assistant is not an object"),
        (record(exchange(assistant={"preferred": "a"})), "conversations[0].assistant.rejected is missing"),
    ],
)
def test_bad_records_say_why(bad: object, reason: str) -> None:
    assert aloe.recognises(bad)
    with pytest.raises(ValueError) as caught:
        aloe.dialogue(bad, ORIGIN)
    assert reason in str(caught.value)


@pytest.mark.parametrize("other", [None, [], {}, {"conversations": []}, {"profile": "A sailor."}, "profile"])
def test_other_values_are_not_recognised(other: object) -> None:
    assert not aloe.recognises(other)
