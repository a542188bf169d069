"""What bears on a request: the reader's verdict on a preference, and how likely its slot is needed."""

from personalagent.policies.embedding import Bearing, Embedder
from personalagent.policies.model import load_model
from personalagent.policies.wants import Considered, Wants, by_weight, strongest
from personalagent.profile.history import Held
from personalagent.profile.profile import fold
from personalagent.profile.template import load_template
from tests.make import CITY, DIET, entry, states

TEMPLATE = load_template()
DINNER = "Can you suggest a recipe for dinner?"


def held(slot: str, value: str) -> Held:
    return fold([entry(1, states(slot, value))]).current[slot][0]


def bearing(request: str, *known: Held) -> list[Bearing]:
    embedder = Embedder()
    return embedder.bearing(request, embedder.embed([request])[0], known, TEMPLATE)


def test_a_diet_bears_on_dinner_and_a_phone_does_not() -> None:
    phone, diet = bearing(DINNER, held("digital.phone.model", "Pixel 9"), held(DIET, "vegan"))
    assert 0 <= phone.chance < Embedder().related <= diet.chance <= 1
    assert phone.verdict < diet.verdict


def test_what_stands_in_an_open_slot_of_the_category_bears_on_it_too() -> None:
    open_slot, foreign = bearing(
        DINNER, held("consumption.other.dislikes", "mushrooms"), held("digital.other.likes", "Linux")
    )
    assert foreign.chance < Embedder().related <= open_slot.chance


def test_nothing_bears_on_a_request_where_nothing_is_held() -> None:
    assert bearing(DINNER) == []


def test_slots_are_likelier_where_they_are_needed_and_a_slot_that_is_lacking_never_is() -> None:
    wants = Wants(TEMPLATE, load_model())
    embedded = load_model().embed([DINNER])[0]
    diet, city, lacking = wants.likely(embedded, [DIET, CITY, "nowhere.at.all"])
    assert diet > city > lacking == 0


def test_weights_are_calibrated_and_the_strongest_of_them_are_needs() -> None:
    considered = [Considered(slot, verdict, 0.5) for slot, verdict in ((CITY, 0.2), (DIET, 0.9))]
    weighed = by_weight(considered, (1.0, 0.0, 0.0))
    assert [(need.slot, need.weight) for need in weighed] == [(CITY, 0.2), (DIET, 0.9)]
    assert [need.slot for need in strongest(weighed, 0.1)] == [DIET, CITY]
    assert [need.slot for need in strongest(weighed, 0.5)] == [DIET]
    many = by_weight([Considered(f"a.b.s{n}", n / 10, 0.5) for n in range(1, 10)], (1.0, 0.0, 0.0))
    assert [need.slot for need in strongest(many, 0.0)] == [f"a.b.s{n}" for n in range(9, 1, -1)]
