"""What an index changes about a decision: what settles it, what goes along, and when it is not asked."""

from pathlib import Path
from typing import Any

import pytest

from personalagent.graph.context import Parts
from personalagent.nodes.deciding import Decided, decide
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.policy import Failure
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.preference import Need
from personalagent.profile.profile import Profile, fold
from personalagent.profile.sufficiency import DECIDING
from personalagent.profile.template import Template, load_template
from personalagent.stores.index import Related
from tests.make import ALLERGY, BUDGET, DIET, entry, states

TEMPLATE = load_template()
WISH = "interests.other.likes"
REQUEST = "where shall I go in May?"
KNOWN = fold([entry(1, states(WISH, "quiet islands", polarity="like"))])
MEAL = "a recipe?"
NEEDS = {
    REQUEST: [Need(slot=BUDGET, weight=0.9)],
    MEAL: [Need(slot=ALLERGY, weight=0.9), Need(slot=DIET, weight=0.8)],
}


class FoundIndex:
    """Finds all there is, as told; an exception is raised."""

    def __init__(self, *, settles: bool = False, error: Exception | None = None) -> None:
        self.settles, self.error = settles, error
        self.requests: list[str] = []

    async def related(
        self, user: str, request: str, profile: Profile, template: Template
    ) -> tuple[Related, ...]:
        self.requests.append(request)
        if self.error:
            raise self.error
        held = [one for current in profile.current.values() for one in current]
        return tuple(Related(one, 0.5, self.settles) for one in held)

    async def erase(self, user: str) -> None:
        return None

    def close(self) -> None:
        return None


async def decided(index: FoundIndex | None, request: str = REQUEST, profile: Profile = KNOWN) -> Decided:
    parts = Parts(policy=ScriptedPolicy(needs=NEEDS), template=TEMPLATE, index=index)
    return await decide(request, profile, parts=parts, user="ada")


def handed(found: Decided) -> list[str]:
    return [held.preference.value for held in found.handed]


async def test_without_an_index_an_unknown_need_is_asked_for() -> None:
    found = await decided(None)
    assert found.asks
    assert handed(found) == []


async def test_what_merely_bears_on_the_request_goes_along_and_the_question_is_still_asked() -> None:
    found = await decided(FoundIndex(settles=False))
    assert found.asks
    assert handed(found) == ["quiet islands"]


async def test_what_settles_the_request_spares_the_question() -> None:
    found = await decided(FoundIndex(settles=True))
    assert not found.asks
    assert handed(found) == ["quiet islands"]


async def test_a_known_need_is_enough_whatever_the_index_finds() -> None:
    vegan = fold([entry(1, states(DIET, "vegan"))])
    for index in (None, FoundIndex(settles=False), FoundIndex(settles=True)):
        assert not (await decided(index, MEAL, vegan)).asks


@pytest.mark.parametrize(("deciding", "asks"), [(0.85, True), (0.95, False)])
async def test_a_policy_may_say_from_which_weight_a_need_is_worth_a_question(
    deciding: float, asks: bool
) -> None:
    policy = ScriptedPolicy(needs=NEEDS)
    policy.deciding = deciding  # type: ignore[attr-defined]  # a policy may have it, and need not
    found = await decide(REQUEST, KNOWN, parts=Parts(policy=policy, template=TEMPLATE), user="ada")
    assert found.asks is asks


async def test_the_embedded_policys_own_weight_is_the_one_that_counts() -> None:
    policy = EmbeddedPolicy()
    request = "Can you suggest a recipe for dinner?"
    parts = Parts(policy=policy, template=TEMPLATE)
    found = await decide(request, Profile(), parts=parts, user="ada")
    assert policy.deciding < DECIDING
    assert found.asks
    light = (Need(slot=DIET, weight=(policy.deciding + DECIDING) / 2),)
    assert (await decide(request, Profile(), parts=parts, user="ada", needs=light)).asks
    other = Parts(policy=ScriptedPolicy(), template=TEMPLATE)
    assert not (await decide(request, Profile(), parts=other, user="ada", needs=light)).asks


async def test_a_model_that_is_missing_costs_no_answer(tmp_path: Path) -> None:
    parts = Parts(policy=EmbeddedPolicy(tmp_path), template=TEMPLATE, stand_in=ScriptedPolicy(needs=NEEDS))
    found = await decide(REQUEST, KNOWN, parts=parts, user="ada")
    assert not found.asks
    assert "model" in found.failures["needs"].detail
    known = await decide(REQUEST, KNOWN, parts=parts, user="ada", needs=(Need(slot=BUDGET, weight=0.9),))
    assert known.asks


async def test_an_index_that_fails_costs_only_what_it_would_have_found() -> None:
    found = await decided(FoundIndex(error=OSError("disk full")))
    assert found.asks
    assert list(found.failures) == ["index"]
    assert "disk full" in found.failures["index"].detail


async def test_a_request_without_needs_does_not_touch_the_index() -> None:
    index = FoundIndex(settles=True)
    assert handed(await decided(index, "what is 2 + 2?")) == []
    assert index.requests == []


async def test_no_request_needs_nothing_and_asks_nobody() -> None:
    policy = ScriptedPolicy(needs={"": NEEDS[REQUEST]})
    found = await decide("", KNOWN, parts=Parts(policy=policy, template=TEMPLATE), user="ada")
    assert (found.sufficiency.needs, policy.requests) == ((), [])


async def test_where_the_policy_fails_the_stand_in_names_needs_and_nothing_is_asked() -> None:
    class Broken(ScriptedPolicy):
        async def needs(self, request: str, profile: Profile, template: Template) -> Any:
            return Failure(kind="unreachable")

    parts = Parts(policy=Broken(), template=TEMPLATE, stand_in=ScriptedPolicy(needs=NEEDS))
    found = await decide(REQUEST, Profile(), parts=parts, user="ada")
    assert [need.slot for need in found.sufficiency.needs] == [BUDGET]
    assert not found.asks
    assert found.failures["needs"].kind == "unreachable"
