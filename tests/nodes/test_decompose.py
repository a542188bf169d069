from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from personalagent.nodes.decompose import unseen

TALK: list[BaseMessage] = [
    HumanMessage("one", id="1"),
    AIMessage("reply", id="2"),
    HumanMessage("two", id="3"),
    HumanMessage("three", id="4"),
]


def texts(messages: object) -> list[str]:
    assert isinstance(messages, list)
    return [message.text for message in messages]


def test_at_first_everything_is_new() -> None:
    assert texts(unseen(TALK, {})) == ["one", "reply", "two", "three"]


def test_after_a_run_only_what_follows_its_last_message_is_new() -> None:
    assert texts(unseen(TALK, {"turns": 2, "last": "3"})) == ["three"]
    assert texts(unseen(TALK, {"turns": 3, "last": "4"})) == []


def test_if_the_host_removed_that_message_what_follows_the_last_reply_is_new() -> None:
    assert texts(unseen(TALK, {"turns": 9, "last": "gone"})) == ["reply", "two", "three"]
    assert texts(unseen(TALK[2:], {"turns": 9, "last": "gone"})) == ["two", "three"]
