import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.profile.log import Entry, Outcome, question_entry
from personalagent.profile.preference import Need
from personalagent.profile.profile import fold
from personalagent.profile.sufficiency import Sufficiency, check, relevant
from personalagent.profile.template import load_template
from tests.make import ALLERGY, CITY, DIET, day, entry, states

TEMPLATE = load_template()
PLAN = "scenario.plans.upcoming"
NEEDS = [Need(slot=CITY, weight=0.5), Need(slot=DIET, weight=1.0), Need(slot=ALLERGY, weight=0.9)]


def checked(*log: Entry, needs: list[Need] = NEEDS, budget: int = 1, now: float = 1) -> Sufficiency:
    return check(needs, fold(log), TEMPLATE, budget=budget, now=day(now))


def asked(slot: str, outcome: Outcome) -> Entry:
    return question_entry("t", slot, outcome, day(0))


def test_with_nothing_known_it_asks_about_the_weightiest_need() -> None:
    found = checked()
    assert (found.decision, found.ask) == ("clarify", DIET)
    assert found.missing == (DIET, ALLERGY, CITY)
    assert [need.slot for need in found.needs] == [DIET, ALLERGY, CITY]


def test_one_known_deciding_slot_is_enough() -> None:
    found = checked(entry(0, states(ALLERGY, "nuts")))
    assert (found.decision, found.ask) == ("respond", None)
    assert (found.known, found.missing) == ((ALLERGY,), (DIET, CITY))


def test_a_known_slot_of_some_weight_is_enough_too_and_a_light_one_is_not() -> None:
    leeds = entry(0, states(CITY, "Leeds"))
    assert checked(leeds).decision == "respond"
    light = [Need(slot=CITY, weight=0.4), Need(slot=DIET, weight=1.0)]
    assert checked(leeds, needs=light).ask == DIET


def test_a_value_that_the_request_names_is_enough() -> None:
    log = fold([entry(0, states("interests.hobbies.pastime", "pottery"))])
    needs = [Need(slot=DIET, weight=1.0)]
    assert check(needs, log, TEMPLATE, request="a pottery class?", now=day(1)).decision == "respond"
    assert check(needs, log, TEMPLATE, request="a cooking class?", now=day(1)).ask == DIET


def test_what_only_shades_the_answer_is_never_asked_for() -> None:
    assert checked(needs=[Need(slot=CITY, weight=0.5)]).decision == "respond"


def test_a_request_that_needs_nothing_is_answered() -> None:
    assert checked(needs=[]) == Sufficiency()


@pytest.mark.parametrize("outcome", ["asked", "answered", "declined", "unknown"])
def test_a_slot_that_was_asked_about_is_settled_whatever_came_of_it(outcome: Outcome) -> None:
    found = checked(asked(DIET, outcome))
    assert found.ask == ALLERGY
    assert found.settled == (DIET,)
    assert DIET not in found.missing


def test_when_all_deciding_slots_are_settled_it_answers() -> None:
    assert checked(asked(DIET, "declined"), asked(ALLERGY, "unknown")).decision == "respond"


def test_special_categories_are_not_asked_for_where_they_are_never_stored() -> None:
    needs = [Need(slot=ALLERGY, weight=1.0), Need(slot=DIET, weight=0.8)]
    assert checked(needs=needs).ask == ALLERGY
    assert check(needs, fold([]), TEMPLATE, special="never", now=day(1)).ask == DIET


def test_without_budget_it_answers() -> None:
    assert checked(budget=0).decision == "respond"


def test_a_value_gone_stale_is_no_longer_known() -> None:
    needs = [Need(slot=PLAN, weight=1.0)]
    plan = entry(0, states(PLAN, "move house"))
    half_life = TEMPLATE.slots[PLAN].half_life_days
    assert half_life is not None
    assert checked(plan, needs=needs, now=half_life).decision == "respond"
    assert checked(plan, needs=needs, now=3 * half_life).decision == "clarify"


