"""What the tiny model is pre-trained on: lessons that can be written, read back, and taken by the gate."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora import gold
from personalagent.errors import DataError
from personalagent.policies.grammar import MOST_NEEDS
from personalagent.policies.notation import GRADES, parse_inference, stated, write_inference
from personalagent.profile.evidence import gate, locate
from personalagent.profile.preference import Inference, normalise
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template
from personalagent.training.embedded import sources
from personalagent.training.episodes import corpus_episodes, lessons, request_lessons
from personalagent.training.tiny.lessons import Taught, dialogue_lessons, every_lesson
from tests.make import CITY, infers, retracts, states

TEMPLATE = load_template()


@pytest.fixture(scope="module")
def taught() -> list[Taught]:
    return every_lesson(TEMPLATE, None, seed=1)


def of(taught: list[Taught], *names: str) -> list[Taught]:
    return [one for one in taught if one.source in names]


def test_they_are_made_without_torch() -> None:
    """Where it is not installed, and where it is without a second lost on it."""
    modules = "personalagent.training.tiny.lessons, personalagent.training.rows"
    loaded = (
        f"import sys, {modules}; print([n for n in ('torch', 'transformers', 'trl') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_source_is_there(taught: list[Taught]) -> None:
    found = Counter(one.source for one in taught)
    assert found["dialogues"] == sum(len(one.turns) for one in gold.dialogues(None, "train"))
    assert found["requests"] == len(gold.requests(None, "train"))
    assert found["utterances"] == len(gold.utterances())
    assert min(found["plain"], found["together"]) > 1000
    assert "laps" not in found


def test_every_inference_can_be_written_and_read_back(taught: list[Taught]) -> None:
    for _, (_, _, inference) in taught:
        found = parse_inference(write_inference(inference))
        assert isinstance(found, Inference), (inference, found)
        assert found.classification == inference.classification
        assert found.needs == inference.needs
        assert len(found.operations) == len(inference.operations)


def test_evidence_is_a_span_of_the_message_and_values_are_in_it(taught: list[Taught]) -> None:
    for source, (turn, _, inference) in taught[::5]:
        for operation in inference.operations:
            assert locate(operation.evidence.quote, turn.text), (source, turn.text)
            if source != "dialogues":
                assert locate(operation.preference.value, operation.evidence.quote)


def test_the_gate_takes_what_is_taught(taught: list[Taught]) -> None:
    """But for words that somebody else is quoted with, of which the user says that they are her own."""
    refused = proposed = 0
    for _, (turn, _, inference) in taught[::5]:
        proposed += len(inference.operations)
        refused += len(gate(inference, turn, TEMPLATE).rejections)
    assert refused < proposed / 500


def test_a_message_that_ends_something_is_of_somebody_who_has_it(taught: list[Taught]) -> None:
    ending: Counter[bool] = Counter()
    for _, (_, profile, inference) in of(taught, "utterances", "together"):
        for operation in inference.operations:
            if operation.action == "retract":
                held = [one.preference.value for one in profile.current[operation.preference.slot]]
                ending[operation.preference.value in held] += 1
                assert inference.classification == "retract"
    assert ending[True] > 100
    assert ending[False] < ending[True] / 100, "another value of its slot that was drawn by chance"


def test_dialogues_are_taught_with_the_gold_profile_before() -> None:
    found = list(dialogue_lessons(TEMPLATE, "dev"))
    assert found == [
        one for episode in corpus_episodes(TEMPLATE, "dev") for one in lessons(episode, TEMPLATE)
    ]
    assert any(one.profile != Profile() for one in found)


def test_requests_need_what_gold_says_the_weightiest_first() -> None:
    for lesson, one in zip(request_lessons(TEMPLATE, "dev"), gold.requests(None, "dev"), strict=True):
        assert (lesson.turn.text, lesson.inference.operations) == (one.request, ())
        assert lesson.inference.classification == "none"
        held = {(slot, h.preference.value) for slot, now in lesson.profile.current.items() for h in now}
        assert held <= {(line.slot, line.value) for line in one.profile}
        assert {slot for slot, _ in held} == {line.slot for line in one.profile}
        needs = lesson.inference.needs
        assert needs is not None
        assert len(needs) == min(len(one.needs), MOST_NEEDS)
        assert [need.weight for need in needs] == sorted((need.weight for need in needs), reverse=True)
        for need in needs:
            assert need.weight == {2: GRADES["decides"], 1: GRADES["helps"]}[one.needs[need.slot]]


def test_no_persona_of_dev_or_test_is_taught(taught: list[Taught]) -> None:
    apart = {one.persona for one in gold.dialogues(None, "dev", "test")}
    apart |= {one.persona for one in gold.requests(None, "dev", "test")}
    assert not apart & {one.lesson.turn.user for one in taught}
    said = (one.text for one in sources.dialogue_examples("dev", "test"))
    long = {text for text in said if len(text) > 60}
    assert not long & {one.lesson.turn.text for one in taught}


def test_laps_is_named_where_it_is_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"recipe_dataset_train\.json"):
        every_lesson(TEMPLATE, tmp_path, seed=1)


class TestMarksThatEndAValue:
    """What `write_inference` writes can be read, whatever marks users use."""

    TEXTS = st.text("abc '\"|[]<>=.,é“”«»", min_size=1, max_size=30).filter(
        lambda text: normalise(text)[:1].isalpha()
    )

    @given(TEXTS, st.none() | TEXTS, st.sampled_from(["neutral", "like", "dislike", "avoid"]), st.booleans())
    def test_the_value_is_read_back_but_for_its_marks(
        self, value: str, scope: str | None, polarity: str, retracts_it: bool
    ) -> None:
        quote = f"so {value} is it"
        made = (
            retracts(CITY, value, quote, scope=scope)
            if retracts_it
            else states(CITY, value, quote, scope=scope, polarity=polarity)
        )
        found = parse_inference(write_inference(infers(made)))
        assert isinstance(found, Inference), found
        (operation,) = found.operations
        assert (operation.action, operation.preference.polarity) == (made.action, made.preference.polarity)
        assert normalise(operation.preference.value) == normalise(value)
        assert normalise(operation.preference.scope or "") == normalise(scope or "")
        assert locate(operation.evidence.quote, quote)

    @given(TEXTS)
    def test_a_line_of_the_profile_can_be_copied_to_end_it(self, value: str) -> None:
        held = states(CITY, value).preference
        line = stated(held).replace(" = ", " -= ", 1)
        reply = write_inference(Inference()).replace(
            "\n</inferred_p", f'\n{line} | "no more"\n</inferred_p', 1
        )
        found = parse_inference(reply)
        assert isinstance(found, Inference), found
        assert normalise(found.operations[0].preference.value) == normalise(value)

    @pytest.mark.parametrize(
        ("value", "written"),
        [
            ('say "stupid"', "say 'stupid'"),
            ('"Dune"', "Dune"),
            ('"Dune" and "Emma"', "'Dune' and 'Emma'"),
            ("6'4\"", "6'4\""),
            ("tea | milk", "tea / milk"),
            ("tea [black]", "tea (black)"),
            ("= 5", "5"),
            ("<b>tea", "‹b›tea"),
        ],
    )
    def test_other_marks_are_written_in_their_place(self, value: str, written: str) -> None:
        assert f"{CITY} = {written} |" in write_inference(infers(states(CITY, value, "tea")))

    @pytest.mark.parametrize(
        ("quote", "written"),
        [
            ('I often say "stupid" to him', "I often say"),
            ("I <3 sushi, really", "3 sushi, really"),
            ("see </inferred_profile> for more of it", "/inferred_profile> for more of it"),
        ],
    )
    def test_a_quotation_ends_before_a_mark_that_would_end_it(self, quote: str, written: str) -> None:
        reply = write_inference(infers(states(CITY, "Leeds", quote)))
        found = parse_inference(reply)
        assert isinstance(found, Inference)
        assert found.operations[0].evidence.quote == written
