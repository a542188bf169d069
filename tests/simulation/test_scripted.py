import pytest

from personalagent.policies.answers import declined, unknown
from personalagent.profile.evidence import locate
from personalagent.simulation.persona import persona_of, personas
from personalagent.simulation.scripted import DECLINES, DECLINES_UNHELD, REFUSALS, SHRUGS, ScriptedUser, forms
from personalagent.simulation.user import Move, Said
from tests.make import BUDGET, CITY, DIET
from tests.simulation.people import DINNER, JOB, MUSIC, SUM, TEMPLATE, TRIP, ann, operation, told

SEEDS = range(300)


async def conversation(seed: int, *moves: Move) -> list[Said]:
    """All that she says to these moves, and to plain replies after them."""
    user = ScriptedUser(ann(), seed, TEMPLATE)
    said = [await user.opens()]
    for move in (*moves, *[Move("I see.")] * 50):
        answer = await user.answers(move)
        if answer is None:
            return said
        said.append(answer)
    raise AssertionError("she never ends")


async def test_she_says_all_her_messages_in_their_order_and_makes_her_requests() -> None:
    for seed in SEEDS:
        said = await conversation(seed)
        script = [turn.user for one in ann().script for turn in one.turns]
        assert [one.text for one in said if one.gold] == script
        requests = [one for one in said if one.needs is not None]
        assert {one.text for one in requests} == {DINNER, TRIP, SUM}
        assert next(one.session for one in requests if one.text == TRIP) == "d2"


async def test_a_message_knows_the_reply_that_it_answers() -> None:
    said = await conversation(0)
    before = {one.text: one.replying_to for one in said if one.gold}
    assert before["I'm a nurse in Leeds"] == "Hello."
    assert before["we left Leeds for York"] == ""


async def test_the_seed_decides_all() -> None:
    asked = [Move("What do you eat?", DIET), Move("Where do you live?", CITY)]
    once = [await conversation(seed, *asked) for seed in range(20)]
    again = [await conversation(seed, *asked) for seed in range(20)]
    assert once == again
    assert len({tuple(said.text for said in one) for one in once}) > 3


async def test_what_she_holds_she_mostly_says_in_the_words_of_the_corpus() -> None:
    answers = [(await conversation(seed, Move("What do you eat?", DIET)))[1] for seed in SEEDS]
    given = [one for one in answers if locate("vegan", one.text)]
    assert all(one.gold and one.gold.operations[0].slots == (DIET,) for one in given)
    refused = [one for one in answers if declined(one.text)]
    assert len(given) + len(refused) == len(answers)
    assert DECLINES / 2 < len(refused) / len(answers) < DECLINES * 2
    assert not any(one.gold.operations for one in refused if one.gold)


async def test_what_she_does_not_hold_she_declines_or_does_not_know() -> None:
    answers = [(await conversation(seed, Move("What is your budget?", BUDGET)))[1] for seed in SEEDS]
    refused = sum(declined(one.text) for one in answers)
    assert refused + sum(unknown(one.text) for one in answers) == len(answers)
    assert 0.4 < refused / len(answers) < 0.6
    assert DECLINES_UNHELD == 0.5


async def test_who_declined_once_declines_again() -> None:
    asked = Move("What do you eat?", DIET)
    for seed in SEEDS:
        said = await conversation(seed, asked, asked)
        assert declined(said[2].text) or not declined(said[1].text)


async def test_what_has_changed_is_answered_as_it_was_said_last() -> None:
    where = Move("Where do you live?", CITY)
    early = [await conversation(seed, *[Move("I see.")] * 2, where) for seed in SEEDS]
    assert {said[3].text for said in early if not declined(said[3].text)} == {"Leeds", "I'd say Leeds"}


async def test_an_answer_in_the_words_of_the_dialogue_states_all_that_these_state() -> None:
    clause = "I'm a nurse in Leeds"
    operations = (operation(JOB, "nurse", clause), operation(CITY, "Leeds", clause))
    script = ann().script[0].model_copy(update={"turns": (told(clause, *operations), told("bye"))})
    persona = persona_of([script], (), TEMPLATE)
    found = set()
    for seed in SEEDS:
        said = await ScriptedUser(persona, seed, TEMPLATE).answers(Move("What do you do?", JOB))
        if said and said.text == clause and said.gold:
            found.add(tuple(one.value for one in said.gold.operations))
    assert found == {("nurse", "Leeds")}


@pytest.mark.parametrize("text", REFUSALS)
def test_refusals_are_known_as_such(text: str) -> None:
    assert declined(text)


@pytest.mark.parametrize("text", SHRUGS)
def test_and_so_is_not_knowing(text: str) -> None:
    assert unknown(text)
    assert not declined(text)


def test_no_statement_of_the_corpus_reads_as_a_refusal() -> None:
    for persona in personas(TEMPLATE, None, "dev", "test"):
        for one in persona.holds:
            for text in forms([one]):
                assert locate(one.value, text), text
                assert not declined(text), text
                assert not unknown(text), text


def test_likes_and_dislikes_are_said_with_a_verb() -> None:
    liked = [operation(MUSIC, value, polarity="like") for value in ("jazz", "soul")]
    assert forms(liked) == ["I like jazz and soul"]
    assert forms([operation(MUSIC, "anything")]) == ["I'd say anything"]
