"""Multi-turn GRPO (paper, Eq. 3 to 5): `python -m personalagent.training.grpo --config FILE`.

A trajectory is T turns, each with a prompt of its own (u_t, p_1:t-1), where p is what the policy itself has
inferred in this dialogue so far. A turn is a row for TRL; the rows of a trajectory share one return R_final
and one advantage.

Deviations from the paper:

- TRL with transformers or vLLM in place of veRL and SkyRL. TRL's `num_generations` is G*T: it hands out every
  dialogue as often, and T rows in a row are one trajectory.
- The advantage is (r - mean) / std over the G*T rows of a group, each return T times, with n - 1 in the
  standard deviation: sqrt((GT - 1) / GT) of Eq. 5's, 0.99 for G = 6, T = 10. TRL adds 1e-4 to the deviation.
  Returns are rounded to 1/4096, so that a group whose returns are alike teaches nothing at all.
- A dialogue that is not its persona's first, and a window of a long one that is not the first, begins with
  the gold profile of what was said before it, not with one that the policy has inferred.
- Eq. 5 has a trajectory as one sequence; here a dialogue of fewer than T turns leaves rows over, which are
  masked. `loss_type = "grpo"` averages the loss within each row, then over all rows, the masked ones too, so
  that a short dialogue weighs less than a long one; "dapo" averages over all tokens that are not masked.
- KL, clipping and temperature are TRL's and the configuration's; the paper does not give them.
- A reply has the turn's needs as a fourth block. The gold of turns has none: they are not rewarded.
- A judge that fails masks the whole trajectory: neither a return nor the KL penalty teaches anything of it.
  If the judge is out for long, training stops with a checkpoint; the step in which it was lost leaves the
  weights as they were, and its dialogues are passed over.
"""

import asyncio
import logging
import math
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from string import ascii_lowercase
from typing import Any

from datasets import Dataset
from transformers import PreTrainedTokenizerBase
from trl import GRPOConfig as Arguments
from trl import GRPOTrainer

from personalagent.corpora.gold import START
from personalagent.dialogue import Turn
from personalagent.errors import JudgeLost, SettingError
from personalagent.policies.clients import Keys, address_of
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template, load_template
from personalagent.training.config import Grpo, GrpoConfig, Vllm, load
from personalagent.training.judging import GoldJudge, Judge
from personalagent.training.llm_judge import ModelJudge
from personalagent.training.players import (
    Dialogues,
    Player,
    Simulated,
    Trajectory,
    Worth,
    Written,
    users_of,
)
from personalagent.training.rendering import Rendering
from personalagent.training.rollouts import Messages, fitted
from personalagent.training.rows import episodes
from personalagent.training.runs import (
    NO_THINKING,
    adapter_of,
    begin,
    complete,
    ending,
    loading,
    options,
    tokenizer_of,
    training_arguments,
)
from personalagent.training.watching import Stops, say

JUDGE_KEY = "PERSONALAGENT_JUDGE_KEY"
"""The environment variable with the key of the judge's server, if it asks for one."""

STEPS = 4096
"""Of a return, to which it is rounded."""


def train(config: GrpoConfig, player: Player | None = None) -> Path:
    """Train, or go on where the run was stopped; returns the folder of the model or adapter.

    `player` takes the place of the one that the configuration names. Raises `SettingError`, `DataError` or
    `PolicyError` before any long work if it cannot be done, and `PolicyError` when the judge is lost later.
    """
    check_whole(config)
    run = begin(config)
    if run.finished:
        say(f"finished before: {run.model}")
        return run.model
    template, stops = load_template(), Stops()
    player = player or player_of(config, template)
    tokenizer = tokenizer_of(config)
    check_room(Rendering(tokenizer, config.train.max_prompt_length), template)
    with loading(config):
        trainer = trainer_of(config, player, tokenizer, stops)
    return complete(trainer, run, stops)


def trainer_of(
    config: GrpoConfig, player: Player, tokenizer: PreTrainedTokenizerBase, stops: Stops
) -> GRPOTrainer:
    """TRL's trainer for the player's trajectories, with the model loaded."""
    logging.getLogger(GRPOTrainer.__module__).addFilter(_worth_saying)
    return GRPOTrainer(
        model=config.start,
        args=Arguments(**arguments_of(config)),
        train_dataset=Dataset.from_list([{"prompt": name} for name in order_of(player.names, config.train)]),
        processing_class=tokenizer,
        reward_funcs=reward_of(config.train.turns),
        rollout_func=rollout_of(player, config, stops),
        peft_config=adapter_of(config),
    )


