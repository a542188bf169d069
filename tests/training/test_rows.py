"""Rows of every source: what serving asks is what training asks, and what is right holds by the judge."""

import json
from pathlib import Path
from typing import Any

import pytest

from personalagent.corpora import gold as corpus
from personalagent.corpora.gold import GoldTurn
from personalagent.errors import DataError
from personalagent.policies.notation import parse_inference
from personalagent.policies.prompt import inference_prompt
from personalagent.profile.profile import Profile
from personalagent.training.config import Source
from personalagent.training.episodes import Episode, Lesson, Told, lessons
from personalagent.training.judging import GoldJudge
from personalagent.training.rows import Part, Row, episodes, preference_rows, sft_rows
from tests.make import DIET
from tests.training.steps import TEMPLATE, replied

JUDGE = GoldJudge(TEMPLATE)
PARTS: tuple[Part, Part] = ("train", "held_out")
FILM = "interests.film.genre"


def said(row: Row, key: str) -> str:
    (message,) = row[key]
    assert message["role"] == "assistant"
    return message["content"]


def taught(found: list[Episode]) -> list[tuple[Lesson, GoldTurn]]:
    return [
        (lesson, told)
        for one in found
        for lesson, told in zip(lessons(one, TEMPLATE), one.gold, strict=True)
        if isinstance(told, GoldTurn)
    ]


async def check(source: Source, part: Part, told: list[Episode]) -> None:
    """Rows for SFT and DPO are of the turns told, ask what serving asks, and are right and wrong."""
    expected = taught(told)[: source.most]
    rows, pairs = sft_rows(source, part, TEMPLATE), preference_rows(source, part, TEMPLATE)
    assert len(rows) == len(pairs) == len(expected)
    for row, pair, (lesson, its) in zip(rows, pairs, expected, strict=True):
        assert (
            row["prompt"] == inference_prompt(lesson.turn, lesson.profile, TEMPLATE, lesson.turn.at).messages
        )
        assert pair["prompt"] == row["prompt"]
        assert pair["chosen"] == row["completion"]
        assert await holds(said(row, "completion"), lesson, its), row
        assert not await holds(said(pair, "rejected"), lesson, its), pair


async def holds(reply: str, lesson: Lesson, its: GoldTurn) -> bool:
    verdict = await JUDGE.judge(replied(lesson.turn, reply, its, lesson.profile))
    assert verdict is not None
    return verdict.holds


@pytest.fixture(scope="module")
def parts() -> dict[Part, list[Episode]]:
    """The corpus, whose longest dialogues have twelve turns."""
    return {part: episodes(Source(kind="corpus"), part, TEMPLATE, 12) for part in PARTS}


class TestTheCorpus:
    async def test_rows_are_what_serving_asks_with_what_gold_says(
        self, parts: dict[Part, list[Episode]]
    ) -> None:
        await check(Source(kind="corpus", most=30), "held_out", parts["held_out"])

    def test_a_tenth_of_the_personas_to_train_on_is_held_out(self, parts: dict[Part, list[Episode]]) -> None:
        spoken = corpus.dialogues(None, "train")
        train, apart = ({one.user for one in parts[part]} for part in PARTS)
        assert not train & apart
        assert train | apart == {one.persona for one in spoken}
        assert len(apart) == round(len(train | apart) / 10)
        assert sorted(one.id for part in PARTS for one in parts[part]) == sorted(one.id for one in spoken)


def laps_record(worker: str, *sessions: dict[str, Any]) -> dict[str, Any]:
    return {"worker_id": worker, "topic": "recipe", "sessions": list(sessions), "task_setting": {}}


def laps_session(*said: str, **values: list[str]) -> dict[str, Any]:
    spoken = [{"role": "Assistant", "turn_number": 0, "message": "What shall we cook?"}]
    for number, text in enumerate(said, 1):
        spoken.append({"role": "User", "turn_number": number, "message": text})
        spoken.append({"role": "Assistant", "turn_number": number, "message": "Noted."})
    return {"dialogue": spoken, "preferences": values, "task_setting": "at home"}


