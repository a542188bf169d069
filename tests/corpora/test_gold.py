"""The corpus that ships keeps to its own rules (docs/datasheet.md)."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from personalagent.corpora import gold
from personalagent.corpora.gold import GoldDialogue
from personalagent.errors import DataError
from personalagent.profile.evidence import Rejection, foreign_spans, gate, locate
from personalagent.profile.preference import Evidence, Inference, Operation, Preference, normalise
from personalagent.profile.template import load_template

TEMPLATE = load_template()
DIALOGUES = gold.dialogues()
REQUESTS = gold.requests()


def by_persona() -> dict[str, list[GoldDialogue]]:
    spoken: dict[str, list[GoldDialogue]] = defaultdict(list)
    for one in DIALOGUES:
        spoken[one.persona].append(one)
    return spoken


def test_there_is_as_much_of_it_as_was_promised() -> None:
    assert len(DIALOGUES) >= 240
    assert len(by_persona()) >= 120
    assert all(4 <= len(one.turns) <= 12 for one in DIALOGUES)
    needing = [one for one in REQUESTS if one.needs]
    assert len(needing) >= 300
    assert 0.45 <= sum(one.decision == "answer" for one in needing) / len(needing) <= 0.55


def test_no_persona_is_in_two_splits() -> None:
    splits = {p: {d.split for d in spoken} for p, spoken in by_persona().items()}
    assert all(len(found) == 1 for found in splits.values())
    for request in REQUESTS:
        assert splits.get(request.persona, {request.split}) == {request.split}
    assert Counter(d.split for d in DIALOGUES).keys() == {"train", "dev", "test"}


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_every_category_is_in_every_split(split: gold.Split) -> None:
    used = {
        op.slots[0].split(".")[0] for d in gold.dialogues(None, split) for t in d.turns for op in t.operations
    }
    assert used == {category.id for category in TEMPLATE.categories}


def test_every_slot_that_is_named_exists() -> None:
    named = {slot for d in DIALOGUES for t in d.turns for op in t.operations for slot in op.slots}
    named |= {slot for r in REQUESTS for slot in (*r.needs, *r.unneeded, *(h.slot for h in r.profile))}
    named |= {slot for u in gold.utterances() for slot in u.slots}
    named |= {one.slot for one in gold.plain()}
    assert {slot for slot in named if TEMPLATE.slot(slot) is None} == set()


def test_values_and_evidence_are_the_users_words() -> None:
    for dialogue in DIALOGUES:
        for told in dialogue.turns:
            for op in told.operations:
                assert locate(op.evidence, told.user), (dialogue.id, op)
                assert locate(op.value if op.action == "assert" else op.mention or "", told.user), (
                    dialogue.id,
                    op,
                )
            for tempting in told.not_stated:
                assert locate(tempting.span, told.user), (dialogue.id, tempting)


def test_a_classification_says_what_the_operations_do() -> None:
    for dialogue in DIALOGUES:
        for told in dialogue.turns:
            actions = {op.action for op in told.operations}
            assert (told.classification == "none") == (not actions), dialogue.id
            assert told.classification != "retract" or actions == {"retract"}, dialogue.id


def test_what_ends_was_said_before() -> None:
    for spoken in by_persona().values():
        held: set[tuple[str, str]] = set()
        for told in (turn for one in spoken for turn in one.turns):
            for op in told.operations:
                if op.action == "assert":
                    held |= {(slot, normalise(op.value)) for slot in op.slots}
                else:
                    assert any((slot, normalise(op.value)) in held for slot in op.slots), op


def test_the_gate_lets_all_of_it_pass() -> None:
    rejected: list[Rejection] = []
    for spoken in by_persona().values():
        turns = gold.history(spoken[0].persona, spoken).turns
        told = [turn for one in spoken for turn in one.turns]
        for turn, one in zip(turns, told, strict=True):
            operations = tuple(
                Operation(
                    preference=Preference(slot=op.slots[0], value=op.value, polarity=op.polarity),
                    evidence=Evidence(quote=op.evidence[:400]),
                )
                for op in one.operations
                if op.action == "assert" and not foreign_spans(turn.text)
            )
            rejected += gate(Inference(operations=operations), turn, TEMPLATE).rejections
    assert rejected == []


def test_marked_values_are_where_they_are_said_to_be() -> None:
    for one in gold.utterances():
        assert (one.mark is None) == (not one.slots) == (not one.values)
        for start, end in one.values:
            assert 0 <= start < end <= len(one.text)
            assert one.text[start:end].strip() == one.text[start:end] != ""
    for row in gold.plain():
        assert all(said.count("{}") == 1 for said in row.says)
        assert row.values


def test_requests_to_ask_for_lack_what_decides_them() -> None:
    for one in REQUESTS:
        held = {line.slot for line in one.profile}
        deciding = {slot for slot, grade in one.needs.items() if grade == 2}
        assert one.decision == "answer" or not held & deciding, one.request
        assert (one.kind is None) == (not one.needs), one.request


def test_texts_for_training_are_not_in_the_held_back_splits() -> None:
    held_back = {
        t.user for d in gold.dialogues(None, "dev", "test") for t in d.turns if len(t.user.split()) > 4
    }
    held_back |= {r.request for r in gold.requests(None, "dev", "test")}
    taught = {u.text for u in gold.utterances()} | {a.request for a in gold.askings()}
    taught |= {t.user for d in gold.dialogues(None, "train") for t in d.turns}
    assert held_back & taught == set()


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    good = {"kind": None, "request": "what is 2 + 2"}
    (tmp_path / "askings.jsonl").write_text(json.dumps(good) + '\n{"kind": 3}\n')
    with pytest.raises(DataError, match=r"askings\.jsonl:2: "):
        gold.askings(tmp_path)
    with pytest.raises(DataError, match=r"plain\.jsonl"):
        gold.plain(tmp_path)
