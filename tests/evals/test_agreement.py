"""The second annotation is of the same words, and is measured as a policy is."""

from personalagent.corpora import gold
from personalagent.evals.agreement import agreement


def test_it_annotates_the_words_of_the_test_split() -> None:
    told = {one.id: [turn.user for turn in one.turns] for one in gold.dialogues(None, "test")}
    for one in gold.second():
        assert told[one.id] == [turn.user for turn in one.turns]


def test_it_is_another_reading_and_near_to_gold() -> None:
    figures = agreement()
    assert figures["turns"] == sum(len(one.turns) for one in gold.second())
    assert 0.5 < figures["slot_value_f1"] < 1.0