@pytest.fixture
def laps(tmp_path: Path) -> Source:
    """Ten people with a session each, and one with two; people found values in them."""
    people = [
        laps_record(
            f"w{number}",
            laps_session(
                "I eat no meat, so something vegetarian.",
                f"As a vegetarian I have {number + 2} children, and thank you.",
                f"We all love plum cake with {number + 2} spoons of sugar.",
                diet_requirements=["vegetarian"],
                dish_like=["plum cake", "a dish that nobody names"],
            ),
        )
        for number in range(10)
    ]
    people.append(
        laps_record(
            "w10",
            laps_session('I said "no olives", is that odd?', ingredient_dislike=['said "no olives", is']),
            laps_session("Hello again", allergies=[]),
        )
    )
    (tmp_path / "recipe_dataset_train.json").write_text(json.dumps(people), encoding="utf-8")
    (tmp_path / "recipe_dataset_val.json").write_text("[", encoding="utf-8")
    return Source(kind="laps", path=tmp_path)


class TestLaps:
    async def test_rows_are_what_serving_asks_with_values_that_stand_in_the_turn(self, laps: Source) -> None:
        for part in PARTS:
            await check(laps, part, episodes(laps, part, TEMPLATE))

    def test_the_gold_profile_so_far_is_in_the_prompt(self, laps: Source) -> None:
        first, second, third = sft_rows(laps, "train", TEMPLATE)[:3]
        assert f'{DIET} = vegetarian | "vegetarian"' in said(first, "completion")
        assert "vegetarian" not in said(second, "completion")
        assert 'likes plum cake | "plum cake"' in said(third, "completion")
        held = f"<profile>\n{DIET} = vegetarian\n</profile>"
        assert held not in first["prompt"][1]["content"]
        assert held in second["prompt"][1]["content"]

    def test_nobody_is_on_both_sides(self, laps: Source) -> None:
        train, apart = (episodes(laps, part, TEMPLATE) for part in PARTS)
        assert {len({one.user for one in train}), len({one.user for one in apart})} == {10, 1}
        assert not {one.user for one in train} & {one.user for one in apart}
        assert len(train) + len(apart) == 12
        assert all(one.before == Profile() for one in train)

    def test_who_speaks_of_recipes_and_of_films_is_one_person(self, laps: Source) -> None:
        assert laps.path is not None
        text = (laps.path / "recipe_dataset_train.json").read_text("utf-8")
        (laps.path / "movie_dataset_train.json").write_text(text, encoding="utf-8")
        train, apart = (episodes(laps, part, TEMPLATE) for part in PARTS)
        assert len(train) + len(apart) == 24
        assert {one.user for one in train} | {one.user for one in apart} == {f"w{n}" for n in range(11)}
        assert not {one.user for one in train} & {one.user for one in apart}

    def test_a_file_is_as_good_as_its_folder(self, laps: Source) -> None:
        assert laps.path is not None
        file = laps.model_copy(update={"path": laps.path / "recipe_dataset_train.json"})
        assert episodes(file, "train", TEMPLATE) == episodes(laps, "train", TEMPLATE)

    def test_long_dialogues_are_refused_or_cut(self, laps: Source) -> None:
        with pytest.raises(DataError) as caught:
            episodes(laps, "train", TEMPLATE, 2)
        assert str(caught.value).startswith("recipe_dataset_train-")
        assert "has 3 turns, more than turns = 2: set turns = 3, or windows = true" in str(caught.value)
        whole = episodes(laps, "train", TEMPLATE, 3)
        cut = episodes(laps.model_copy(update={"windows": True}), "train", TEMPLATE, 2)
        assert max(len(one.turns) for one in cut) == 2
        assert taught(cut) == taught(whole)

    def test_a_value_of_any_length_is_cut_to_what_a_profile_holds(self, tmp_path: Path) -> None:
        long = " ".join(f"thing{number}" for number in range(90))
        one = laps_record("w", laps_session(f"I like {long}.", dish_like=[long]))
        path = tmp_path / "mine.json"
        path.write_text(json.dumps([one]), encoding="utf-8")
        (row,) = sft_rows(Source(kind="laps", path=path), "train", TEMPLATE)
        assert f"likes {long[:200]} |" in said(row, "completion")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("[\n{]", "recipe_dataset_train.json: Expecting property name enclosed in double quotes: line 2"),
            ("{}", "recipe_dataset_train.json: the file is not a list"),
            ('[{"sessions": [{"dialogue": []}]}]', "[0].sessions[0].preferences is missing"),
            ("[]", "there is no dialogue in it"),
        ],
    )
    def test_a_bad_file_is_named(self, tmp_path: Path, text: str, reason: str) -> None:
        (tmp_path / "recipe_dataset_train.json").write_text(text, encoding="utf-8")
        for rows in (sft_rows, preference_rows, episodes):
            with pytest.raises(DataError) as caught:
                rows(Source(kind="laps", path=tmp_path), "train", TEMPLATE)
            assert str(tmp_path) in str(caught.value)
            assert reason in str(caught.value)

    def test_a_folder_without_files_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"there is no \*_dataset_train.json in it"):
            episodes(Source(kind="laps", path=tmp_path), "train", TEMPLATE)


