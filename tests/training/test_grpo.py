"""GRPO for real, on a model of no size: what it learns from, and that it learns."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, pstdev, stdev
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from trl import GRPOTrainer  # noqa: E402

from personalagent.simulation.persona import Persona  # noqa: E402
from personalagent.simulation.scripted import ScriptedUser  # noqa: E402
from personalagent.simulation.user import SimulatedUser  # noqa: E402
from personalagent.training import grpo  # noqa: E402
from personalagent.training.episodes import Step  # noqa: E402
from personalagent.training.export import export  # noqa: E402
from personalagent.training.grpo import (  # noqa: E402
    trainer_of,
)
from personalagent.training.judging import GoldJudge, Verdict  # noqa: E402
from personalagent.training.players import (  # noqa: E402
    Dialogues,
    Player,
    Simulated,
    Trajectory,
    Writer,
)
from personalagent.training.runs import tokenizer_of  # noqa: E402
from personalagent.training.watching import Stops  # noqa: E402
from tests.training.dialogues import TEMPLATE, Fails, dialogues, player  # noqa: E402
from tests.training.models import weights  # noqa: E402
from tests.training.small import G, Kept, T, logged, people, told  # noqa: E402

pytestmark = pytest.mark.training
LORA = "[lora]\nrank = 4\nalpha = 8\n"


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Rows(NamedTuple):
    """What the trainer made of a step, and the log-probabilities in its loss, with their gradients."""

    inputs: list[dict[str, Any]]
    logprobs: list[Any]


def one_step(model: Path, folder: Path, plays: Player, **keys: Any) -> Rows:
    """A step, the last one, of the real trainer: it keeps its rows, and a hook the log-probabilities."""
    config = told(model, folder, **{"max_steps": 1, **keys})
    trainer: GRPOTrainer = trainer_of(config, plays, tokenizer_of(config), Stops())
    kept: list[Any] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        logprobs = getattr(output, "log_probs", None)  # generation has none
        if logprobs is not None and logprobs.requires_grad:
            logprobs.retain_grad()
            kept.append(logprobs)

    trainer.model.register_forward_hook(keep)
    trainer.train()
    return Rows(trainer._buffered_inputs, kept)


Row = tuple[tuple[int, ...], tuple[int, ...], bool, float]
"""Prompt, completion, whether it is learnt from, advantage."""


def made(rows: Rows) -> list[Row]:
    found = []
    for part in rows.inputs:
        for n, advantage in enumerate(part["advantages"].tolist()):
            prompt = part["prompt_ids"][n][part["prompt_mask"][n].bool()].tolist()
            done = part["completion_mask"][n].bool()
            completion = part["completion_ids"][n][done].tolist()
            (learnt,) = set(part["tool_mask"][n][done].tolist())
            found.append((tuple(prompt), tuple(completion), bool(learnt), advantage))
    return sorted(found)


def expected(plays: Kept, advantages: Sequence[float], eos: int) -> list[Row]:
    found: list[Row] = []
    for number, (one, advantage) in enumerate(zip(plays.played, advantages, strict=True)):
        learnt = plays.worths[number].reward is not None
        said = [(tuple(r.prompt_ids), tuple(r.completion_ids), learnt, advantage) for r in one.replies]
        found += said + [((eos,), (eos,), False, advantage)] * (T - len(said))
    return sorted(found)


RETURNS = (1.0, 0.25, 0.0, 0.5, *[0.3] * G, 0.125, None, 0.875, 0.625)
"""Of a step's trajectories, G of each dialogue: the second's are all alike, one of the third's has none."""


@pytest.fixture(scope="module")
def plays() -> Kept:
    return Kept(player(), RETURNS)