class TestRelevant:
    profile = fold(
        [
            entry(
                0,
                states(DIET, "vegan"),
                states(CITY, "Leeds"),
                states("interests.hobbies.pastime", "pottery"),
            )
        ]
    )

    def values(self, request: str, needs: list[Need]) -> list[str]:
        profile = self.profile
        found = check(needs, profile, TEMPLATE, now=day(1))
        return [h.preference.value for h in relevant(request, found, profile, TEMPLATE, now=day(1))]

    def test_it_is_what_the_request_needs_and_no_more(self) -> None:
        assert self.values("dinner?", NEEDS) == ["vegan", "Leeds"]

    def test_a_request_that_needs_nothing_gets_nothing(self) -> None:
        assert self.values("what is 2 + 2?", []) == []

    def test_how_the_user_wants_to_be_answered_matters_to_every_reply(self) -> None:
        short = entry(1, states("personality.communication.length", "short answers"))
        profile = fold([*self.profile.entries, short])
        found = relevant("what is 2 + 2?", Sufficiency(), profile, TEMPLATE, now=day(1))
        assert [h.preference.value for h in found] == ["short answers"]

    def test_what_the_request_names_itself_belongs_to_it(self) -> None:
        hobby = [Need(slot="interests.hobbies.wish", weight=0.7)]
        assert self.values("where can I do pottery?", hobby) == ["pottery"]

    @pytest.mark.parametrize("request_text", ["when was pottery invented?", "translate: I love pottery"])
    def test_a_fact_or_a_text_is_not_bent_to_a_taste_that_it_happens_to_name(self, request_text: str) -> None:
        assert self.values(request_text, []) == []

    def test_a_doubtful_value_goes_to_the_reply_and_keeps_nobody_from_asking(self) -> None:
        doubted = fold([entry(0, states(DIET, "vegan", confidence=0.1))])
        [vegan] = doubted.current[DIET]
        for needs in ([Need(slot=DIET, weight=1.0)], [Need(slot=ALLERGY, weight=1.0)]):
            found = check(needs, doubted, TEMPLATE, request="a vegan dinner?", related=[vegan], now=day(1))
            assert (found.decision, found.known) == ("clarify", ())
            handed = relevant("dinner?", found, doubted, TEMPLATE, related=[vegan], now=day(1))
            assert handed == (vegan,)

    def test_how_to_answer_must_be_known(self) -> None:
        profile = fold([entry(0, states("personality.communication.length", "short", confidence=0.1))])
        near = profile.current["personality.communication.length"]
        found = check([Need(slot=DIET, weight=1.0)], profile, TEMPLATE, budget=0, now=day(1))
        for one in (Sufficiency(), found):
            assert relevant("dinner?", one, profile, TEMPLATE, related=near, now=day(1)) == ()

    @given(confidence=st.floats(0.01, 1), half_lives=st.integers(0, 600).map(lambda n: n / 100))
    def test_what_is_known_is_handed_on_and_what_is_long_past_is_neither(
        self, confidence: float, half_lives: float
    ) -> None:
        half_life = TEMPLATE.slots[PLAN].half_life_days
        assert half_life is not None
        profile, now = (
            fold([entry(0, states(PLAN, "move", confidence=confidence))]),
            day(half_lives * half_life),
        )
        found = check([Need(slot=PLAN, weight=1.0)], profile, TEMPLATE, now=now)
        handed = relevant("a van?", found, profile, TEMPLATE, now=now)
        assert bool(handed) == (bool(found.known) or half_lives <= 2)
        assert half_lives < 2.4 or not handed

    def test_what_has_gone_stale_is_not_named_either(self) -> None:
        profile = fold([entry(0, states(PLAN, "pottery fair"))])
        needs = [Need(slot=DIET, weight=1.0)]
        fresh = check(needs, profile, TEMPLATE, request="a pottery fair?", now=day(1))
        stale = check(needs, profile, TEMPLATE, request="a pottery fair?", now=day(5000))
        assert (fresh.decision, stale.decision) == ("respond", "clarify")
