import json
import re
from collections import Counter
from pathlib import Path

import pytest

from personalagent.errors import TemplateError
from personalagent.profile.template import Template, line_of, load_template

TEMPLATE = load_template()
CHESS = {
    "id": "interests.chess.opening",
    "name": "Chess opening",
    "description": "The opening the person plays.",
    "kind": "many",
    "half_life_days": 700,
    "sensitivity": "plain",
    "question": "Which opening do you play?",
    "needed_for": {"game": 0.5},
    "cues": ["sicilian", "gambit"],
    "examples": ["Sicilian", "Caro-Kann", "London system"],
}


def extension(tmp_path: Path, slot: dict[str, object], **changes: object) -> Path:
    category = {
        "id": "interests",
        "name": "Interests",
        "description": "More of them.",
        "subcategories": [{"id": "chess", "name": "Chess", "slots": [slot]}],
    }
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"categories": [category], **changes}, indent=1))
    return path


def test_the_papers_size() -> None:
    assert len(TEMPLATE.categories) == 11
    assert TEMPLATE.subcategory_count >= 180
    assert len(TEMPLATE.slots) >= 300


def test_every_slot_is_whole_and_of_its_own() -> None:
    names = Counter((slot.id.rsplit(".", 1)[0], slot.name.lower()) for slot in TEMPLATE.slots.values())
    assert [name for name, count in names.items() if count > 1] == []
    questions = Counter(slot.question.lower() for slot in TEMPLATE.slots.values())
    assert [question for question, count in questions.items() if count > 1] == []
    descriptions = Counter(slot.description.lower() for slot in TEMPLATE.slots.values())
    assert [description for description, count in descriptions.items() if count > 1] == []
    for slot in TEMPLATE.slots.values():
        assert slot.question.endswith("?"), slot.id
        assert slot.description.endswith("."), slot.id
        assert len(set(slot.examples)) == 3, slot.id
        assert len(slot.cues) >= 2, slot.id


def test_every_request_kind_is_decided_by_some_slot_and_every_one_named_exists() -> None:
    kinds = {kind.id for kind in TEMPLATE.requests}
    named = {kind for slot in TEMPLATE.slots.values() for kind in slot.needed_for}
    decided = {
        k for slot in TEMPLATE.slots.values() for k, weight in slot.needed_for.items() if weight >= 0.7
    }
    assert named <= kinds
    assert decided == kinds


def test_health_belief_politics_orientation_and_ethnicity_are_special() -> None:
    stems = r"religion\.|politics\.|orientation\.sexual|ethnicity\.|\.health\.condition|disability\.|allergy$"
    sensitive = [slot for slot in TEMPLATE.slots.values() if re.search(stems, slot.id)]
    assert len(sensitive) >= 10
    assert [slot.id for slot in sensitive if slot.sensitivity != "special"] == []


def test_keep_masks_all_but_the_first_categories() -> None:
    kept = TEMPLATE.keep(3)
    assert [category.id for category in kept.categories] == ["demographics", "interests", "education"]
    assert kept.slot("geography.home.city") is None
    assert kept.slot("career.other.badge") is None
    assert TEMPLATE.keep(11) == TEMPLATE
    for count in (0, 12):
        with pytest.raises(ValueError, match="1 to 11"):
            TEMPLATE.keep(count)


def test_open_slots_exist_in_every_category() -> None:
    slot = TEMPLATE.slot("interests.other.collecting_spoons")
    assert slot is not None
    assert (slot.name, slot.kind) == ("Collecting spoons", "many")
    for bad in ("interests.other.Bad Name", "nosuch.other.x", "interests.other.", "interests.nosuch.x", "x"):
        assert TEMPLATE.slot(bad) is None


def test_users_extend_the_template_with_a_file_of_their_own(tmp_path: Path) -> None:
    whole = load_template(extension(tmp_path, CHESS))
    assert len(whole.slots) == len(TEMPLATE.slots) + 1
    assert whole.slots["interests.chess.opening"].question == "Which opening do you play?"
    assert [category.id for category in whole.categories] == [c.id for c in TEMPLATE.categories]


def test_a_slot_of_the_same_id_replaces_the_shipped_one(tmp_path: Path) -> None:
    film = TEMPLATE.slots["interests.film.genre"].model_dump(mode="json") | {
        "question": "Any films you love?"
    }
    category = {
        "id": "interests",
        "name": "Interests",
        "description": "Mine.",
        "subcategories": [{"id": "film", "name": "Film", "slots": [film]}],
    }
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"categories": [category]}))
    whole = load_template(path)
    assert whole.slots["interests.film.genre"].question == "Any films you love?"
    assert len(whole.slots) == len(TEMPLATE.slots)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "several"}, "kind"),
        ({"half_life_days": 0}, "half_life_days"),
        ({"sensitivity": "secret"}, "sensitivity"),
        ({"examples": ["one", "two"]}, "examples"),
        ({"colour": "blue"}, "colour"),
        ({"id": "interests.checkers.opening"}, "stands under interests.chess"),
        ({"id": "Interests.Chess.Opening"}, "id"),
        ({"needed_for": {"nosuch": 0.5}}, "unknown request kind 'nosuch'"),
        ({"needed_for": {"game": 7}}, "game"),
    ],
)
def test_a_bad_slot_is_named_with_file_and_line(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    path = extension(tmp_path, {**CHESS, **change})
    with pytest.raises(TemplateError) as caught:
        load_template(path)
    message = str(caught.value)
    assert complaint in message
    assert "\n" not in message
    match = re.match(r".*own\.json:(\d+): ", message)
    assert match
    wrong = path.read_text().splitlines()[int(match[1]) - 1]
    assert any(f'"{word}"' in wrong for word in marks(change)) or wrong.strip() == "{"


def marks(change: dict[str, object]) -> list[str]:
    """The keys of a change, one of which stands on the line that is to be named."""
    inner = [key for value in change.values() if isinstance(value, dict) for key in value]
    return [*change, *inner]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"categories": [\n  {"id": "x",\n   "name" "y"}]}', ":3: not valid JSON"),
        ("", ":1: not valid JSON"),
        ("[]", ":1: the file: "),
        ('{\n "categories": [],\n "surprise": 1}', ":3: surprise"),
    ],
)
def test_a_file_that_is_no_template_is_named_with_its_line(tmp_path: Path, text: str, where: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(TemplateError, match=re.escape(f"bad.json{where}")):
        load_template(path)


def test_a_slot_that_stands_twice_is_named(tmp_path: Path) -> None:
    path = extension(tmp_path, CHESS)
    data = json.loads(path.read_text())
    data["categories"][0]["subcategories"][0]["slots"].append(CHESS)
    path.write_text(json.dumps(data, indent=1))
    with pytest.raises(
        TemplateError, match=r"own\.json:\d+: slot interests\.chess\.opening stands there twice"
    ):
        load_template(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"nothing\.json:1: cannot be read"):
        load_template(tmp_path / "nothing.json")


def test_line_of_finds_values_and_falls_back_to_what_is_around_them() -> None:
    text = '{\n "a": [\n  {"x": 1},\n  {"x": "}2",\n   "y": {"q,:": 5}}\n ],\n "b": []\n}'
    assert line_of(text, ("a", 1, "x")) == 4
    assert line_of(text, ("a", 1, "y", "q,:")) == 5
    assert line_of(text, ("b",)) == 7
    assert line_of(text, ("a", 1, "missing")) == 4
    assert line_of(text, ()) == 1


def test_the_template_survives_a_round_trip() -> None:
    assert Template.model_validate_json(TEMPLATE.model_dump_json()) == TEMPLATE
