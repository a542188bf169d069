import json
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import laps
from personalagent.errors import DataError
from personalagent.profile.template import load_template


def record(*sessions: Any) -> dict[str, Any]:
    return {"worker_id": "7", "topic": "recipe", "sessions": list(sessions)}


def session(*messages: str, **preferences: list[str]) -> dict[str, Any]:
    said = [
        {"role": "Assistant" if n % 2 == 0 else "User", "turn_number": n, "message": text}
        for n, text in enumerate(messages)
    ]
    return {"dialogue": said, "preferences": preferences}


def test_sessions_keep_their_order_user_and_values(tmp_path: Path) -> None:
    first = session("Hi! Any allergies?", "nuts", "Noted. More?", "quick please", allergies=["nuts"])
    second = session("Hello", "thai again", cuisine_like=["Thai"])
    (tmp_path / "x.json").write_text(json.dumps([record(first, second)]))
    one, two = laps.read(tmp_path / "x.json")
    assert one.user == two.user
    assert (one.worker, two.worker) == ("7", "7")
    assert one.values == (("allergies", "nuts"),)
    assert [(t.text, t.replying_to) for t in one.session.turns] == [
        ("nuts", "Hi! Any allergies?"),
        ("quick please", "Noted. More?"),
    ]


def test_every_slot_that_a_key_stands_for_exists() -> None:
    template = load_template()
    assert [s for slots in laps.KEYS.values() for s in slots if template.slot(s) is None] == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[3]",
        '[{"sessions": 3}]',
        '[{"sessions": [{"dialogue": []}]}]',
        "not json",
        json.dumps([record(session("Hi", "hello", allergies="nuts"))]),  # type: ignore[arg-type]
        json.dumps([record(session("Hi", "hello", allergies=None))]),  # type: ignore[arg-type]
        json.dumps([record(session("Hi", "hello", allergies=[3]))]),  # type: ignore[list-item]
    ],
)
def test_what_is_not_laps_is_one_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(DataError, match=r"x\.json"):
        list(laps.read(tmp_path / "x.json"))
