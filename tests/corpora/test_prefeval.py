"""PrefEval: the persona-driven conversations, and what its other files are refused for."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import prefeval
from personalagent.corpora.corpus import BadRecord, read
from personalagent.corpora.messages import Origin
from personalagent.dialogue import Dialogue

ORIGIN = Origin(stem="travel_food", number=0, at=datetime(2026, 3, 1, tzinfo=UTC), user="ignored")
TOPICS = 10
DATA = Path(os.environ.get("PERSONALAGENT_DATA", Path(__file__).parents[3] / "shared" / "data"))
BENCHMARK = DATA / "prefeval" / "benchmark_dataset"


def record(**fields: Any) -> dict[str, Any]:
    return {
        "preference": "I never drive at night.",
        "question": "How do I get to the coast?",
        "explanation": "Driving at night is out.",
        "persona": "A beekeeper",
        "conversation": {"0": said(0), "1": said(1)},
    } | fields


def said(number: int) -> dict[str, str]:
    return {"user": f"question {number}", "assistant": f"reply {number}"}


def test_turns_come_in_numeric_order() -> None:
    keys = ["10", "2", "0", "1", *map(str, range(3, 10))]
    made = prefeval.dialogue(record(conversation={key: said(int(key)) for key in keys}), ORIGIN)
    assert [turn.text for turn in made.turns] == [f"question {n}" for n in range(11)]
    assert [turn.reply for turn in made.turns] == [f"reply {n}" for n in range(11)]


def test_ids_and_gold() -> None:
    made = prefeval.dialogue(record(), ORIGIN)
    assert made.user == "prefeval-travel_food-0"
    assert [session.id for session in made.sessions] == ["conversation"]
    assert "night" not in made.model_dump_json()


def test_extra_and_missing_explanations_are_tolerated() -> None:
    fixed = record(fix="yes")
    del fixed["explanation"]
    assert len(prefeval.dialogue(fixed, ORIGIN).turns) == 2


CHOICE = {"query": "Train or car?", "assistant_options": "1. train 2. car", "user_selection": "train"}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"preference": "p", "question": "q", "explanation": "e"}, "without a conversation"),
        (record(conversation=CHOICE), "choice-based"),
        (record(conversation=[]), "conversation is not an object"),
        (record(conversation={}), "empty"),
        (record(conversation={"0": "hi"}), "conversation.0 is not an object"),
        (record(conversation={"0": {"assistant": "hi"}}), "conversation.0.user is missing"),
        (record(conversation={"0": {"user": "hi"}}), "conversation.0.assistant is missing"),
        (record(conversation={"0": {"user": 3, "assistant": "hi"}}), "conversation.0.user is not text"),
        (record(conversation={"0": {"user": "", "assistant": "hi"}}), "empty"),
    ],
)
def test_bad_records_say_why(bad: object, reason: str) -> None:
    assert prefeval.recognises(bad)
    with pytest.raises(ValueError) as caught:
        prefeval.dialogue(bad, ORIGIN)
    assert reason in str(caught.value)


@pytest.mark.parametrize("other", [None, [], {}, {"conversation": {}}, {"preference": "p"}, "preference"])
def test_other_values_are_not_recognised(other: object) -> None:
    assert not prefeval.recognises(other)


@pytest.mark.skipif(not BENCHMARK.is_dir(), reason=f"PrefEval is not at {BENCHMARK}: set PERSONALAGENT_DATA")
def test_the_published_files() -> None:
    persona = sorted((BENCHMARK / "implicit_preference" / "persona-driven").glob("*.json"))
    assert len(persona) == TOPICS
    made = [dialogue for path in persona for dialogue in read(path)]
    assert all(isinstance(dialogue, Dialogue) and len(dialogue.turns) > 1 for dialogue in made)
    assert len({dialogue.user for dialogue in made if isinstance(dialogue, Dialogue)}) == len(made) == 497
    for kind in ("explicit_preference", "implicit_preference/choice-based", "mcq_options"):
        refused = [bad for path in (BENCHMARK / kind).glob("*.json") for bad in read(path)]
        assert len(refused) == len(made)
        assert all(isinstance(bad, BadRecord) and bad.line > 1 for bad in refused)
