"""Places in a script: all that is drawn is there, and requests are met."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.simulation.persona import Persona, personas
from personalagent.simulation.places import TIMES, meetings, places
from personalagent.simulation.scripted import ScriptedUser, script
from personalagent.simulation.user import Said
from tests.simulation.people import TEMPLATE, ann


def met(persona: Persona, start: int, turns: int, seed: int) -> list[Said]:
    """The requests that she makes in so many turns."""
    return [one for one in script(persona, seed)[start : start + turns] if one.needs is not None]


@given(st.integers(1, 12), st.integers(0, 99))
def test_every_request_is_met_and_one_place_is_without(turns: int, seed: int) -> None:
    found = places(ann(), turns, seed)
    assert found == sorted(set(found)) == places(ann(), turns, seed)
    each = [met(ann(), start, turns, seed) for start in found]
    assert {said.text for one in each for said in one} == {one.request for one in ann().requests}
    assert len(found) <= TIMES * len(ann().requests) + 1
    assert sum(not one for one in each) <= 1


@given(st.integers(1, 12), st.integers(0, 99))
def test_who_never_asks_is_met_once_and_as_long_as_she_can_be(turns: int, seed: int) -> None:
    persona = ann().model_copy(update={"requests": ()})
    (start,) = places(persona, turns, seed)
    said = len(script(persona, seed))
    assert said - start >= min(turns, said)


def test_a_request_may_stand_at_any_turn() -> None:
    persona = ann().model_copy(update={"requests": ann().requests[:1]})
    stands = set()
    for seed in range(50):
        said = script(persona, seed)
        number = next(n for n, one in enumerate(said) if one.needs is not None)
        stands |= {number - start for start in places(persona, 3, seed) if 0 <= number - start < 3}
    assert stands == {0, 1, 2}


@pytest.mark.parametrize("start", range(8))
async def test_she_opens_where_she_is_told_to(start: int) -> None:
    user = ScriptedUser(ann(), 0, TEMPLATE, start)
    assert (*user.told, await user.opens()) == script(ann(), 0)[: start + 1]


def test_a_third_of_the_places_in_the_corpus_meet_a_request_and_a_third_do_not() -> None:
    everybody = personas(TEMPLATE, None, "train")
    each = [bool(met(one, start, 3, 0)) for one, start in meetings(everybody, 3, 0)]
    assert len(each) / 3 < sum(each) < len(each) * 2 / 3


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 99))
def test_those_who_never_ask_do_not_crowd_out_those_who_do(asking: int, silent: int, seed: int) -> None:
    askers = [ann().model_copy(update={"id": f"asks-{n}"}) for n in range(asking)]
    others = [ann().model_copy(update={"id": f"quiet-{n}", "requests": ()}) for n in range(silent)]
    found = meetings([*others, *askers], 3, seed)
    places_of_askers = [(one, place) for one in askers for place in places(one, 3, seed)]
    assert [meeting for meeting in found if meeting[0].requests] == places_of_askers
    assert len(found) - len(places_of_askers) == min(silent, len(places_of_askers) or silent)
