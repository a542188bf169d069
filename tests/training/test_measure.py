"""How right a policy is: a model without a server, and the figures of its steps."""

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from personalagent.corpora.gold import inference_of  # noqa: E402
from personalagent.errors import SettingError  # noqa: E402
from personalagent.policies.policy import Failure  # noqa: E402
from personalagent.policies.prompt import inference_prompt  # noqa: E402
from personalagent.policies.scripted import ScriptedPolicy  # noqa: E402
from personalagent.profile.profile import Profile  # noqa: E402
from personalagent.training.episodes import Step  # noqa: E402
from personalagent.training.judging import GoldJudge, Verdict  # noqa: E402
from personalagent.training.measure import (  # noqa: E402
    ModelWriter,
    figures_of,
    steps_of_model,
    steps_of_policy,
)
from personalagent.training.rollouts import Messages  # noqa: E402
from tests.training.dialogues import RIGHT, TEMPLATE, dialogues  # noqa: E402

pytestmark = pytest.mark.training
JUDGE = GoldJudge(TEMPLATE)
PROMPTS: list[Messages] = [
    inference_prompt(turn, Profile(), TEMPLATE).messages for one in dialogues() for turn in one.turns
]


@pytest.fixture(scope="module")
def model(reader: Path) -> tuple[Any, Any]:
    """A model, and its tokenizer."""
    torch.set_num_threads(1)
    return AutoModelForCausalLM.from_pretrained(reader), AutoTokenizer.from_pretrained(reader)


class Silent(GoldJudge):
    """A judge that cannot say anything of turns in which a user speaks of a job."""

    async def judge(self, step: Step) -> Verdict | None:
        return None if "i am a" in step.turn.text else await super().judge(step)


class TestAModel:
    def test_it_writes_to_each_prompt_of_a_batch_what_it_writes_alone(self, model: tuple[Any, Any]) -> None:
        writer = ModelWriter(*model, reply_tokens=8)
        together = writer(PROMPTS)
        alone = [writer([prompt])[0] for prompt in PROMPTS]
        assert [one.text for one in together] == [one.text for one in alone]
        assert [one.prompt_ids for one in together] == [one.prompt_ids for one in alone]
        assert {one.text for one in together} & set(RIGHT.values())
        assert writer([]) == []

    def test_a_sampled_reply_differs_from_time_to_time(self, model: tuple[Any, Any]) -> None:
        torch.manual_seed(1)
        writer = ModelWriter(*model, reply_tokens=8, sample=True)
        assert len({one.text for one in writer(PROMPTS[:1] * 40)}) > 1

    def test_prompts_are_no_longer_than_they_may_be(self, model: tuple[Any, Any]) -> None:
        asked = [len(one.prompt_ids) for one in ModelWriter(*model, reply_tokens=1)(PROMPTS)]
        assert all(ModelWriter(*model, longest=max(asked)).fits(prompt) for prompt in PROMPTS)
        writer = ModelWriter(*model, longest=20)
        assert not any(writer.fits(prompt) for prompt in PROMPTS)
        with pytest.raises(SettingError, match="max_prompt_length"):
            steps_of_model(writer, dialogues(), TEMPLATE)

    def test_its_steps_are_those_of_its_replies(self, model: tuple[Any, Any]) -> None:
        steps = steps_of_model(ModelWriter(*model, reply_tokens=8), dialogues(), TEMPLATE)
        assert [step.turn.text for step in steps] == [turn.text for one in dialogues() for turn in one.turns]
        figures = figures_of(steps, JUDGE)
        assert figures["exact"] == sum(step.reply == RIGHT[step.turn.text] for step in steps) / len(steps)


class TestFigures:
    def test_what_is_right_is_exact(self) -> None:
        gold = [inference_of(told) for one in dialogues() for told in one.gold]  # type: ignore[arg-type]
        figures = figures_of(steps_of_policy(ScriptedPolicy(gold), dialogues(), TEMPLATE), JUDGE)
        assert figures["turns"] == figures["judged"] == 5
        named = ("exact", "exact_telling", "exact_silent", "format", "slot_value_f1", *Verdict.model_fields)
        assert {name: figures[name] for name in named} == dict.fromkeys(named, 1)
        assert (figures["silent"], figures["malformed"]) == (1 / 5, 0)

    def test_silence_is_right_where_nothing_is_told(self) -> None:
        figures = figures_of(steps_of_policy(ScriptedPolicy(), dialogues(), TEMPLATE), JUDGE)
        assert (figures["exact"], figures["exact_telling"], figures["exact_silent"]) == (1 / 5, 0, 1)
        assert (figures["slot_value_recall"], figures["slot_value_precision"]) == (0, None)

    def test_what_cannot_be_read_counts(self) -> None:
        policy = ScriptedPolicy([Failure(kind="malformed", detail="?")] * 5)
        figures = figures_of(steps_of_policy(policy, dialogues(), TEMPLATE), JUDGE)
        assert (figures["exact"], figures["format"], figures["malformed"]) == (0, 0, 1)

    def test_what_nobody_judged_is_left_out(self) -> None:
        steps = steps_of_policy(ScriptedPolicy(), dialogues(), TEMPLATE)
        figures = figures_of(steps, Silent(TEMPLATE))
        assert (figures["turns"], figures["judged"]) == (5, 3)
        assert figures["exact"] == 1 / 3

    def test_of_no_turns_there_is_no_share(self) -> None:
        steps = steps_of_policy(ScriptedPolicy(), [dialogues()[2]], TEMPLATE)
        assert figures_of(steps, JUDGE)["exact_silent"] is None
        assert figures_of([], JUDGE)["exact"] is None
