from personalagent.corpora import gold
from personalagent.simulation.persona import after, earliest, personas
from tests.make import ALLERGY, CITY, DIET
from tests.simulation.people import DINNER, JOB, MUSIC, TEMPLATE, TRIP, ann, operation, request, told


def test_she_holds_what_her_dialogues_leave_and_what_only_her_requests_say() -> None:
    held = {one.slots[0]: one.value for one in ann().holds}
    assert held == {JOB: "nurse", CITY: "York", MUSIC: "slow jazz", DIET: "vegan"}


def test_of_a_slot_that_has_one_value_the_later_holds() -> None:
    leeds, york = told("Leeds", operation(CITY, "Leeds")), told("York", operation(CITY, "York"))
    known = after(after((), leeds, TEMPLATE), york, TEMPLATE)
    assert [one.value for one in known] == ["York"]


def test_what_is_said_again_or_ended_in_a_slot_as_good_is_the_same() -> None:
    nuts = operation(DIET, "no nuts", "", ALLERGY)
    again, ended = operation(ALLERGY, "No nuts"), operation(ALLERGY, "no nuts", action="retract")
    known = after((), told("no nuts", nuts), TEMPLATE)
    assert len(after(known, told("No nuts", again), TEMPLATE)) == 1
    assert after(known, told("nuts are fine", ended), TEMPLATE) == ()


def test_a_request_makes_sense_once_its_profile_was_said() -> None:
    script = ann().script
    assert earliest(request(TRIP, {}, (CITY, "York")), script) == 1
    assert earliest(request(TRIP, {}, (CITY, "Leeds")), script) == 0
    assert earliest(request(DINNER, {}, (DIET, "vegan")), script) == 0


def test_everybody_in_the_corpus_is_somebody() -> None:
    everybody = personas(TEMPLATE)
    spoken = gold.dialogues()
    assert [one.id for one in everybody] == list(dict.fromkeys(one.persona for one in spoken))
    assert sum(len(one.script) for one in everybody) == len(spoken)
    assert all(TEMPLATE.slot(slot) for one in everybody for slot in one.slots)
    assert {one.script[0].split for one in personas(TEMPLATE, None, "dev")} == {"dev"}
