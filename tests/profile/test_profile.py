from datetime import UTC, datetime

import pytest

from personalagent.profile.history import Status
from personalagent.profile.log import edit_entry, question_entry, undo_entry
from personalagent.profile.preference import Preference
from personalagent.profile.profile import Profile, confidence, fold, merge, render, undo
from personalagent.profile.template import load_template
from tests.make import ALLERGY, CITY, DIET, day, entry, retracts, states


def values(profile: Profile, slot: str) -> list[str]:
    return [held.preference.value for held in profile.current.get(slot, ())]


def statuses(profile: Profile, slot: str) -> list[tuple[str, Status]]:
    return [(held.preference.value, held.status) for held in profile.why(slot)]


def pin(slot: str, value: str, number: float, **more: object) -> Profile:
    preference = Preference.model_validate({"slot": slot, "value": value, **more})
    return fold([edit_entry("pin", preference, day(number))])


def test_an_unknown_slot_has_no_value() -> None:
    assert Profile().current == {}
    assert Profile().why(CITY) == ()


def test_the_later_of_two_contradicting_statements_wins_and_the_earlier_keeps_its_interval() -> None:
    profile = fold([entry(0, states(CITY, "Leeds", kind="one")), entry(9, states(CITY, "York", kind="one"))])
    assert values(profile, CITY) == ["York"]
    first, second = profile.why(CITY)
    assert (first.since, first.until, first.status) == (day(0), day(9), "superseded")
    assert (second.since, second.until, second.status) == (day(9), None, "current")


def test_many_valued_slots_keep_values_side_by_side() -> None:
    profile = fold([entry(0, states(ALLERGY, "peanuts")), entry(1, states(ALLERGY, "shellfish"))])
    assert values(profile, ALLERGY) == ["peanuts", "shellfish"]


def test_the_same_value_said_again_is_one_value_surer_than_before() -> None:
    once = fold([entry(0, states(DIET, "vegetarian", confidence=0.6))])
    twice = merge(once, entry(1, states(DIET, "Vegetarian!", confidence=0.5)))
    assert len(twice.current[DIET]) == 1
    assert twice.current[DIET][0].preference.confidence == pytest.approx(0.8)
    assert twice.current[DIET][0].turns == ("s1-0", "s1-1")


def test_a_changed_polarity_replaces_the_old_one() -> None:
    likes, hates = states(DIET, "fish", polarity="like"), states(DIET, "fish", polarity="dislike")
    profile = fold([entry(0, likes), entry(1, hates)])
    assert [held.preference.polarity for held in profile.current[DIET]] == ["dislike"]


def test_values_with_different_scopes_do_not_contradict_each_other() -> None:
    home = states("scenario.travel.budget", "tight", kind="one")
    work = states("scenario.travel.budget", "company pays", kind="one", scope="when travelling for work")
    assert values(fold([entry(0, home), entry(1, work)]), "scenario.travel.budget") == [
        "tight",
        "company pays",
    ]


def test_a_retraction_ends_the_value_that_it_names_and_no_other() -> None:
    profile = fold(
        [
            entry(0, states(ALLERGY, "peanuts"), states(ALLERGY, "shellfish")),
            entry(1, retracts(ALLERGY, "peanuts")),
        ]
    )
    assert values(profile, ALLERGY) == ["shellfish"]
    assert ("peanuts", "retracted") in statuses(profile, ALLERGY)


def test_a_retraction_without_a_value_clears_the_slot() -> None:
    profile = fold(
        [entry(0, states(ALLERGY, "peanuts"), states(ALLERGY, "nuts")), entry(1, retracts(ALLERGY))]
    )
    assert ALLERGY not in profile.current


def test_a_turn_that_says_nothing_erases_nothing() -> None:
    before = fold([entry(0, states(DIET, "vegetarian"))])
    assert merge(before, entry(1)) == before


def test_a_pinned_value_outranks_what_is_inferred_before_and_after_it() -> None:
    inferred = [entry(0, states(CITY, "Leeds", kind="one")), entry(2, states(CITY, "York", kind="one"))]
    profile = fold([*inferred, *pin(CITY, "Hull", 1, kind="one").entries])
    assert values(profile, CITY) == ["Hull"]
    assert statuses(profile, CITY) == [("Leeds", "superseded"), ("Hull", "current"), ("York", "overruled")]


def test_an_inferred_retraction_does_not_touch_a_pinned_value() -> None:
    profile = merge(pin(DIET, "vegan", 0), entry(1, retracts(DIET, "vegan")))
    assert values(profile, DIET) == ["vegan"]


