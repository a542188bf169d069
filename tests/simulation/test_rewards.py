"""What the rewards are, and that more of what is right never costs anything."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora.gold import GoldOperation
from personalagent.profile.history import Held
from personalagent.profile.preference import Polarity
from personalagent.profile.profile import Profile, fold
from personalagent.simulation.rewards import Wanted, matched, meets, profile_reward, response_reward
from tests.make import ALLERGY, BUDGET, CITY, DIET, START, entry, states
from tests.simulation.people import operation

SLOTS = (DIET, ALLERGY, CITY, BUDGET)
LENGTH = "personality.communication.length"
REVEALED = (operation(DIET, "vegan"), operation(CITY, "York"))


def profile(*pairs: tuple[str, str], polarity: Polarity = "neutral") -> Profile:
    """Values that were read one turn after the other, from day 0."""
    return fold(entry(day, states(*pair, polarity=polarity)) for day, pair in enumerate(pairs))


def held(*pairs: tuple[str, str]) -> list[Held]:
    """Preferences that come from one turn."""
    made = [states(slot, value).preference for slot, value in pairs]
    return [Held(preference=one, since=START, last_said=START, turns=("t",)) for one in made]


class TestProfile:
    @pytest.mark.parametrize(
        ("pairs", "expected"),
        [
            ([(DIET, "vegan"), (CITY, "York")], 1.0),
            ([(DIET, "Vegan!"), (CITY, "in York")], 1.0),
            ([(DIET, "vegan")], 2 / 3),
            ([(DIET, "vegan"), (CITY, "Leeds")], 1 / 2),
            ([(DIET, "York"), (CITY, "vegan")], 0.0),
            ([], 0.0),
        ],
    )
    def test_is_the_f1_of_slot_and_value(self, pairs: list[tuple[str, str]], expected: float) -> None:
        assert profile_reward(profile(*pairs), REVEALED) == pytest.approx(expected)

    def test_nothing_of_nothing_is_right_and_anything_of_nothing_is_wrong(self) -> None:
        assert profile_reward(Profile(), ()) == 1.0
        assert profile_reward(profile((DIET, "vegan")), ()) == 0.0

    def test_a_slot_as_good_is_as_good(self) -> None:
        assert profile_reward(profile((ALLERGY, "nuts")), [operation(DIET, "nuts", "", ALLERGY)]) == 1.0

    def test_what_is_avoided_is_not_liked(self) -> None:
        avoided = [operation(DIET, "nuts", polarity="avoid")]
        assert profile_reward(profile((DIET, "nuts"), polarity="like"), avoided) == 0.0
        assert profile_reward(profile((DIET, "nuts"), polarity="dislike"), avoided) == 1.0

    def test_what_comes_from_a_turn_without_gold_is_right_or_does_not_count(self) -> None:
        read = profile((DIET, "vegan"), (CITY, "Leeds"))
        keys = {turn for slot in (DIET, CITY) for one in read.current[slot] for turn in one.turns}
        assert profile_reward(read, REVEALED, keys) == pytest.approx(2 / 3)


class TestResponse:
    NEEDS = Wanted({DIET: 2, ALLERGY: 1}, askable={DIET})

    def test_a_question_where_nothing_was_asked_for_is_an_intrusion(self) -> None:
        assert response_reward(None, DIET, [], []) == 0.0
        assert response_reward(None, None, [], []) == 1.0
        assert response_reward(Wanted(None), DIET, [], []) == 1.0

    @pytest.mark.parametrize(("slot", "expected"), [(DIET, 1.0), (ALLERGY, 0.5), (CITY, 0.0)])
    def test_a_question_is_as_good_as_its_slot(self, slot: str, expected: float) -> None:
        assert response_reward(self.NEEDS, slot, [], []) == expected

    def test_and_worth_nothing_where_enough_was_revealed(self) -> None:
        assert response_reward(self.NEEDS, ALLERGY, [], REVEALED) == 0.0
        assert response_reward(self.NEEDS, ALLERGY, [], [operation(ALLERGY, "nuts")]) == 0.5

    def test_an_answer_in_the_dark_is_worth_nothing_if_a_question_would_have_helped(self) -> None:
        assert response_reward(self.NEEDS, None, [], []) == 0.0
        assert response_reward(Wanted({DIET: 2}, askable=()), None, [], []) == 1.0
        assert response_reward(Wanted({DIET: 2, ALLERGY: 1}, askable={ALLERGY}), None, [], []) == 1.0

    @pytest.mark.parametrize(
        ("pairs", "expected"),
        [
            ([(DIET, "vegan")], 1.0),
            ([(DIET, "vegan"), (CITY, "York")], 2 / 3),
            ([(CITY, "York")], 0.0),
            ([(DIET, "vegan"), (LENGTH, "short")], 1.0),
            ([], 0.0),
        ],
    )
    def test_an_answer_is_as_good_as_what_it_is_made_from(
        self, pairs: list[tuple[str, str]], expected: float
    ) -> None:
        assert response_reward(self.NEEDS, None, held(*pairs), REVEALED) == pytest.approx(expected)

    def test_what_only_helps_may_be_left_out(self) -> None:
        revealed = [*REVEALED, operation(ALLERGY, "nuts")]
        assert response_reward(self.NEEDS, None, held((DIET, "vegan")), revealed) == 1.0
        assert response_reward(self.NEEDS, None, held((DIET, "vegan"), (ALLERGY, "nuts")), revealed) == 1.0

    def test_of_facts_and_code_nothing_is_anybodys_preference(self) -> None:
        nothing = Wanted({}, askable={DIET})
        assert response_reward(nothing, None, [], REVEALED) == 1.0
        assert response_reward(nothing, None, held((DIET, "vegan")), REVEALED) == 0.0
        assert response_reward(nothing, DIET, [], REVEALED) == 0.0


values = st.sampled_from(["a", "a b", "b c", "a b c d", "d", "c d"])
pairs = st.tuples(st.sampled_from(SLOTS), values)
slots = st.lists(st.sampled_from(SLOTS), min_size=1, max_size=3, unique=True)
golds = st.lists(st.builds(lambda found, value: operation(found[0], value, "", *found[1:]), slots, values))
handed = st.lists(pairs, max_size=6)
wants = st.builds(
    Wanted, st.dictionaries(st.sampled_from(SLOTS), st.sampled_from([1, 2])), st.sets(st.sampled_from(SLOTS))
)


def unmet(mine: Sequence[Held], gold: Sequence[GoldOperation]) -> list[GoldOperation]:
    """Those of gold that none of mine is paired with."""
    met = set(matched(mine, gold).values())
    return [op for number, op in enumerate(gold) if number not in met]


def current(read: Profile) -> list[Held]:
    return [one for found in read.current.values() for one in found]


@given(handed, golds, wants, st.sampled_from([None, *SLOTS]))
def test_rewards_are_shares(
    mine: list[tuple[str, str]], gold: list[GoldOperation], wanted: Wanted, asks: str | None
) -> None:
    assert 0 <= profile_reward(profile(*mine), gold) <= 1
    for one in (wanted, None):
        assert 0 <= response_reward(one, asks, held(*mine), gold) <= 1


@given(handed, golds, st.data())
def test_one_more_right_value_is_never_worse(
    mine: list[tuple[str, str]], gold: list[GoldOperation], data: st.DataObject
) -> None:
    missing = unmet(current(profile(*mine)), gold)
    if missing:
        op = data.draw(st.sampled_from(missing))
        more = profile(*mine, (op.slots[0], op.value))
        assert profile_reward(more, gold) >= profile_reward(profile(*mine), gold)


@given(handed, golds, pairs)
def test_one_more_wrong_value_is_never_better(
    mine: list[tuple[str, str]], gold: list[GoldOperation], more: tuple[str, str]
) -> None:
    if not any(meets(held(more)[0], op) for op in gold):
        assert profile_reward(profile(*mine, more), gold) <= profile_reward(profile(*mine), gold)


@given(handed, golds, wants, pairs)
def test_handing_on_what_is_not_needed_is_never_better(
    mine: list[tuple[str, str]], gold: list[GoldOperation], wanted: Wanted, more: tuple[str, str]
) -> None:
    needs = wanted.needs or {}
    needed = [op for op in gold if set(op.slots) & needs.keys()]
    if not any(meets(held(more)[0], op) for op in needed):
        reward = response_reward(wanted, None, held(*mine, more), gold)
        assert reward <= response_reward(wanted, None, held(*mine), gold)


@given(handed, golds, wants, st.data())
def test_handing_on_what_decides_is_never_worse(
    mine: list[tuple[str, str]], gold: list[GoldOperation], wanted: Wanted, data: st.DataObject
) -> None:
    needs = wanted.needs or {}
    deciding = [op for op in gold if any(needs.get(slot) == 2 for slot in op.slots)]
    missing = unmet(held(*mine), deciding)
    if missing:
        op = data.draw(st.sampled_from(missing))
        reward = response_reward(wanted, None, held(*mine, (op.slots[0], op.value)), gold)
        assert reward >= response_reward(wanted, None, held(*mine), gold)


@given(handed, golds)
def test_the_number_of_pairs_does_not_depend_on_the_order(
    mine: list[tuple[str, str]], gold: list[GoldOperation]
) -> None:
    assert len(matched(held(*mine), gold)) == len(matched(held(*reversed(mine)), gold[::-1]))