def order_of(names: Sequence[str], train: Grpo) -> list[str]:
    """The names in the order in which they are played, `batch_size` a step; drawn anew for every epoch.

    It is all known beforehand, for a run that was stopped is to go on in it: TRL's sampler begins anew.
    """
    count = train.batch_size * (train.max_steps or math.ceil(train.epochs * len(names) / train.batch_size))
    draw, order = random.Random(train.seed), list[str]()
    while len(order) < count:
        order += draw.sample(names, len(names))
    return order[:count]


def check_whole(config: GrpoConfig) -> None:
    """Raises `SettingError` if a device's share of a step is no whole number of trajectories."""
    train, devices = config.train, int(os.environ.get("WORLD_SIZE", "1"))
    if train.batch_size * train.num_generations % devices:
        raise SettingError(
            f"grpo.batch_size: {devices} devices cannot share {train.batch_size} dialogues of "
            f"{train.num_generations} rollouts a step"
        )


def check_room(rendering: Rendering, template: Template) -> None:
    """Raises `SettingError` if a prompt is too long even for a message of one letter."""
    for letter in ascii_lowercase:  # which slots are asked about, and so the length, depends on it
        turn = Turn(user="user", session="session", index=0, text=letter, at=START)
        fitted(turn, Profile(), template, rendering.fits)


def player_of(config: GrpoConfig, template: Template) -> Player:
    """Where the trajectories come from, with a judge that can be reached."""
    train, source = config.train, config.data
    if train.mode == "simulated":
        return Simulated(users_of(source, template), template, turns=train.turns)
    judge = judge_of(config, template)
    played = episodes(source, "train", template, train.turns)
    if isinstance(judge, GoldJudge) or train.reward != "judge":
        GoldJudge.check(played)
    return Dialogues(played, judge, template, turns=train.turns, kind=train.reward, weights=train.weights)


def judge_of(config: GrpoConfig, template: Template) -> Judge:
    """The judge. Raises `PolicyError` or `SettingError` if it is a model that cannot be reached."""
    told = config.judge
    if told.kind == "gold":
        return GoldJudge(template)
    key, url = os.environ.get(JUDGE_KEY, ""), address_of(told.name, told.url)
    judge = ModelJudge.named(
        told.name,
        url=told.url,
        keys=Keys.bound((url, key)),
        at_once=told.at_once,
        seconds=told.seconds,
        patience=told.patience,
    )
    asyncio.run(judge.reachable())
    return judge


def arguments_of(config: GrpoConfig) -> dict[str, Any]:
    """What TRL is told."""
    train = config.train
    return {
        **training_arguments(config, evaluates=False),
        "num_train_epochs": 1,  # of `order_of`
        "max_steps": -1,
        "shuffle_dataset": False,
        "num_generations": train.num_generations * train.turns,
        "max_completion_length": train.max_completion_length,
        "temperature": train.temperature,
        "top_p": train.top_p,
        "beta": train.beta,
        "epsilon": train.epsilon,
        "loss_type": train.loss_type,
        "chat_template_kwargs": NO_THINKING,
        **(vllm_arguments(config.vllm, train) if config.vllm else {}),
    }


def vllm_arguments(told: Vllm, train: Grpo) -> dict[str, Any]:
    """What TRL is told of generation by vLLM."""
    shared = {"use_vllm": True, "vllm_mode": told.mode}
    if told.mode == "server":
        return {**shared, "vllm_server_base_url": told.url}
    return {
        **shared,
        "vllm_gpu_memory_utilization": told.gpu_memory_utilization,
        # vLLM would hold room for the longest text that the model can read: all of a card, for some
        "vllm_max_model_length": train.max_prompt_length + train.max_completion_length,
        "vllm_tensor_parallel_size": told.tensor_parallel_size,
        "vllm_enable_sleep_mode": told.sleep,
    }


class TrainerWriter(Rendering):
    """The policy in training, by TRL's own generation: transformers, or vLLM with the weights of this step.

    Where several processes share the work all of them make the same calls: prompts are made up to `count`.
    """

    def __init__(self, trainer: GRPOTrainer, longest: int, count: int) -> None:
        super().__init__(trainer.processing_class, longest)
        self._trainer = trainer
        self._count = count if trainer.accelerator.num_processes > 1 else 0

    def __call__(self, prompts: Sequence[Messages]) -> list[Written]:
        """A reply to each prompt, sampled."""
        ids = [self.ids(messages) for messages in prompts]
        padded = ids + [[self.tokenizer.eos_token_id]] * (self._count - len(ids))
        if not padded:
            return []
        written, logprobs = generate(self._trainer, padded)
        texts = self.tokenizer.batch_decode(written, skip_special_tokens=True)
        each: list[list[float] | None] = [*logprobs] if logprobs else [None] * len(written)
        return [Written(*row) for row in zip(texts, padded, written, each, strict=True)][: len(ids)]


