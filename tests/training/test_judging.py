"""The judge that holds operations against gold."""

import random

import pytest

from personalagent.corpora.gold import NotStated
from personalagent.errors import DataError
from personalagent.profile.log import edit_entry
from personalagent.profile.preference import Inference, Operation, Preference
from personalagent.profile.profile import Profile, fold, merge
from personalagent.profile.template import load_template
from personalagent.training.episodes import Episode, Step, Told
from personalagent.training.judging import UNREADABLE, GoldJudge, Verdict, proposals
from tests.make import ALLERGY, BUDGET, CITY, DIET, START, entry, retracts, states, turn
from tests.training.steps import BROKEN, TEMPLATE, gold, other, replied, right_steps, step, told

JUDGE = GoldJudge()
CRITERIA = ("completeness", "no_hallucination", "informativeness", "consistency")
LINE = "I am vegan and live in Leeds, though my sister eats meat"
GOLD = told(
    LINE,
    gold(DIET, "vegan", "I am vegan"),
    gold(CITY, "Leeds", "live in Leeds"),
    besides=(NotStated(reason="third_party", span="my sister eats meat"),),
)
VEGAN, LEEDS = states(DIET, "vegan", "I am vegan"), states(CITY, "Leeds", "live in Leeds")


def holding(*preferences: Preference) -> Profile:
    return merge(Profile(), entry(0, *(states(p.slot, p.value, kind=p.kind) for p in preferences)))


async def failed(one: Step, judge: GoldJudge = JUDGE) -> set[str]:
    """The criteria that do not hold."""
    verdict = await judge.judge(one)
    assert verdict is not None
    return {name for name, holds in verdict if not holds}


async def test_gold_itself_is_right_on_every_turn_of_the_corpus() -> None:
    for one in right_steps():
        assert not await failed(one), (one.turn.text, one.reply, one.gold)


async def test_the_order_of_operations_changes_nothing() -> None:
    order = random.Random(1)
    for one in right_steps():
        assert isinstance(one.inference, Inference)
        mine = one.inference.operations
        if len(mine) > 1:
            for changed in (mine, mine[1:], (*mine, mine[0])):
                verdict = await JUDGE.judge(other(one, *changed))
                assert verdict == await JUDGE.judge(other(one, *order.sample(changed, len(changed))))


async def test_no_inference_that_was_spoilt_is_right() -> None:
    for one in right_steps():
        assert isinstance(one.inference, Inference)
        kept = one.entry.inference.operations
        for number, operation in enumerate(kept):
            left = kept[:number] + kept[number + 1 :]
            assert "completeness" in await failed(other(one, *left))
            for spoilt in spoilings(operation):
                assert await failed(other(one, *left, spoilt)), (one.turn.text, spoilt)
        for added in additions(one):
            found = await failed(other(one, *kept, added))
            assert found & {"no_hallucination", "consistency"}, (one.turn.text, added)


def spoilings(operation: Operation) -> list[Operation]:
    """The operation with one thing wrong."""
    preference, was = operation.preference, operation.evidence
    made: list[dict[str, object]] = [
        {"preference": preference.model_copy(update={"slot": "education.tests.score"})},
        {"preference": preference.model_copy(update={"value": "quantum zeppelins"})},
        {"evidence": was.model_copy(update={"quote": f"{was.quote} as everybody should"})},
    ]
    if operation.action == "assert":
        polarity = "avoid" if preference.polarity != "avoid" else "like"
        made.append({"preference": preference.model_copy(update={"polarity": polarity})})
        made.append({"preference": preference.model_copy(update={"value": f"{preference.value} zeppelin"})})
        made.append({"action": "retract"})
    return [operation.model_copy(update=each) for each in made]


def additions(one: Step) -> list[Operation]:
    """Operations that the turn does not state, among them what it says of others."""
    spans = [each.span for each in getattr(one.gold, "not_stated", ()) if len(each.span) <= 200]
    own = [operation.preference.slot for operation in one.entry.inference.operations]
    named = [states(slot, span) for span in spans for slot in (*own, BUDGET)]
    return [*named, states(BUDGET, one.turn.text[:40].strip()), *one.entry.inference.operations[:1]]


async def test_every_turn_that_states_something_is_incomplete_in_silence() -> None:
    for one in right_steps():
        assert (not await failed(other(one))) == (not one.entry.inference.operations)


