"""A made-up persona, and policies that read her well or badly."""

from collections.abc import Callable, Mapping

from personalagent.corpora.gold import (
    GoldDialogue,
    GoldOperation,
    GoldRequest,
    GoldTurn,
    Held,
    inference_of,
)
from personalagent.dialogue import Turn
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.evidence import locate
from personalagent.profile.preference import Inference, Need
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template
from personalagent.simulation.persona import Persona, persona_of
from personalagent.simulation.scripted import ScriptedUser
from tests.make import ALLERGY, BUDGET, CITY, DIET, states

TEMPLATE = load_template()
JOB = "career.job.occupation"
MUSIC = "interests.music.genre"
DINNER = "what could I cook tonight"
TRIP = "where should I go on Saturday"
SUM = "what is 12 times 12"
WEIGHTS = {2: 1.0, 1: 0.4}


def operation(slot: str, value: str, evidence: str = "", *others: str, **more: str) -> GoldOperation:
    """A gold operation; `others` are slots as good."""
    return GoldOperation.model_validate(
        {"slots": (slot, *others), "value": value, "evidence": evidence or value, **more}
    )


def told(user: str, *operations: GoldOperation, reply: str = "I see.") -> GoldTurn:
    """A message and what it states."""
    kind = "new" if operations else "none"
    return GoldTurn.model_validate(
        {"user": user, "assistant": reply, "classification": kind, "operations": operations}
    )


def request(text: str, needs: Mapping[str, int], *profile: tuple[str, str]) -> GoldRequest:
    """A request of hers, and the lines of its profile."""
    lines = tuple(Held(slot=slot, polarity="neutral", value=value) for slot, value in profile)
    return GoldRequest.model_validate(
        {"persona": "ann", "split": "dev", "request": text, "kind": None, "needs": needs, "profile": lines}
        | {"decision": "answer"}
    )


def ann(*requests: GoldRequest) -> Persona:
    """A nurse who moves from Leeds to York, and says nothing of her diet unless she is asked."""
    first = (
        told("hello there", reply="Hello."),
        told("I'm a nurse in Leeds", operation(JOB, "nurse", "I'm a nurse"), operation(CITY, "Leeds")),
        told("I like slow jazz", operation(MUSIC, "slow jazz", "I like slow jazz", polarity="like")),
    )
    gone = operation(CITY, "Leeds", "we left Leeds", action="retract")
    second = (told("we left Leeds for York", gone, operation(CITY, "York", "for York")), told("thanks"))
    script = [
        GoldDialogue(id=name, persona="ann", about="a nurse", split="dev", turns=turns)
        for name, turns in (("d1", first), ("d2", second))
    ]
    asked = requests or (
        request(DINNER, {DIET: 2, ALLERGY: 1}, (DIET, "vegan")),
        request(TRIP, {CITY: 2, BUDGET: 1}, (CITY, "York")),
        request(SUM, {}),
    )
    return persona_of(script, asked, TEMPLATE)


def user_of(persona: Persona) -> Callable[[int], ScriptedUser]:
    """The persona as a scripted user, by seed."""
    return lambda seed: ScriptedUser(persona, seed, TEMPLATE)


def needs_of(persona: Persona) -> dict[str, list[Need]]:
    """The gold needs of her requests, as a policy names them."""
    return {
        one.request: [Need(slot=slot, weight=WEIGHTS[grade]) for slot, grade in one.needs.items()]
        for one in persona.requests
    }


def perfect(persona: Persona) -> ScriptedPolicy:
    """Reads what she says as the corpus does, and her answers to questions, too."""
    gold = {turn.user: inference_of(turn) for one in persona.script for turn in one.turns}

    def reads(turn: Turn, profile: Profile) -> Inference:
        if turn.answers is None:
            return gold.get(turn.text, Inference())
        given = [one.value for one in persona.about_slot(turn.answers) if locate(one.value, turn.text)]
        operations = tuple(states(turn.answers, value) for value in given)
        return Inference(operations=operations, classification="new" if given else "none")

    return ScriptedPolicy([reads] * 99, needs_of(persona))


def hallucinating() -> ScriptedPolicy:
    """Takes something from every message that nobody said of herself."""

    def reads(turn: Turn, profile: Profile) -> Inference:
        word = turn.text.split()[0]
        return Inference(operations=(states(DIET, word),), classification="new")

    return ScriptedPolicy([reads] * 99)
