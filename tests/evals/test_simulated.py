"""Simulated users as a benchmark: figures that can be worked out by hand, and the corpus that ships."""

import json
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import gold
from personalagent.errors import DataError, PolicyError, SettingError
from personalagent.evals import simulated
from personalagent.evals.reader import Evaluated
from personalagent.evals.run import run
from personalagent.policies.choose import policy_named
from personalagent.policies.policy import Failure, Policy
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.preference import Inference, Need
from personalagent.profile.template import load_template
from tests.make import CITY, DIET, infers, states

TEMPLATE = load_template()


def silent(done: int, total: int) -> None:
    assert 0 < done <= total


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One persona, who lives in York, and asks for what needs that, and for a sum."""
    talk = [
        {"user": "hello there", "classification": "none"},
        {
            "user": "I live in York",
            "classification": "new",
            "operations": [{"slots": [CITY], "value": "York", "evidence": "I live in York"}],
        },
    ]
    dialogue = {"id": "d", "persona": "p", "about": "x", "split": "dev", "turns": talk}
    requests: list[dict[str, Any]] = [
        {"request": "where to on Saturday", "kind": "trip", "needs": {CITY: 2}},
        {"request": "12 times 12", "kind": None},
    ]
    (tmp_path / "dialogues.jsonl").write_text(json.dumps(dialogue) + "\n")
    rows = [json.dumps({"persona": "p", "split": "dev", "decision": "answer", **one}) for one in requests]
    (tmp_path / "requests.jsonl").write_text("\n".join(rows))
    return tmp_path


async def test_figures(folder: Path) -> None:
    needs = {
        "hello there": [Need(slot=DIET, weight=1.0)],
        "where to on Saturday": [Need(slot=CITY, weight=1.0)],
    }
    # her answer, which is a refusal or a shrug, says nothing; then she goes on
    policy = ScriptedPolicy([Inference(), Inference(), infers(states(CITY, "York"))], needs)
    figures = await simulated.run(Evaluated(policy, TEMPLATE), folder, "dev", silent)
    assert figures["personas"] == 1
    assert figures["requests"] == 2
    assert figures["turns"] == 5
    assert figures["profile_reward"] == figures["response_reward"] == 1.0
    assert figures["questions"] == 1
    assert figures["questions_per_request"] == 0.0
    assert figures["intrusions_per_100"] == pytest.approx(100 / 3)
    assert figures["answered_share"] == 0.0


async def test_turns_that_cannot_be_read_are_counted(folder: Path) -> None:
    what = Evaluated(ScriptedPolicy([Failure(kind="malformed")] * 9), TEMPLATE)
    figures = await simulated.run(what, folder, "dev", silent)
    assert len(what.unread) == figures["turns"] == 4
    assert figures["profile_reward"] == figures["response_reward"] == 0.0


@pytest.mark.parametrize("reply", [Failure(kind="unreachable", detail="gone"), RuntimeError("gone")])
async def test_a_policy_that_is_out_ends_it(folder: Path, reply: Failure | Exception) -> None:
    what = Evaluated(ScriptedPolicy([reply]), TEMPLATE)
    with pytest.raises(PolicyError, match=r"turn 0 of d: .*gone"):
        await simulated.run(what, folder, "dev", silent)


async def test_a_split_without_dialogues_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match="train"):
        await simulated.run(Evaluated(ScriptedPolicy(), TEMPLATE), folder, "train", silent)


class TestAsACommandRunsIt:
    async def figures(self, policy: Policy, split: str = "") -> dict[str, object]:
        return await run(
            "simulated",
            data=None,
            split=split,
            policy=policy,
            named="x",
            template=TEMPLATE,
            advance=silent,
        )

    async def test_on_the_corpus_that_ships(self) -> None:
        figures = await self.figures(policy_named("rules"))
        assert figures["split"] == "dev"
        assert figures["personas"] == len({one.persona for one in gold.dialogues(None, "dev")})
        assert figures == {
            **await self.figures(policy_named("rules")),
            "peak_memory_mib": figures["peak_memory_mib"],
        }

    async def test_an_unknown_split_is_named(self) -> None:
        with pytest.raises(SettingError, match="--split of simulated must be one of dev, train, test"):
            await self.figures(ScriptedPolicy(), "val")