def test_a_later_pin_replaces_an_earlier_one() -> None:
    both = (*pin(CITY, "Hull", 0, kind="one").entries, *pin(CITY, "Bath", 1, kind="one").entries)
    assert values(fold(both), CITY) == ["Bath"]


def test_removing_by_hand_ends_pinned_values_too_and_what_is_said_later_counts_again() -> None:
    removal = edit_entry("remove", Preference(slot=DIET, value="vegan"), day(1))
    profile = merge(pin(DIET, "vegan", 0), removal)
    assert DIET not in profile.current
    assert values(merge(profile, entry(2, states(DIET, "vegan"))), DIET) == ["vegan"]


def test_undoing_a_turn_takes_back_all_that_came_from_it() -> None:
    log = [entry(0, states(CITY, "Leeds", kind="one")), entry(1, states(CITY, "York", kind="one"))]
    profile = undo(fold(log), "s1-1", day(5))
    assert profile == fold([*log, undo_entry("s1-1", day(5))])
    assert undo(profile, "s1-1", day(6)) == profile
    assert values(profile, CITY) == ["Leeds"]
    assert statuses(profile, CITY) == [("Leeds", "current")]


def test_as_of_shows_the_profile_of_that_time_without_turns_undone_since() -> None:
    log = [entry(0, states(CITY, "Leeds", kind="one")), entry(4, states(CITY, "York", kind="one"))]
    assert values(fold(log).as_of(day(3)), CITY) == ["Leeds"]
    assert CITY not in fold([*log, undo_entry("s1-0", day(9))]).as_of(day(3)).current


def test_the_last_word_about_a_question_counts() -> None:
    asked = question_entry("t1", DIET, "asked", day(0))
    declined = question_entry("t1", DIET, "declined", day(1))
    assert fold([declined, asked]).questions == {DIET: "declined"}


@pytest.mark.parametrize(
    ("slot", "days", "expected"),
    [("scenario.plans.upcoming", 0, 0.8), ("demographics.name.called", 9999, 0.8)],
)
def test_fresh_and_permanent_values_keep_their_confidence(slot: str, days: int, expected: float) -> None:
    held = fold([entry(0, states(slot, "x"))]).current[slot][0]
    assert confidence(held, load_template(), day(days)) == pytest.approx(expected)


def test_confidence_halves_with_every_half_life_and_nothing_is_deleted() -> None:
    template = load_template()
    half_life = template.slots[CITY].half_life_days
    assert half_life is not None
    profile = fold([entry(0, states(CITY, "Leeds", kind="one"))])
    held = profile.current[CITY][0]
    assert confidence(held, template, day(half_life)) == pytest.approx(0.4)
    assert confidence(held, template, day(20 * half_life)) < 0.001
    assert values(profile, CITY) == ["Leeds"]


def test_pinned_values_do_not_decay() -> None:
    held = pin(CITY, "Hull", 0, confidence=1.0).current[CITY][0]
    assert confidence(held, load_template(), datetime(2099, 1, 1, tzinfo=UTC)) == 1.0


def test_render_puts_sure_values_first_and_keeps_to_its_budget() -> None:
    profile = fold(
        [
            entry(0, states(CITY, "Leeds", kind="one", confidence=0.5)),
            entry(1, states(ALLERGY, "peanuts", confidence=0.9, polarity="avoid")),
            entry(2, states(DIET, "vegan", scope="at home", confidence=0.7)),
        ]
    )
    whole = render(profile)
    assert whole.splitlines() == [
        "consumption.diet.allergy = avoids peanuts",
        "consumption.diet.restriction = vegan (at home)",
        "geography.home.city = Leeds",
    ]
    assert render(profile, [CITY, "career.job.occupation"]) == "geography.home.city = Leeds"
    assert render(profile, budget=45) == "consumption.diet.allergy = avoids peanuts"
    assert all(len(render(profile, budget=n)) <= n for n in range(150))


def test_a_slot_that_the_template_no_longer_has_keeps_its_values() -> None:
    profile = fold([entry(0, states("consumption.fads.diet", "paleo"))])
    assert values(profile, "consumption.fads.diet") == ["paleo"]
    assert confidence(profile.current["consumption.fads.diet"][0], load_template()) == 0.8


def test_values_are_plain_json() -> None:
    held = fold([entry(0, states(DIET, "vegan"))]).values()[DIET][0]
    assert held == {
        "value": "vegan",
        "polarity": "neutral",
        "scope": None,
        "confidence": 0.8,
        "pinned": False,
        "since": "2026-01-05T09:00:00+00:00",
    }