def exchange(number: int, chosen: str = "preferred") -> dict[str, Any]:
    return {
        "user": f"hello {number}",
        "assistant": {"preferred": f"warm {number}", "rejected": f"cold {number}"},
        "chosen": chosen,
        "inferred_profile": f"She has said {number} things.",
        "inferred_personality": "None",
    }


def aloe_record(persona: str, turns: int = 3, chosen: str = "preferred") -> dict[str, Any]:
    conversations = [exchange(number, chosen) for number in range(turns)]
    return {"profile": persona, "personality": "Calm.", "conversations": conversations}


def aloe_source(tmp_path: Path, *records: dict[str, Any], **more: Any) -> Source:
    (tmp_path / "conversations.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    return Source.model_validate({"kind": "aloe", "path": tmp_path / "conversations.jsonl", **more})


class TestAloe:
    def test_replies_are_preferred_and_rejected_after_what_was_shown(self, tmp_path: Path) -> None:
        source = aloe_source(tmp_path, aloe_record("A nurse.", 2, chosen="rejected"), what="replies")
        pairs, rows = (made(source, "train", TEMPLATE) for made in (preference_rows, sft_rows))
        assert [(said(one, "chosen"), said(one, "rejected")) for one in pairs] == [
            ("warm 0", "cold 0"),
            ("warm 1", "cold 1"),
        ]
        assert [said(one, "completion") for one in rows] == ["warm 0", "warm 1"]
        assert [one["prompt"] for one in rows] == [one["prompt"] for one in pairs]
        assert [(one["role"], one["content"]) for one in rows[1]["prompt"]] == [
            ("user", "hello 0"),
            ("assistant", "cold 0"),
            ("user", "hello 1"),
        ]

    def test_episodes_have_gold_in_prose(self, tmp_path: Path) -> None:
        (one,) = episodes(aloe_source(tmp_path, aloe_record("A nurse.", 2)), "train", TEMPLATE, 2)
        assert [turn.text for turn in one.turns] == ["hello 0", "hello 1"]
        assert one.gold == (Told("She has said 0 things.", ""), Told("She has said 1 things.", ""))
        assert one.before == Profile()

    def test_conversations_of_a_persona_are_on_one_side(self, tmp_path: Path) -> None:
        records = [aloe_record(f"Person {number % 10}.") for number in range(30)]
        for seed in range(5):
            source = aloe_source(tmp_path, *records, held_out=0.2, seed=seed)
            train, apart = (episodes(source, part, TEMPLATE) for part in PARTS)
            assert (len(train), len(apart)) == (24, 6)
            assert not {one.user for one in train} & {one.user for one in apart}
            assert len({one.id for one in train + apart}) == 30
            replies = source.model_copy(update={"what": "replies"})
            assert [len(sft_rows(replies, part, TEMPLATE)) for part in PARTS] == [72, 18]

    def test_people_of_whom_nothing_is_known_are_not_the_same(self, tmp_path: Path) -> None:
        records = [aloe_record("") | {"personality": "None"} for _ in range(4)]
        source = aloe_source(tmp_path, *records)
        assert len({one.user for part in PARTS for one in episodes(source, part, TEMPLATE)}) == 4

    def test_the_folder_of_the_file_will_do(self, tmp_path: Path) -> None:
        source = aloe_source(tmp_path, aloe_record("A nurse."))
        folder = source.model_copy(update={"path": tmp_path})
        assert episodes(folder, "train", TEMPLATE) == episodes(source, "train", TEMPLATE)

    @pytest.mark.parametrize("windows", [False, True])
    def test_a_dialogue_that_is_too_long_is_named_with_what_helps(
        self, tmp_path: Path, windows: bool
    ) -> None:
        records = [aloe_record(f"Person {number}.", number) for number in (10, 11, 12, 4)]
        source = aloe_source(tmp_path, *records, held_out=0.01, seed=1, windows=windows)
        apart = [len(one.turns) for one in episodes(source, "held_out", TEMPLATE)]
        assert apart != [12]
        with pytest.raises(DataError) as caught:
            episodes(source, "train", TEMPLATE, 10)
        assert str(caught.value) == (
            "aloe-conversations-2 has 12 turns, more than turns = 10: "
            "set turns = 12, for what has gold in prose cannot be cut"
        )
        assert len(episodes(source, "train", TEMPLATE, 12)) == 3

    def test_windows_do_no_harm_where_all_is_short_enough(self, tmp_path: Path) -> None:
        source = aloe_source(tmp_path, aloe_record("A nurse.", 10))
        windows = source.model_copy(update={"windows": True})
        assert episodes(windows, "train", TEMPLATE, 10) == episodes(source, "train", TEMPLATE, 10)

    def test_inferences_cannot_be_taught(self, tmp_path: Path) -> None:
        source = aloe_source(tmp_path, aloe_record("A nurse."))
        for rows in (sft_rows, preference_rows):
            with pytest.raises(DataError, match=r"aloe-conversations-0: its gold is prose.*its replies"):
                rows(source, "train", TEMPLATE)

    def test_a_bad_line_is_named_before_anything_else(self, tmp_path: Path) -> None:
        source = aloe_source(tmp_path, aloe_record("A nurse.", 40), aloe_record("A cook."))
        assert source.path is not None
        source.path.write_text(f"{source.path.read_text('utf-8')}\n{{\n", encoding="utf-8")
        for rows in (sft_rows, preference_rows):
            for what in ("inferences", "replies"):
                with pytest.raises(DataError, match=r"conversations.jsonl:3: not JSON"):
                    rows(source.model_copy(update={"what": what}), "held_out", TEMPLATE)
        with pytest.raises(DataError, match=r"conversations.jsonl:3: not JSON"):
            episodes(source, "train", TEMPLATE, 10)


class TestMost:
    def test_it_counts_rows_or_dialogues(self, laps: Source, tmp_path: Path) -> None:
        few = laps.model_copy(update={"most": 5})
        assert sft_rows(few, "train", TEMPLATE) == sft_rows(laps, "train", TEMPLATE)[:5]
        assert preference_rows(few, "train", TEMPLATE) == preference_rows(laps, "train", TEMPLATE)[:5]
        assert episodes(few, "train", TEMPLATE) == episodes(laps, "train", TEMPLATE)[:5]
        replies = aloe_source(
            tmp_path, aloe_record("A nurse."), aloe_record("A cook."), what="replies", most=2
        )
        assert len(sft_rows(replies, "train", TEMPLATE)) == 2

    def test_pieces_are_dialogues(self, laps: Source) -> None:
        cut = laps.model_copy(update={"windows": True, "most": 3})
        assert [len(one.turns) for one in episodes(cut, "train", TEMPLATE, 2)] == [2, 1, 2]

    def test_what_is_not_taken_may_be_long(self, tmp_path: Path) -> None:
        records = [aloe_record(f"Person {number}.", number) for number in range(1, 12)]
        source = aloe_source(tmp_path, *records, most=2)
        assert len(episodes(source, "train", TEMPLATE, 4)) == 2


class TestSeed:
    def test_the_same_seed_draws_the_same_and_another_one_others(self, laps: Source) -> None:
        def drawn(seed: int) -> str:
            return repr(episodes(laps.model_copy(update={"seed": seed}), "held_out", TEMPLATE))

        assert drawn(1) == drawn(1)
        assert len({drawn(seed) for seed in range(6)}) > 2

    def test_it_draws_what_is_rejected_too(self, laps: Source) -> None:
        def rejected(seed: int) -> list[str]:
            source = laps.model_copy(update={"seed": seed, "held_out": 0.01})
            return [said(one, "rejected") for one in preference_rows(source, "train", TEMPLATE)]

        assert rejected(1) == rejected(1)
        assert rejected(1) != rejected(2)
        assert parse_inference(rejected(1)[0]) is not None