def generate(
    trainer: GRPOTrainer, prompts: list[list[int]]
) -> tuple[list[list[int]], list[list[float]] | None]:
    """A completion of each prompt, in tokens, and their log-probabilities where vLLM says them.

    The one place that touches what is private in TRL, whose version is pinned for it.
    """
    return trainer._generate_single_turn(prompts, None, {}, num_generations=1)  # type: ignore[no-any-return]


def rollout_of(
    player: Player, config: GrpoConfig, stops: Stops
) -> Callable[[list[str], GRPOTrainer], dict[str, Any]]:
    """TRL's rollout function: of every T equal names in a row one trajectory, turn by turn, and its worth.

    It is judged here and not in the reward function, for whether a row is masked depends on it.
    """
    turns, longest = config.train.turns, config.train.max_prompt_length

    def rollout(prompts: list[str], trainer: GRPOTrainer) -> dict[str, Any]:
        names = prompts[::turns]
        played = player.play(names, TrainerWriter(trainer, longest, len(names)))
        worths = judged(player, played, stops)
        return rows_of(played, worths, turns, trainer.processing_class.eos_token_id)

    return rollout


def judged(player: Player, played: Sequence[Trajectory], stops: Stops) -> list[Worth]:
    """What each is worth. When the judge is lost none has a return, and training stops."""

    async def all_worths() -> list[Worth]:
        return await asyncio.gather(*(player.worth(one) for one in played))

    try:
        return asyncio.run(all_worths())
    except JudgeLost as error:
        stops.ask(str(error))
        return [Worth(None, {})] * len(played)


def rows_of(played: Sequence[Trajectory], worths: Sequence[Worth], turns: int, eos: int) -> dict[str, Any]:
    """The trajectories as TRL's rows, `turns` each, every row with the worth of its trajectory.

    The loss of a row is masked where its trajectory has no such turn, or no return.
    """
    blank = Written("", [eos], [eos], [0.0])
    rows = [
        (reply, int(t < len(one.replies) and worth.reward is not None))
        for one, worth in zip(played, worths, strict=True)
        for t, reply in enumerate((*one.replies, *[blank] * (turns - len(one.replies))))
    ]
    known = all(reply.logprobs is not None for reply, _ in rows)
    return {
        "prompt_ids": [reply.prompt_ids for reply, _ in rows],
        "completion_ids": [reply.completion_ids for reply, _ in rows],
        "logprobs": [reply.logprobs for reply, _ in rows] if known else None,
        "env_mask": [[learnt] * len(reply.completion_ids) for reply, learnt in rows],
        "worth": [worth for worth in worths for _ in range(turns)],
    }


def reward_of(turns: int) -> Callable[..., list[float | None]]:
    """TRL's reward function: the return of a row's trajectory, None where there is none.

    Figures go beside it, each a mean over the trajectories that have it; `masked` is the share of them
    without a return.
    """

    def trajectory_return(
        worth: list[Worth], log_metric: Callable[[str, float], None], **_: Any
    ) -> list[float | None]:
        worths = worth[::turns]
        log_metric("masked", fmean(one.reward is None for one in worths))
        for name, value in _means(worths).items():
            log_metric(name, value)
        return [_exact(one.reward) for one in worth]

    return trajectory_return


def _exact(reward: float | None) -> float | None:
    """So coarse that the mean of equal ones is exact in float32: what is alike has the advantage 0.

    An advantage of the size of a rounding error would be a whole step for Adam, if it were the only one.
    """
    return None if reward is None else round(reward * STEPS) / STEPS


def _means(worths: Sequence[Worth]) -> dict[str, float]:
    """The figures of the trajectories, averaged over those that have them."""
    names = dict.fromkeys(name for worth in worths for name in worth.figures)
    return {name: fmean(w.figures[name] for w in worths if name in w.figures) for name in names}


def _worth_saying(record: logging.LogRecord) -> bool:
    """Not what TRL says of rows without a reward, with all that it knows of one: `masked` counts them."""
    return "All reward functions returned None" not in record.getMessage()


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what the command line says."""
    given = options("grpo", __doc__ or "", arguments)
    ending(lambda: train(load(given.config, "grpo", given.out)))


if __name__ == "__main__":
    main()