CASES: list[tuple[str, tuple[Operation, ...], set[str]]] = [
    ("right", (VEGAN, LEEDS), set()),
    ("shorter evidence", (states(DIET, "vegan"), states(CITY, "Leeds")), set()),
    ("one missing", (VEGAN,), {"completeness"}),
    ("another's", (VEGAN, LEEDS, states(DIET, "meat", "my sister eats meat")), {"no_hallucination"}),
    ("unsaid", (VEGAN, LEEDS, states(ALLERGY, "nuts", "allergic to nuts")), {"no_hallucination"}),
    ("said twice", (VEGAN, LEEDS, LEEDS), {"consistency"}),
    ("wrong slot", (VEGAN, states(BUDGET, "Leeds")), {"completeness", "no_hallucination"}),
    ("of elsewhere", (VEGAN, states(CITY, "Leeds", "though")), {"no_hallucination"}),
    ("of another's words", (VEGAN, states(CITY, "Leeds", "my sister")), {"no_hallucination"}),
    (
        "its contrary too",
        (VEGAN, LEEDS, states(DIET, "vegan", polarity="avoid")),
        {"no_hallucination", "consistency"},
    ),
    ("taken back at once", (VEGAN, LEEDS, retracts(CITY, "Leeds")), {"no_hallucination", "consistency"}),
    ("a word beside it", (VEGAN, states(CITY, "Leeds Dock", "live in Leeds")), {"no_hallucination"}),
    ("denied", (states(DIET, "not vegan", "I am vegan"), LEEDS), {"no_hallucination"}),
]


@pytest.mark.parametrize(("what", "operations", "wrong"), CASES)
async def test_each_criterion_fails_for_its_own_reason(
    what: str, operations: tuple[Operation, ...], wrong: set[str]
) -> None:
    assert await failed(step(LINE, *operations, gold=GOLD)) == wrong, what


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        ("two weeks in the hills", set()),
        ("weeks in the hills", set()),
        ("hills", {"completeness", "no_hallucination"}),
        ("the hills", {"informativeness"}),
        ("I always take two weeks in the hills once a year, just so, you know", {"informativeness"}),
    ],
)
async def test_values_are_neither_vague_nor_the_whole_message(value: str, wrong: set[str]) -> None:
    text = "I always take two weeks in the hills once a year, just so, you know"
    its = told(text, gold(BUDGET, "two weeks in the hills", text))
    if value == "the hills":  # softly the same only of a shorter value
        its = told(text, gold(BUDGET, "weeks in the hills always", text))
    assert await failed(step(text, states(BUDGET, value, text), gold=its)) == wrong


@pytest.mark.parametrize("said", ["update", "retract", "none"])
async def test_the_classification_must_be_golds(said: str) -> None:
    assert await failed(step(LINE, VEGAN, LEEDS, gold=GOLD, said=said)) == {"consistency"}


class TestTheProfileBefore:
    async def test_what_is_held_is_no_news_and_no_invention_either(self) -> None:
        text = "As a vegan I need a cake"
        before = holding(Preference(slot=DIET, value="vegan"))
        again = states(DIET, "vegan", "As a vegan")
        assert await failed(step(text, again, gold=told(text, said="none"), before=before)) == {"consistency"}
        assert "no_hallucination" in await failed(step(text, again, gold=told(text, said="none")))

    async def test_what_others_are_is_an_invention_though_it_is_held(self) -> None:
        text = "My sister is vegan"
        its = told(text, said="none", besides=(NotStated(reason="third_party", span=text),))
        before = holding(Preference(slot=DIET, value="vegan"))
        found = await failed(step(text, states(DIET, "vegan", text), gold=its, before=before, said="none"))
        assert found == {"no_hallucination"}

    async def test_only_gold_replaces_what_is_held(self) -> None:
        before = holding(Preference(slot=CITY, value="York", kind="one"))
        its = told("I moved to Leeds", gold(CITY, "Leeds", "moved to Leeds"), said="update")
        new = states(CITY, "Leeds", "moved to Leeds")
        assert not await failed(step("I moved to Leeds", new, gold=its, before=before, said="update"))
        nothing = told("I moved to Leeds", said="none")
        found = await failed(step("I moved to Leeds", new, gold=nothing, before=before, said="none"))
        assert found == {"no_hallucination", "consistency"}

    LEFT = "I am done with Leeds"
    ENDS = gold(CITY, "Leeds", LEFT, action="retract", mention="Leeds")

    @pytest.mark.parametrize(
        ("held", "value", "wrong"),
        [
            ("Leeds", "Leeds", set()),
            ("Leeds", "", set()),
            ("north Leeds", "north leeds", set()),
            ("north Leeds", "Leeds", {"completeness"}),  # merge would end nothing
            ("Leeds", "York", {"completeness", "no_hallucination"}),
            ("", "Leeds", set()),  # the policy missed it when it was said
        ],
    )
    async def test_a_retraction_ends_what_is_held(self, held: str, value: str, wrong: set[str]) -> None:
        before = holding(Preference(slot=CITY, value=held)) if held else Profile()
        its = told(self.LEFT, self.ENDS, said="retract")
        mine = retracts(CITY, value, self.LEFT)
        assert await failed(step(self.LEFT, mine, gold=its, before=before, said="retract")) == wrong

    async def test_a_cleared_slot_must_hold_nothing_else(self) -> None:
        before = holding(Preference(slot=DIET, value="vegan"), Preference(slot=DIET, value="kosher"))
        text, ends = "No longer vegan", gold(DIET, "vegan", "No longer vegan", action="retract")
        its = told(text, ends, said="retract")
        for value, wrong in (("vegan", set()), ("", {"consistency"})):
            mine = retracts(DIET, value, text)
            assert await failed(step(text, mine, gold=its, before=before, said="retract")) == wrong