@pytest.fixture(scope="module")
def rows(reader: Path, plays: Kept, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    return one_step(reader, tmp_path_factory.mktemp("step"), plays, loss_type="dapo")


class TestAStep:
    def test_all_turns_of_a_trajectory_share_the_advantage_of_its_return(
        self, rows: Rows, plays: Kept, reader: Path, tmp_path: Path
    ) -> None:
        """(r - mean) / (std + 1e-4) over the G * T rows of a group: sqrt((GT - 1) / GT) of Eq. 5's."""
        advantages: list[float] = []
        for start in range(0, len(RETURNS), G):
            group = RETURNS[start : start + G]
            known = [r for r in group if r is not None]
            copies = known * T
            std = stdev(copies)
            for r in group:
                if r is None or not std:
                    advantages.append(0.0)
                    continue
                advantages.append((r - fmean(known)) / (std + 1e-4))
                paper = (r - fmean(known)) / pstdev(known)
                constant = math.sqrt((len(copies) - 1) / len(copies)) * std / (std + 1e-4)
                assert advantages[-1] == pytest.approx(constant * paper)
        eos = tokenizer_of(told(reader, tmp_path)).eos_token_id
        found, hoped = made(rows), expected(plays, advantages, eos)
        assert [row[:3] for row in found] == [row[:3] for row in hoped]
        assert [row[3] for row in found] == pytest.approx([row[3] for row in hoped], rel=1e-4)
        assert len(found) == len(RETURNS) * T
        assert {len(one.replies) for one in plays.played} == {1, 2}

    def test_returns_that_are_alike_teach_exactly_nothing(self, rows: Rows) -> None:
        advantages = [row[3] for row in made(rows)]
        assert advantages.count(0.0) == (G + 1) * T

    def test_the_gradient_is_eq_5s_at_actions_and_zero_elsewhere(self, rows: Rows) -> None:
        """Of the loss by the log-probability of each token: -A / tokens for "dapo"."""
        tokens = sum(len(completion) for _, completion, learnt, _ in made(rows) if learnt)
        touched = 0
        for part, logprobs in zip(rows.inputs, rows.logprobs, strict=True):
            acted = (part["completion_mask"] * part["tool_mask"]).bool()
            prompt = torch.zeros_like(part["prompt_mask"])[:, 1:]  # of the first token there is none
            by_hand = -torch.cat([prompt, part["advantages"][:, None] * acted / tokens], dim=1)
            assert torch.allclose(logprobs.grad, by_hand, atol=1e-7)
            assert torch.equal(logprobs.grad != 0, by_hand != 0)
            touched += int((by_hand != 0).sum())
        assert 0 < touched < tokens

    def test_of_a_trajectory_without_a_return_not_even_the_penalty_is_learnt(
        self, reader: Path, tmp_path: Path
    ) -> None:
        """In the second step, where returns are alike and only the KL penalty is left to learn from."""

        class Alike(Kept):
            def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
                if self.played:
                    self.returns = (*[0.3] * (2 * G), *[None] * G)
                return super().play(names, writer)

        rows = one_step(reader, tmp_path, Alike(player(), RETURNS), max_steps=2, beta=0.5)
        touched = 0
        for part, logprobs in zip(rows.inputs, rows.logprobs[-len(rows.inputs) :], strict=True):
            assert not part["advantages"].any()
            masked = part["tool_mask"].sum(-1) == 0
            assert not logprobs.grad[masked].any()
            touched += int(logprobs.grad.any(dim=-1).sum())
        assert touched
        assert sum(not learnt for _, _, learnt, _ in made(rows)) > len(RETURNS) // 2

    def test_a_judge_that_fails_masks_and_does_not_punish(self, reader: Path, tmp_path: Path) -> None:
        class FailsOnce(GoldJudge):
            """Fails on the first step that it is asked about; of the others every third is right."""

            asked = 0

            async def judge(self, step: Step) -> Verdict | None:
                self.asked += 1
                holds = self.asked % 3 == 0
                return None if self.asked == 1 else Verdict(**dict.fromkeys(Verdict.model_fields, holds))

        plays = Kept(Dialogues(dialogues(), FailsOnce(TEMPLATE), TEMPLATE, turns=T))
        rows = made(one_step(reader, tmp_path, plays))
        (failed,) = (n for n, worth in plays.worths.items() if worth.reward is None)
        group = range(failed // G * G, failed // G * G + G)
        known = [reward for n in group if (reward := plays.worths[n].reward) is not None]
        assert len(known) == G - 1
        assert stdev(known)
        said = {tuple(reply.prompt_ids) for n in group for reply in plays.played[n].replies}
        theirs = sorted(advantage for prompt, _, _, advantage in rows if prompt in said)
        silenced = sum(not learnt for prompt, _, learnt, _ in rows if prompt in said)
        assert silenced == len(plays.played[failed].replies)
        hoped = [(r - fmean(known)) / (stdev(known * T) + 1e-4) for r in known for _ in range(T)]
        assert theirs == pytest.approx(sorted(hoped + [0.0] * T), abs=2e-3)


class TestHowItGoes:
    def test_it_learns(self, reader: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        keys: dict[str, Any] = {
            "max_steps": 20,
            "learning_rate": 1e-3,
            "num_generations": 8,
            "micro_batch_size": 48,
        }
        grpo.train(told(reader, tmp_path, save_steps=20, **keys), player())
        found = logged(tmp_path)
        before, after = found[:2], found[-4:]
        for name in ("reward", "turn_exact"):
            assert fmean(line[name] for line in after) > fmean(line[name] for line in before) + 0.1
        assert {"malformed", "silent", "evidence_outside", "masked", "judge_failed"} < found[0].keys()
        assert (tmp_path / "out" / "metrics.png").exists()
        assert "reward" in capfd.readouterr().err

    @pytest.mark.parametrize(
        "keys",
        [
            {"beta": 0.1, "loss_type": "grpo"},
            {"beta": 0.0, "loss_type": "dapo", "reward": "bleu"},
            {"beta": 0.1, "loss_type": "dapo", "reward": "f1"},
        ],
    )
    def test_every_kind_of_loss_and_reward(self, reader: Path, tmp_path: Path, keys: dict[str, Any]) -> None:
        kind = keys.get("reward", "judge")
        plays = Dialogues(dialogues(), GoldJudge(TEMPLATE), TEMPLATE, turns=T, kind=kind)
        grpo.train(told(reader, tmp_path, **keys), plays)
        *_, last = logged(tmp_path)
        assert ("kl" in last) == (keys["beta"] > 0)
        assert last["grad_norm"] > 0

    def test_an_adapter_is_trained_and_exported(self, reader: Path, tmp_path: Path) -> None:
        grpo.train(told(reader, tmp_path, LORA, learning_rate=1e-2, beta=0.05), player())
        assert (tmp_path / "out" / "model" / "adapter_config.json").exists()
        before, after = weights(reader), weights(export(tmp_path / "out", tmp_path / "whole"))
        assert before.keys() == after.keys()
        assert any(not torch.equal(value, after[name]) for name, value in before.items())

    def test_prompts_are_cut_to_what_they_may_have(self, reader: Path, tmp_path: Path) -> None:
        long = [
            one._replace(turns=tuple(t.model_copy(update={"text": t.text + " word" * 50}) for t in one.turns))
            for one in dialogues()
        ]
        plays = Kept(Dialogues(long, GoldJudge(TEMPLATE), TEMPLATE, turns=T))
        grpo.train(told(reader, tmp_path, max_prompt_length=200, max_steps=1), plays)
        lengths = [len(reply.prompt_ids) for one in plays.played for reply in one.replies]
        assert max(lengths) <= 200
        assert max(len(t.text) for one in long for t in one.turns) > 200

    def test_users_who_fail_are_masked_and_counted(self, reader: Path, tmp_path: Path) -> None:
        def user_of(persona: Persona, seed: int) -> SimulatedUser:
            user = ScriptedUser(persona, seed, TEMPLATE)
            return user if persona.id == "ann" else Fails(persona, seed, after=int(persona.id == "eve"))

        grpo.train(told(reader, tmp_path), Simulated(people(), TEMPLATE, turns=T, user_of=user_of))
        assert [line["masked"] for line in logged(tmp_path)] == pytest.approx([2 / 3] * 2)
        assert all(0 < line["reward"] < 1 for line in logged(tmp_path))
