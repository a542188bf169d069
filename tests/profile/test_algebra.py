"""The algebra that crash safety, concurrency and forgetting rest on."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from personalagent.profile.log import Entry, TurnEntry, edit_entry, undo_entry
from personalagent.profile.preference import Operation, Preference
from personalagent.profile.profile import Profile, fold, merge
from tests.make import ALLERGY, CITY, DIET, day, entry, retracts, states

KINDS = {CITY: "one", DIET: "many", ALLERGY: "many"}
WORDS = ["Leeds", "York", "vegan", "peanuts", "fish"]


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    slot = draw(st.sampled_from(sorted(KINDS)))
    value = draw(st.sampled_from(WORDS))
    if draw(st.booleans()):
        polarity = draw(st.sampled_from(["neutral", "like", "avoid"]))
        scope = draw(st.sampled_from([None, "at home"]))
        return states(slot, value, kind=KINDS[slot], polarity=polarity, scope=scope)
    return retracts(slot, draw(st.sampled_from([value, ""])))


@st.composite
def logs(draw: st.DrawFn) -> list[Entry]:
    """A log of turns from two sessions, edits and tombstones, with some at the very same time."""
    times = draw(st.lists(st.integers(0, 6), max_size=10))
    log: list[Entry] = []
    for place, number in enumerate(times):
        made = entry(number, *draw(st.lists(operations(), max_size=3)), session=draw(st.sampled_from("ab")))
        log.append(made.model_copy(update={"key": f"turn-{place}"}))
    for number in draw(st.lists(st.integers(0, 6), max_size=2)):
        preference = Preference.model_validate(
            {"slot": CITY, "value": draw(st.sampled_from(WORDS)), "kind": "one"}
        )
        log.append(edit_entry(draw(st.sampled_from(["pin", "remove"])), preference, day(number)))
    for place in draw(st.lists(st.integers(0, 9), max_size=1)):
        log.append(undo_entry(f"turn-{place}", day(7)))
    return log


@given(logs())
def test_folding_is_merging_one_by_one(log: list[Entry]) -> None:
    assert reduce(merge, log, Profile()) == fold(log)


@given(logs(), st.randoms())
def test_the_order_of_arrival_does_not_matter(log: list[Entry], random: object) -> None:
    shuffled = list(log)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(log)
    assert fold(shuffled).values() == fold(log).values()


@given(logs(), st.data())
def test_replaying_any_part_of_the_log_changes_nothing(log: list[Entry], data: st.DataObject) -> None:
    replayed = data.draw(st.lists(st.sampled_from(log), max_size=5)) if log else []
    assert fold([*log, *replayed]) == fold(log)


@given(logs(), logs())
def test_profiles_that_parted_come_together_again_whichever_is_first(
    left: list[Entry], right: list[Entry]
) -> None:
    assert fold([*fold(left).entries, *right]) == fold([*fold(right).entries, *left])


@given(logs())
def test_null_never_erases(log: list[Entry]) -> None:
    silent = entry(99).model_copy(update={"key": "silent"})
    assert merge(fold(log), silent).values() == fold(log).values()


@given(logs())
def test_without_a_turn_nothing_is_left_that_came_only_from_it(log: list[Entry]) -> None:
    for forgotten in log:
        if not isinstance(forgotten, TurnEntry):
            continue
        left = fold(e for e in log if e.key != forgotten.key)
        slots = KINDS
        told = [held for slot in slots for held in left.why(slot)]
        assert all(forgotten.key not in held.turns for held in told)
        undone = fold([*log, undo_entry(forgotten.key, day(9))])
        assert undone.values() == left.values()


@given(logs())
def test_at_most_one_current_value_in_a_cell(log: list[Entry]) -> None:
    for current in fold(log).current.values():
        cells = [held.preference.cell for held in current]
        assert len(cells) == len(set(cells))


@given(logs())
def test_intervals_of_a_cell_do_not_overlap(log: list[Entry]) -> None:
    profile = fold(log)
    for slot in KINDS:
        spans: dict[tuple[str, str], list[tuple[object, object]]] = {}
        for held in profile.why(slot):
            if held.status != "overruled":
                spans.setdefault(held.preference.cell, []).append((held.since, held.until))
        for of_cell in spans.values():
            ends = [end for _, end in of_cell[:-1]]
            assert None not in ends
