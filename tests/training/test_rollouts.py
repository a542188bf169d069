"""Rollouts: the policy's own profile goes on, through gate and merge; prompts are cut, never the template."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from personalagent.corpora.gold import GoldTurn, inference_of
from personalagent.dialogue import Turn
from personalagent.errors import SettingError
from personalagent.policies.notation import write_inference
from personalagent.policies.policy import Failure
from personalagent.policies.prompt import INSTRUCTIONS, inference_prompt
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.preference import Inference
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template
from personalagent.training.episodes import Episode, corpus_episodes, lessons
from personalagent.training.rollouts import Messages, fitted, play, play_policy
from tests.make import START

TEMPLATE = load_template()
NOTHING = write_inference(Inference())


class Said(NamedTuple):
    """A reply, and what it answered."""

    text: str
    prompt: Messages


def message(prompt: Messages) -> str:
    return prompt[1]["content"].split("<message>\n")[1].removesuffix("\n</message>")


def beginning(text: str) -> str:
    """What is the same of a message and of its place in a prompt, which may have less of it."""
    return " ".join(text.split())[:60]


def held(prompt: Messages) -> str:
    return prompt[1]["content"].split("<profile>\n")[1].split("</profile>")[0]


class Knows:
    """Writes the gold of every message that it knows, and counts its calls."""

    def __init__(self, *episodes: Episode) -> None:
        self.replies = {
            beginning(turn.text): write_inference(inference_of(told))
            for one in episodes
            for turn, told in zip(one.turns, one.gold, strict=True)
            if isinstance(told, GoldTurn)
        }
        self.calls: list[int] = []

    def __call__(self, prompts: Sequence[Messages]) -> list[Said]:
        self.calls.append(len(prompts))
        return [Said(self.replies[beginning(message(prompt))], prompt) for prompt in prompts]


@pytest.fixture(scope="module")
def spoken() -> list[Episode]:
    return corpus_episodes(TEMPLATE, "dev")[:6]


def test_gold_written_makes_the_gold_profile(spoken: list[Episode]) -> None:
    for rollout in play(spoken, Knows(*spoken), TEMPLATE):
        taught = [lesson.profile.values() for lesson in lessons(rollout.episode, TEMPLATE)]
        assert [step.before.values() for step in rollout.steps] == taught


def test_what_it_wrote_stands_in_its_next_prompt(spoken: list[Episode]) -> None:
    told = GoldTurn.model_validate(
        {
            "user": "I am a beekeeper",
            "classification": "new",
            "operations": [
                {"slots": ["career.job.occupation"], "value": "beekeeper", "evidence": "I am a beekeeper"}
            ],
        }
    )
    nothing = GoldTurn(user="what job do I have?", classification="none")
    turns = tuple(
        Turn(user="u", session="s", index=n, text=text, at=START)
        for n, text in enumerate(("I am a beekeeper", "what job do I have?"))
    )
    episode = Episode("e", "u", turns, (told, nothing))
    (rollout,) = play([episode], Knows(episode), TEMPLATE)
    assert held(rollout.replies[0].prompt) == ""
    assert held(rollout.replies[1].prompt) == "career.job.occupation = beekeeper\n"


def test_what_the_gate_refuses_is_not_carried_on(spoken: list[Episode]) -> None:
    turn = Turn(user="u", session="s", index=0, text="lovely day", at=START)
    episode = Episode(
        "e",
        "u",
        (turn, turn.model_copy(update={"index": 1})),
        (GoldTurn(user="", classification="none"),) * 2,
    )
    lie = NOTHING.replace(
        "<inferred_profile>\n", '<inferred_profile>\ncareer.job.occupation = spy | "I am a spy"\n'
    )
    (rollout,) = play([episode], lambda prompts: [Said(lie, prompt) for prompt in prompts], TEMPLATE)
    assert [one.reason for one in rollout.steps[0].entry.rejections] == ["no evidence"]
    assert rollout.steps[1].before == Profile()


def test_a_reply_that_cannot_be_read_leaves_the_profile_and_the_rollout_goes_on(
    spoken: list[Episode],
) -> None:
    (rollout,) = play(spoken[:1], lambda prompts: [Said("hm", prompt) for prompt in prompts], TEMPLATE)
    assert len(rollout.steps) == len(spoken[0].turns)
    assert all(isinstance(step.inference, Failure) for step in rollout.steps)
    assert rollout.steps[-1].before == spoken[0].before


def test_ragged_episodes_drop_out_one_by_one(spoken: list[Episode]) -> None:
    writer = Knows(*spoken)
    played = play(spoken, writer, TEMPLATE)
    lengths = [len(one.turns) for one in spoken]
    assert [len(one.steps) for one in played] == lengths
    assert writer.calls == [sum(n < length for length in lengths) for n in range(max(lengths))]


def test_the_writer_is_called_as_often_as_told(spoken: list[Episode]) -> None:
    writer = Knows(*spoken)
    play([spoken[0]._replace(turns=spoken[0].turns[:2], gold=spoken[0].gold[:2])], writer, TEMPLATE, turns=4)
    assert writer.calls == [1, 1, 0, 0]


def test_rollouts_of_one_dialogue_do_not_see_each_other(spoken: list[Episode]) -> None:
    knowing = Knows(spoken[0])

    def mixed(prompts: Sequence[Messages]) -> list[Said]:
        return [*knowing(prompts[:1]), Said(NOTHING, prompts[1])]

    knows, silent = play([spoken[0], spoken[0]], mixed, TEMPLATE)
    assert silent.steps[-1].before == spoken[0].before
    assert knows.steps[-1].before != silent.steps[-1].before


async def test_any_policy_makes_the_same_steps_as_a_model_that_writes_its_words(
    spoken: list[Episode],
) -> None:
    golds = [inference_of(told) for told in spoken[0].gold if isinstance(told, GoldTurn)]
    steps = await play_policy(spoken[0], ScriptedPolicy(golds), TEMPLATE)
    (rollout,) = play(spoken[:1], Knows(spoken[0]), TEMPLATE)
    for step, other in zip(steps, rollout.steps, strict=True):
        assert set(step.entry.inference.operations) == set(other.entry.inference.operations)
        assert step.before.values() == other.before.values()


def test_a_prompt_is_cut_and_the_template_is_not(spoken: list[Episode]) -> None:
    text = "I keep bees. " + "and then " * 60
    turn = Turn(user="u", session="s", index=0, text=text, replying_to="Tell me more. " * 30, at=START)
    whole = inference_prompt(turn, Profile(), TEMPLATE).messages
    size = sum(len(one["content"]) for one in whole)
    cut = fitted(turn, Profile(), TEMPLATE, lambda m: sum(len(one["content"]) for one in m) < size - 300)
    assert cut[0]["content"] == INSTRUCTIONS
    assert message(cut).startswith("I keep bees.")
    assert len(message(cut)) < len(text)
    content = cut[1]["content"]
    assert all(
        content.count(f"<{tag}>") == content.count(f"</{tag}>") == 1
        for tag in ("slots", "profile", "message")
    )


def test_a_prompt_that_fits_is_as_in_serving(spoken: list[Episode]) -> None:
    turn = spoken[0].turns[0]
    assert (
        fitted(turn, Profile(), TEMPLATE, lambda _: True)
        == inference_prompt(turn, Profile(), TEMPLATE).messages
    )


def test_no_room_for_the_instructions_is_an_error_that_says_so(spoken: list[Episode]) -> None:
    with pytest.raises(SettingError, match="max_prompt_length"):
        fitted(spoken[0].turns[0], Profile(), TEMPLATE, lambda _: False)


def test_a_long_message_fits_wherever_a_short_one_does(spoken: list[Episode]) -> None:
    def size(messages: Messages) -> int:
        return len(messages[1]["content"].split("</slots>")[1])

    short = Turn(user="u", session="s", index=0, text="I keep bees", at=START)
    limit = size(inference_prompt(short, Profile(), TEMPLATE, START).messages)
    held = [lesson.profile for lesson in lessons(spoken[0], TEMPLATE)][-1]
    for length in (100, 3_000, 50_000):
        long = short.model_copy(
            update={"text": "I keep bees and " * (length // 16), "replying_to": "Why? " * 900}
        )
        assert size(fitted(long, held, TEMPLATE, lambda m: size(m) <= limit)) <= limit
