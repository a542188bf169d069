"""How right a policy is, turn by turn, on dialogues with gold, with the profile that it has made itself."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from personalagent.corpora.gold import GoldOperation, GoldTurn
from personalagent.corpora.matching import Tally, ratio
from personalagent.corpora.pairing import paired
from personalagent.policies.policy import Failure, Policy
from personalagent.profile.template import Template
from personalagent.training.episodes import Episode, Step
from personalagent.training.guards import guards
from personalagent.training.judging import Judge, Verdict
from personalagent.training.players import Written
from personalagent.training.rendering import Rendering
from personalagent.training.rollouts import Messages, play, play_policy


class ModelWriter(Rendering):
    """A model as a writer, without a server: the likeliest reply, or a sampled one."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        longest: int = 2048,
        reply_tokens: int = 512,
        sample: bool = False,
    ) -> None:
        super().__init__(tokenizer, longest)
        self._model, self._reply_tokens, self._sample = model, reply_tokens, sample

    def __call__(self, prompts: Sequence[Messages]) -> list[Written]:
        """A reply to each prompt, all at once."""
        if not prompts:
            return []
        asked = [self.ids(messages) for messages in prompts]
        batch = self.tokenizer.pad({"input_ids": asked}, padding_side="left", return_tensors="pt")
        with torch.inference_mode():
            found = self._model.generate(
                **batch.to(self._model.device), max_new_tokens=self._reply_tokens, do_sample=self._sample
            )
        replies = found[:, batch["input_ids"].shape[1] :].tolist()
        texts = self.tokenizer.batch_decode(replies, skip_special_tokens=True)
        return [Written(*row) for row in zip(texts, asked, replies, strict=True)]


def steps_of_model(writer: ModelWriter, episodes: Sequence[Episode], template: Template) -> list[Step]:
    """What a model makes of the episodes."""
    return [step for one in play(episodes, writer, template, writer.fits) for step in one.steps]


def steps_of_policy(policy: Policy, episodes: Iterable[Episode], template: Template) -> list[Step]:
    """What any policy makes of the episodes."""

    async def all_steps() -> list[Step]:
        return [step for one in episodes for step in await play_policy(one, policy, template)]

    return asyncio.run(all_steps())


def figures_of(steps: Sequence[Step], judge: Judge) -> dict[str, Any]:
    """The figures of steps whose gold is operations, by name; shares of turns, most of them.

    `exact`: all four criteria hold; `exact_telling` and `exact_silent`: of the turns that state something,
    and of the others. `format`: the reply can be parsed. `slot_value_*`: of operations, over all turns. Turns
    that the judge failed on are left out of what is judged; a share of no turns is None. Raises `JudgeLost`.
    """
    verdicts = asyncio.run(_judged(steps, judge))
    judged = [(step, verdict) for step, verdict in zip(steps, verdicts, strict=True) if verdict is not None]
    telling = [verdict.holds for step, verdict in judged if _told(step)]
    silent = [verdict.holds for step, verdict in judged if not _told(step)]
    found = Tally()
    for step in steps:
        mine, told = step.entry.inference.operations, _told(step)
        met = len(paired(mine, told).pairs)
        found.add(len(mine), len(told), met, met)
    return {
        "turns": len(steps),
        "judged": len(judged),
        "exact": _share(telling + silent),
        "exact_telling": _share(telling),
        "exact_silent": _share(silent),
        "format": _share([not isinstance(step.inference, Failure) for step in steps]),
        **{name: _share([getattr(verdict, name) for _, verdict in judged]) for name in Verdict.model_fields},
        "slot_value_precision": found.scores.precision,
        "slot_value_recall": found.scores.recall,
        "slot_value_f1": found.scores.f1,
        **guards(steps),
    }


async def _judged(steps: Sequence[Step], judge: Judge) -> list[Verdict | None]:
    return await asyncio.gather(*(judge.judge(step) for step in steps))


def _told(step: Step) -> tuple[GoldOperation, ...]:
    return step.gold.operations if isinstance(step.gold, GoldTurn) else ()


def _share(holds: Sequence[bool]) -> float | None:
    return ratio(sum(holds), len(holds))
