from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.dialogue import clean, decompose, text_of, valid_user_id
from personalagent.errors import InvalidUserId
from tests.make import START, turn


def says(*messages: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"role": role, "content": content} for role, content in messages]


def test_a_turn_is_a_user_message_and_the_reply_it_got() -> None:
    found = decompose(
        says(("user", "hi"), ("assistant", "hello"), ("user", "bye")), user="ada", session="s", at=START
    )
    first, second = found.turns
    assert (first.text, first.reply, first.replying_to, first.index) == ("hi", "hello", "", 0)
    assert (second.text, second.reply, second.replying_to, second.index) == ("bye", "", "hello", 1)
    assert first.at < second.at


def test_user_messages_in_a_row_are_turns_of_their_own_and_answer_the_same_reply() -> None:
    found = decompose(says(("assistant", "well?"), ("user", "a"), ("user", "b")), user="ada", session="s")
    assert [(t.text, t.replying_to, t.reply) for t in found.turns] == [("a", "well?", ""), ("b", "well?", "")]


def test_system_and_tool_messages_are_no_turns_and_no_replies() -> None:
    found = decompose(
        says(("system", "be nice"), ("user", "hi"), ("tool", "42"), ("assistant", "yo")),
        user="a",
        session="s",
    )
    assert [(t.text, t.reply) for t in found.turns] == [("hi", "yo")]


def test_indices_go_on_where_the_last_run_stopped() -> None:
    found = decompose(says(("user", ""), ("user", "x")), user="a", session="s", first_index=7)
    assert [t.index for t in found.turns] == [8]
    assert [(one.position, one.reason) for one in found.ignored] == [(0, "the message is empty")]


def test_the_key_depends_on_user_session_index_and_content_only() -> None:
    key = turn("hi").key
    assert turn("hi", at=START, replying_to="x", answers="a.b.c").key == key
    others = [turn("hi!"), turn("hi", user="bob"), turn("hi", session="s2"), turn("hi", index=1)]
    assert len({key, *(other.key for other in others)}) == 5


def test_keys_cannot_be_forged_by_moving_text_between_fields() -> None:
    assert turn("b", user="a", session="").key != turn("b", user="", session="a").key
    assert turn("x", session='s", 1').key != turn("x", session="s", index=1).key


@pytest.mark.parametrize(
    ("content", "text", "dropped"),
    [
        ("plain", "plain", []),
        (None, "", []),
        (["a", {"type": "text", "text": "b"}], "a\nb", []),
        ([{"type": "image_url", "image_url": {}}, {"type": "text", "text": "b"}], "b", ["image_url"]),
        ([{"type": "input_audio"}, 7], "", ["input_audio", "int"]),
        (42, "", ["int"]),
        ("a\r\nb\x00\x1b[31m\ud800", "a\nb[31m", []),
    ],
)
def test_text_of_content(content: object, text: str, dropped: list[str]) -> None:
    assert text_of(content) == (text, dropped)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_cleaned_text_is_storable_and_cleaning_it_again_changes_nothing(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    once.encode()
    assert "\x00" not in once


@pytest.mark.parametrize("user", ["ada", "ada@example.org", "用户", " spaced ", "a.b"])
def test_user_ids_come_back_as_they_are(user: str) -> None:
    assert valid_user_id(user) == user


@pytest.mark.parametrize("user", ["", " ", None, 3, "a\nb\x00", "\ud800", "x" * 513])
def test_other_things_are_no_user_ids(user: object) -> None:
    with pytest.raises(InvalidUserId):
        valid_user_id(user)
