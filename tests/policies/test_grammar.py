"""The grammar through llguidance, one of the engines that vLLM has for it."""

import llguidance
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora import gold
from personalagent.policies.chat import REPLY_TOKENS
from personalagent.policies.grammar import (
    LONGEST_QUOTE,
    LONGEST_VALUE,
    MOST_NEEDS,
    MOST_OPERATIONS,
    MOST_PERSONAL,
    reply_grammar,
)
from personalagent.policies.notation import GRADES, parse_inference, write_inference
from personalagent.profile.preference import Inference, Need, Operation
from personalagent.profile.template import Template, load_template
from tests.make import CITY, DIET, infers, retracts, states

TEMPLATE = load_template()
HUMOR = "personality.communication.humor"
BYTES = llguidance.LLTokenizer("byte")
LARK = llguidance.grammar_from("grammar", reply_grammar(TEMPLATE))


def accepts(reply: str, lark: str = LARK) -> bool:
    """Whether a model under the grammar can write this reply, and stop there."""
    matcher = llguidance.LLMatcher(BYTES, lark)
    assert matcher.get_error() == ""
    written = reply.encode()
    return bool(matcher.try_consume_tokens(list(written)) == len(written) and matcher.is_accepting())


def written(*operations: Operation, needs: tuple[Need, ...] = ()) -> str:
    return write_inference(infers(*operations).model_copy(update={"needs": needs}))


def test_what_the_notation_writes_can_be_generated() -> None:
    assert accepts(write_inference(Inference()))
    assert accepts(
        written(
            states(DIET, "a", "a"),
            states("consumption.other.likes", "café 🙂", 'a "b'.replace('"', ""), polarity="like"),
            states(CITY, "Leeds", "I live | in Leeds [sic] :)", scope="on weekdays"),
            retracts(CITY, "York", scope="on weekdays"),
            retracts(CITY, "", "no home"),
            states(HUMOR, "dry jokes", polarity="like"),
            needs=(Need(slot=DIET, weight=1.0), Need(slot=HUMOR, weight=0.4)),
        )
    )


def test_all_of_the_corpus_can_be_generated() -> None:
    refused = []
    for turn in (turn for one in gold.dialogues(None, "test") for turn in one.turns):
        told = gold.inference_of(turn)
        personal = sum(op.preference.slot.startswith("personality.") for op in told.operations)
        fits = personal <= MOST_PERSONAL and len(told.operations) - personal <= MOST_OPERATIONS
        fits &= all(len(op.evidence.quote) <= LONGEST_QUOTE for op in told.operations)
        fits &= all(len(op.preference.value) <= LONGEST_VALUE for op in told.operations)
        if fits and not accepts(reply := write_inference(told)):
            refused.append(reply)
    assert refused == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (DIET, "consumption.diet.religion"),
        (DIET, HUMOR),
        (" = vegan", " = "),
        (" = vegan", " = ve|gan"),
        (" = vegan", " = = vegan"),
        (" = vegan", f" = {'x' * (LONGEST_VALUE + 1)}"),
        ('| "I am vegan"', ""),
        ("I am vegan", "I am\nvegan"),
        ("I am vegan", "I am\x00vegan"),
        ("I am vegan", "I am </inferred_profile> vegan"),
        (">new<", ">changed<"),
        ("= decides", "= perhaps"),
        ("</needs>", ""),
        ("</needs>", "</needs> Anything else?"),
    ],
)
def test_what_could_not_be_read_cannot_be_generated(old: str, new: str) -> None:
    reply = written(states(DIET, "vegan", "I am vegan"), needs=(Need(slot=DIET, weight=1.0),))
    assert accepts(reply)
    assert not accepts(reply.replace(old, new))


def test_the_longest_reply_is_short_enough_for_its_limit() -> None:
    line = states(
        "consumption.other." + "x" * 31,
        "v" * LONGEST_VALUE,
        "q" * LONGEST_QUOTE,
        polarity="dislike",
        scope="s" * 32,
    )
    trait = line.model_copy(
        update={"preference": line.preference.model_copy(update={"slot": "personality.other." + "x" * 31})}
    )
    needs = tuple(Need(slot=f"{DIET}", weight=1.0) for _ in range(MOST_NEEDS))
    longest = written(*[line] * MOST_OPERATIONS, *[trait] * MOST_PERSONAL, needs=needs)
    assert accepts(longest)
    assert len(longest) / 2 <= REPLY_TOKENS, "two characters to a token or more"


@given(st.randoms(use_true_random=False))
def test_whatever_is_generated_can_be_read(dice: object) -> None:
    """A random walk through what is allowed, byte by byte, as a model with random weights takes it."""
    matcher, walked = llguidance.LLMatcher(BYTES, LARK), bytearray()
    while not matcher.is_stopped():
        mask = matcher.compute_bitmask()
        allowed = [byte for byte in range(256) if mask[byte // 8] >> (byte % 8) & 1]
        if not allowed:
            break
        ends = [byte for byte in allowed if chr(byte) in '"<\n|']  # else it fills every field to its end
        byte = dice.choice(ends if ends and dice.random() < 0.5 else allowed)  # type: ignore[attr-defined]
        assert matcher.consume_token(byte)
        walked.append(byte)
    found = parse_inference(walked.decode())
    assert isinstance(found, Inference), found
    assert found.needs is not None
    assert {need.weight for need in found.needs} <= set(GRADES.values())
    assert all(TEMPLATE.slot(op.preference.slot) for op in found.operations)


@pytest.mark.parametrize("few", [TEMPLATE.keep(1), TEMPLATE.keep(4)])
def test_a_masked_template_has_a_grammar_of_its_own(few: Template) -> None:
    lark = llguidance.grammar_from("grammar", reply_grammar(few))
    assert accepts(write_inference(Inference()), lark)
    assert not accepts(written(states(DIET, "vegan")), lark)