class TestGoldBeyondTheGate:
    TEXT = 'I am reading "A Winter in the High Valley" again'
    ITS = told(TEXT, gold("interests.books.current", "A Winter in the High Valley"))

    async def test_it_may_be_proposed_and_need_not(self) -> None:
        proposed = step(
            self.TEXT, states("interests.books.current", "A Winter in the High Valley"), gold=self.ITS
        )
        assert [one.reason for one in proposed.entry.rejections] == ["not the user's words"]
        assert not await failed(proposed)
        assert not await failed(step(self.TEXT, gold=self.ITS, said="none"))

    async def test_other_rejected_operations_are_inventions(self) -> None:
        found = await failed(
            step(self.TEXT, states("interests.books.genre", "A Winter in the High Valley"), gold=self.ITS)
        )
        assert found == {"no_hallucination"}

    async def test_gold_in_slots_that_the_template_lacks_is_not_demanded(self) -> None:
        small = load_template().keep(1)
        assert (small.slot(DIET), small.slot(CITY)) == (None, None)
        silent = step(LINE, gold=GOLD, said="none")
        assert not await failed(silent, GoldJudge(small))
        assert "completeness" in await failed(silent)


async def test_a_reply_that_cannot_be_read_has_nothing_right() -> None:
    assert await JUDGE.judge(replied(turn(LINE), BROKEN, GOLD)) == UNREADABLE
    assert not UNREADABLE.holds


async def test_gold_in_prose_needs_a_model_and_is_told_before_any_work() -> None:
    prose = Told("She is vegan.", "She is blunt.")
    assert await JUDGE.judge(replied(turn(LINE), step(LINE, gold=GOLD).reply, prose)) is None
    good = Episode("one", "ada", (turn(LINE),), (GOLD,))
    JUDGE.check([good])
    with pytest.raises(DataError, match="two: its gold is prose"):
        JUDGE.check([good, Episode("two", "ada", (turn(LINE),), (prose,))])


@pytest.mark.parametrize("name", CRITERIA)
def test_all_four_must_hold(name: str) -> None:
    assert Verdict(**dict.fromkeys(CRITERIA, True)).holds
    assert not Verdict(**{**dict.fromkeys(CRITERIA, True), name: False}).holds


def test_proposals_are_what_passed_the_gate_and_what_did_not() -> None:
    one = step(LINE, states(ALLERGY, "nuts"), VEGAN, gold=GOLD)
    assert [operation.preference.value for operation in proposals(one)] == ["vegan", "nuts"]


async def test_what_the_user_pinned_is_held_too() -> None:
    pinned = fold([edit_entry("pin", Preference(slot=DIET, value="vegan"), START)])
    text = "As a vegan I need a cake"
    found = await failed(
        step(text, states(DIET, "vegan", text), gold=told(text, said="none"), before=pinned, said="none")
    )
    assert found == {"consistency"}
    assert TEMPLATE.slot(DIET) is not None
