"""ALOE: which reply was shown, what is gold, and what is refused."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import aloe
from personalagent.corpora.messages import Origin
from personalagent.errors import DataError

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


class TestGold:
    """`read` has what `dialogue` leaves out."""

    def written(self, tmp_path: Path, *records: object) -> Path:
        path = tmp_path / "conversations.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in records), encoding="utf-8")
        return path

    def test_every_line_is_a_conversation_with_both_replies_and_what_is_known(self, tmp_path: Path) -> None:
        second = exchange(user="And the sail?", chosen="rejected", inferred_personality="He is patient.")
        path = self.written(tmp_path, record(exchange(), second), record(exchange(), profile="A nurse."))
        one, other = aloe.read(path)
        assert (one.user, other.user) == ("aloe-conversations-0", "aloe-conversations-1")
        assert (one.profile, one.personality, other.profile) == ("A sailor.", "Patient.", "A nurse.")
        boat, sail = one.exchanges
        assert (boat.preferred, boat.rejected) == ("Nice, what was it?", "Engines have parts.")
        assert (boat.chosen, sail.chosen) == (boat.preferred, sail.rejected)
        assert (boat.inferred_profile, sail.inferred_personality) == ("He owns a boat.", "He is patient.")

    def test_the_session_is_the_one_of_the_history(self, tmp_path: Path) -> None:
        said = record(*(exchange(user=f"turn {n}") for n in range(10)))
        (one,) = aloe.read(self.written(tmp_path, said))
        made = aloe.dialogue(said, Origin(stem="conversations", number=0, at=one.session.turns[0].at))
        assert (one.user, (one.session,)) == (made.user, made.sessions)
        assert [exchange.user for exchange in one.exchanges] == [turn.text for turn in one.session.turns]
        assert [exchange.chosen for exchange in one.exchanges] == [turn.reply for turn in one.session.turns]

    def test_none_is_how_the_file_says_that_there_is_no_text(self, tmp_path: Path) -> None:
        (one,) = aloe.read(self.written(tmp_path, record(exchange(), personality=" None\n")))
        assert (one.personality, one.exchanges[0].inferred_personality) == ("", "")

    def test_a_persona_may_have_no_personality(self, tmp_path: Path) -> None:
        (one,) = aloe.read(self.written(tmp_path, {"profile": "A sailor.", "conversations": [exchange()]}))
        assert (one.profile, one.personality) == ("A sailor.", "")

    def test_what_no_tokenizer_takes_is_taken_out(self, tmp_path: Path) -> None:
        broken = exchange(
            user="hi\ud800\x00",
            assistant={"preferred": "yes\ud800", "rejected": "no\x07"},
            inferred_profile="kind\udfff",
        )
        (one,) = aloe.read(self.written(tmp_path, record(broken, profile="sailor\x00")))
        (said,) = one.exchanges
        assert (said.user, said.preferred, said.rejected, said.chosen) == ("hi", "yes", "no", "yes")
        assert (said.inferred_profile, one.profile) == ("kind", "sailor")

    def test_an_array_is_read_too(self, tmp_path: Path) -> None:
        path = tmp_path / "eval.json"
        path.write_text(json.dumps([record(exchange()), record(exchange())], indent=1), encoding="utf-8")
        assert [one.user for one in aloe.read(path)] == ["aloe-eval-0", "aloe-eval-1"]

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            ("{", "not JSON"),
            (record(), "empty"),
            ({"messages": []}, "conversations is missing"),
            (record(exchange(), exchange(user=" ")), "conversations[1].user is empty"),
            (record(exchange(inferred_profile=None)), "conversations[0].inferred_profile is not text"),
            (record(exchange(), profile=["A sailor."]), "profile is not text"),
        ],
    )
    def test_a_bad_line_is_named(self, tmp_path: Path, bad: object, reason: str) -> None:
        path = self.written(tmp_path, record(exchange()))
        said = bad if isinstance(bad, str) else json.dumps(bad)
        path.write_text(f"{path.read_text('utf-8')}\n{said}\n", encoding="utf-8")
        with pytest.raises(DataError) as caught:
            list(aloe.read(path))
        assert str(caught.value).startswith(f"{path}:3: ")
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_missing_field_is_named(self, tmp_path: Path) -> None:
        bare = {name: value for name, value in exchange().items() if name != "inferred_personality"}
        with pytest.raises(DataError, match=r"jsonl:1: conversations\[0\].inferred_personality is missing"):
            list(aloe.read(self.written(tmp_path, record(bare))))

    def test_a_file_that_is_not_there_or_empty_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"nowhere.jsonl: cannot be read: No such file"):
            list(aloe.read(tmp_path / "nowhere.jsonl"))
        with pytest.raises(DataError, match=r"conversations.jsonl:1: the file is empty"):
            list(aloe.read(self.written(tmp_path)))
