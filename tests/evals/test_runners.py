"""The benchmarks on small made-up data, whose figures can be worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import gold
from personalagent.errors import DataError, SettingError
from personalagent.evals import laps, prefeval, turns
from personalagent.evals.reader import Evaluated
from personalagent.evals.run import run
from personalagent.policies.choose import policy_named
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.preference import Inference, Need
from personalagent.profile.template import load_template
from tests.make import ALLERGY, CITY, DIET, infers, retracts, states

TEMPLATE = load_template()
CUISINE = "consumption.diet.cuisine"
QUESTIONS = ("where should I eat?", "which job fits?")


def silent(done: int, total: int) -> None:
    assert 0 < done <= total


class TestLaps:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        talk = ["Hi! Any allergies?", "just nuts", "What do you like?", "i like thai food"]
        said = [{"role": ("Assistant", "User")[n % 2], "message": text} for n, text in enumerate(talk)]
        gold_values = {"allergies": ["nuts"], "cuisine_like": ["Thai"], "time_availability": ["30 minutes"]}
        record = {"sessions": [{"dialogue": said, "preferences": gold_values}]}
        (tmp_path / "recipe_dataset_val.json").write_text(json.dumps([record]))
        (tmp_path / "movie_dataset_val.json").write_text("[]")
        return tmp_path

    async def test_figures(self, folder: Path) -> None:
        what = Evaluated(
            ScriptedPolicy(
                [
                    infers(states(ALLERGY, "nuts")),
                    infers(states(DIET, "thai food"), states(CUISINE, "i like", quote="i like")),
                ]
            ),
            TEMPLATE,
        )
        figures = await laps.run(what, folder, "val", silent)
        assert figures["exact_precision"] == pytest.approx(1 / 3)
        assert figures["exact_recall"] == pytest.approx(1 / 3)
        assert figures["soft_precision"] == pytest.approx(2 / 3)
        assert figures["soft_recall"] == pytest.approx(2 / 3)
        assert figures["slot_accuracy"] == pytest.approx(1 / 2)

    async def test_a_missing_file_is_named(self, folder: Path) -> None:
        with pytest.raises(DataError, match=r"recipe_dataset_train\.json"):
            await laps.run(Evaluated(ScriptedPolicy([]), TEMPLATE), folder, "train", silent)


class TestTurns:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        stated = {"slots": [DIET], "value": "vegan", "evidence": "i'm vegan"}
        ended = {
            "action": "retract",
            "slots": [DIET],
            "value": "vegan",
            "mention": "vegan",
            "evidence": "not vegan",
        }
        talk = [
            {"user": "i'm vegan", "classification": "new", "operations": [stated]},
            {
                "user": "my friend eats beef",
                "classification": "none",
                "not_stated": [{"reason": "third_party", "span": "eats beef"}],
            },
            {"user": "not vegan any more", "classification": "retract", "operations": [ended]},
            {"user": "thanks", "classification": "none"},
        ]
        dialogue = {"id": "d", "persona": "p", "about": "x", "split": "test", "turns": talk}
        requests: list[dict[str, Any]] = [
            {"request": "dinner?", "kind": "recipe", "needs": {DIET: 2, CUISINE: 1}, "decision": "ask"},
            {"request": "2 + 2?", "kind": None, "decision": "answer"},
        ]
        (tmp_path / "dialogues.jsonl").write_text(json.dumps(dialogue) + "\n")
        rows = [json.dumps({"persona": "p", "split": "test", **one}) for one in requests]
        (tmp_path / "requests.jsonl").write_text("\n".join(rows))
        return tmp_path

    async def test_figures(self, folder: Path) -> None:
        policy = ScriptedPolicy(
            [
                infers(states(DIET, "vegan")),
                infers(states(DIET, "beef", quote="eats beef")),
                infers(retracts(DIET, "vegan", quote="not vegan"), classification="retract"),
                Inference(),
                # the turn that ends something is read once more, with the gold profile
                infers(retracts(DIET, "vegan", quote="not vegan"), classification="retract"),
            ],
            needs={"dinner?": [Need(slot=DIET, weight=0.9), Need(slot=CITY, weight=0.4)]},
        )
        figures = await turns.run(Evaluated(policy, TEMPLATE), folder, "test", silent)
        assert figures["turns"] == 4
        assert figures["slot_value_precision"] == pytest.approx(1 / 2)
        assert figures["slot_value_recall"] == 1.0
        assert figures["classification_accuracy"] == pytest.approx(3 / 4)
        assert figures["retraction_recall"] == 1.0
        assert figures["third_party_share"] == pytest.approx(1 / 2)
        assert figures["junk_per_100"] == pytest.approx(50)
        assert figures["needs_precision"] == pytest.approx(1 / 2)
        assert figures["needs_recall"] == 1.0
        assert figures["ask_balanced_accuracy"] == 1.0

    async def test_the_corpus_that_ships_is_taken_where_no_folder_is_given(self) -> None:
        figures = await run(
            "turns",
            data=None,
            split="dev",
            policy=policy_named("rules"),
            named="rules",
            template=TEMPLATE,
            advance=silent,
        )
        assert figures["turns"] == sum(len(one.turns) for one in gold.dialogues(None, "dev"))


class TestPrefEval:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        driven = tmp_path / "implicit_preference" / "persona-driven"
        driven.mkdir(parents=True)
        for topic, preference, question in (
            ("food", "I dislike spicy food", QUESTIONS[0]),
            ("work", "I prefer to work from home", QUESTIONS[1]),
        ):
            talk = {"0": {"user": f"{topic}: {preference}", "assistant": "I see."}}
            record: dict[str, Any] = {"preference": preference, "question": question, "conversation": talk}
            (driven / f"{topic}.json").write_text(json.dumps([{"persona": "x", **record}]))
        noise = [
            {
                "conversation": [
                    {"role": "user", "content": "what is 2 + 2?"},
                    {"role": "assistant", "content": "4"},
                ]
            }
        ]
        (tmp_path / "filtered_inter_turns.json").write_text(json.dumps(noise))
        return tmp_path

    async def test_figures(self, folder: Path) -> None:
        spicy = infers(states("consumption.diet.dislike", "spicy food", polarity="dislike"))
        policy = ScriptedPolicy(
            [spicy, Inference(), Inference(), Inference(), Inference()],
            needs={one: [Need(slot="consumption.diet.dislike", weight=0.9)] for one in QUESTIONS},
        )
        figures = await prefeval.run(Evaluated(policy, TEMPLATE), folder, "all", silent)
        assert figures["items"] == 2
        assert figures["recall"] == figures["recall_10k"] == pytest.approx(1 / 2)
        assert figures["junk_per_100"] == 0
        assert figures["answer_recall"] == 1.0
        assert figures["relevance"] == 1.0
        assert figures["relevance_all"] == pytest.approx(1 / 2)

    async def test_a_wrong_folder_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="persona-driven"):
            await prefeval.run(Evaluated(ScriptedPolicy([]), TEMPLATE), tmp_path, "all", silent)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("nothing", "", "eval must be one of"),
        ("turns", "val", "--split of turns"),
        ("laps", "", "pass --data"),
    ],
)
async def test_wrong_arguments(name: str, split: str, message: str) -> None:
    policy = ScriptedPolicy()
    with pytest.raises((SettingError, DataError), match=message):
        await run(name, data=None, split=split, policy=policy, named="x", template=TEMPLATE, advance=silent)
