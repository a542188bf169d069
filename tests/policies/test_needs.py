import pytest

from personalagent.policies.rules import RulePolicy
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template

TEMPLATE = load_template()
POLICY = RulePolicy()


@pytest.mark.parametrize(
    ("request_text", "first"),
    [
        ("Can you suggest a recipe for dinner?", "consumption.diet.restriction"),
        ("Recommend me a good film", "interests.film.genre"),
        ("What should I wear to a party?", "consumption.fashion.style"),
        ("I'm visiting Rome soon. Where should I eat out?", "consumption.diet.restriction"),
    ],
)
async def test_a_request_needs_what_its_kind_needs(request_text: str, first: str) -> None:
    needs = await POLICY.needs(request_text, Profile(), TEMPLATE)
    assert first in [need.slot for need in needs[:3]]
    assert len(needs) <= 8
    assert [need.weight for need in needs] == sorted((need.weight for need in needs), reverse=True)
    assert all(need.weight >= 0.3 for need in needs)


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "How many cups are in a litre?",
        "Fix this function: def dinner(): pass",
        "Translate 'restaurant' into Polish",
        "Write an email to my landlord about the kitchen",
        "I love restaurants.",
        "What is 17 * 23?",
        "Is this sentence correct: I has a car",
        "Who wrote the book Dracula?",
        "",
        "ok",
        "🙂",
    ],
)
async def test_what_depends_on_nobodys_tastes_needs_nothing(text: str) -> None:
    assert await POLICY.needs(text, Profile(), TEMPLATE) == ()
