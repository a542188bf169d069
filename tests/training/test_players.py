"""Who plays the trajectories: dialogues with gold, and simulated users, without a model."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora.gold import inference_of
from personalagent.errors import DataError, JudgeLost
from personalagent.policies.notation import write_inference
from personalagent.policies.prompt import INSTRUCTIONS
from personalagent.policies.scripted import ScriptedChatModel
from personalagent.profile.preference import Inference
from personalagent.simulation.persona import Persona, personas
from personalagent.simulation.scripted import ScriptedUser
from personalagent.simulation.spoken import ModelUser
from personalagent.simulation.user import SimulatedUser
from personalagent.training.config import Source
from personalagent.training.episodes import Step, corpus_episodes, held_out, lessons
from personalagent.training.judging import GoldJudge, Judge, Verdict
from personalagent.training.players import (
    Dialogues,
    Player,
    Simulated,
    Trajectory,
    Writer,
    Written,
    users_of,
)
from personalagent.training.rewards import FORMAT_CAP
from personalagent.training.rollouts import Messages
from tests.simulation.people import DINNER, TEMPLATE, ann, needs_of
from tests.training.dialogues import NOTHING, RIGHT, WRONG, Fails, dialogues
from tests.training.steps import BROKEN

SOURCE = Source(kind="corpus")


class Writes:
    """Answers a message with what is known to be right for it, else with nothing; keeps what it was asked."""

    def __init__(self, replies: Mapping[str, str] | None = None, otherwise: str = NOTHING) -> None:
        self._replies, self._otherwise = replies or {}, otherwise
        self.calls: list[list[Messages]] = []

    def fits(self, messages: Messages) -> bool:
        return True

    def __call__(self, prompts: Sequence[Messages]) -> list[Written]:
        self.calls.append(list(prompts))
        return [Written(self._replies.get(said(one), self._otherwise), [1], [2]) for one in prompts]


def said(prompt: Messages) -> str:
    """The message that a prompt is about."""
    assert prompt[0]["content"] == INSTRUCTIONS
    return prompt[1]["content"].split("<message>\n")[1].removesuffix("\n</message>")


def heard(writer: Writes) -> list[list[str]]:
    """The messages of each call."""
    return [[said(one) for one in call] for call in writer.calls]


def worth(player: Player, trajectory: Trajectory) -> tuple[float | None, dict[str, float]]:
    return asyncio.run(_worth(player, trajectory))


async def _worth(player: Player, trajectory: Trajectory) -> tuple[float | None, dict[str, float]]:
    return await player.worth(trajectory)


class Says:
    """A judge that says what it was told to say, in turn."""

    def __init__(self, *verdicts: Verdict | Exception | None) -> None:
        self._verdicts = list(verdicts)

    async def judge(self, step: Step) -> Verdict | None:
        found = self._verdicts.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


HOLDS = Verdict(completeness=True, no_hallucination=True, informativeness=True, consistency=True)


class TestDialogues:
    def player(self, judge: Judge | None = None, **more: object) -> Dialogues:
        return Dialogues(dialogues(), judge or GoldJudge(TEMPLATE), TEMPLATE, turns=3, **more)  # type: ignore[arg-type]

    def test_each_is_a_row_of_the_data(self) -> None:
        assert self.player().names == ["nurse", "vegan", "baker"]
        with pytest.raises(DataError, match="no dialogue"):
            Dialogues([], GoldJudge(TEMPLATE), TEMPLATE, turns=3)

    def test_those_under_way_are_written_together_and_as_often_as_there_are_turns(self) -> None:
        writer = Writes(RIGHT)
        played = self.player().play(["nurse", "nurse", "baker"], writer)
        assert heard(writer) == [
            ["i am a nurse", "i am a nurse", "i am a baker"],
            ["we live in Lisbon", "we live in Lisbon"],
            [],
        ]
        assert [len(one.replies) for one in played] == [2, 2, 1]
        assert [[step.reply for step in one.steps] for one in played] == [
            [reply.text for reply in one.replies] for one in played
        ]

    def test_what_is_right_is_worth_one_and_silence_its_format(self) -> None:
        player = self.player()
        for reply, expected in ((RIGHT, 1.0), ({}, FORMAT_CAP)):
            for one in player.play(["nurse", "baker"], Writes(reply)):
                reward, figures = worth(player, one)
                assert reward == pytest.approx(expected)
                assert figures["turn_exact"] == (expected == 1)
                assert (figures["silent"], figures["judge_failed"]) == (float(expected != 1), 0)

    def test_a_judge_that_fails_masks_the_trajectory_and_is_counted(self) -> None:
        player = self.player(Says(HOLDS, None, HOLDS, HOLDS))
        one, other = player.play(["nurse", "nurse"], Writes(RIGHT))
        reward, figures = worth(player, one)
        assert reward is None
        assert (figures["judge_failed"], figures["turn_exact"]) == (1, 1)
        assert worth(player, other)[0] == 1

    def test_where_nobody_judged_there_is_no_exactness_to_speak_of(self) -> None:
        player = self.player(Says(None))
        (one,) = player.play(["baker"], Writes(RIGHT))
        reward, figures = worth(player, one)
        assert reward is None
        assert "turn_exact" not in figures

    def test_a_judge_that_is_lost_is_told(self) -> None:
        player = self.player(Says(JudgeLost("gone")))
        (one,) = player.play(["baker"], Writes())
        with pytest.raises(JudgeLost):
            worth(player, one)

    @pytest.mark.parametrize("kind", ["bleu", "f1"])
    def test_overlap_with_gold_in_place_of_the_judge(self, kind: str) -> None:
        player = self.player(kind=kind)
        for replies, least, most in ((RIGHT, 1.0, 1.0), ({}, FORMAT_CAP, 0.99)):
            (one,) = player.play(["baker"], Writes(replies))
            reward, _ = worth(player, one)
            assert reward is not None
            assert least <= reward <= most

    def test_turns_weigh_what_they_are_told_to(self) -> None:
        player = self.player(weights=(1, 3, 0))
        (one,) = player.play(["nurse"], Writes({"we live in Lisbon": RIGHT["we live in Lisbon"]}))
        assert worth(player, one)[0] == pytest.approx((FORMAT_CAP + 3) / 4)


def scripted(persona: Persona, seed: int) -> SimulatedUser:
    """Met at her first message."""
    return ScriptedUser(persona, seed, TEMPLATE)


def simulated(user_of: Callable[[Persona, int], SimulatedUser] = scripted, turns: int = 8) -> Simulated:
    return Simulated([ann(), other()], TEMPLATE, turns=turns, user_of=user_of)


def other() -> Persona:
    """Somebody else with the same things to say."""
    return ann().model_copy(update={"id": "eve"})


def asking() -> Writes:
    """Reads what ann says as the corpus does, and names the gold needs of her requests."""
    replies = {g.user: inference_of(g) for one in ann().script for g in one.turns}
    for request, needs in needs_of(ann()).items():
        replies[request] = Inference(needs=tuple(needs))
    return Writes({text: write_inference(one) for text, one in replies.items()})


class TestSimulated:
    def test_each_persona_is_a_row_of_the_data(self) -> None:
        assert simulated().names == ["ann", "eve"]
        with pytest.raises(DataError, match="no persona"):
            Simulated([], TEMPLATE, turns=3)

    def test_the_user_is_the_same_whenever_and_wherever_she_is_met(self) -> None:
        player, first, later, elsewhere = simulated(), Writes(), Writes(), Writes()
        player.play(["ann", "ann", "eve"], first)
        player.play(["eve", "ann"], later)
        simulated().play(["ann"], elsewhere)
        assert [call[0] for call in heard(first)] == [call[1] for call in heard(first)]
        assert [call[0] for call in heard(first)] == [call[1] for call in heard(later)]
        assert [call[0] for call in heard(first)] == [call[0] for call in heard(elsewhere)]
        assert [call[2] for call in heard(first)] == [call[0] for call in heard(later)]

    def test_she_answers_what_she_is_asked(self) -> None:
        writer = asking()
        (one,) = simulated(turns=10).play(["ann"], writer)
        asked = next(n for n, info in enumerate(one.infos) if info["asks"])
        assert heard(writer)[asked] == [DINNER]
        assert heard(writer)[asked + 1] != [DINNER]
        assert worth(simulated(), one)[1]["questions"] >= 1

    def test_what_was_inferred_stands_in_the_next_prompts(self) -> None:
        writer = asking()
        simulated().play(["ann"], writer)
        prompts = {said(one): one[1]["content"] for call in writer.calls for one in call}
        assert "geography.home.city = Leeds" not in prompts["I'm a nurse in Leeds"]
        assert "geography.home.city = Leeds" in prompts["we left Leeds for York"]

    def test_the_writer_is_called_as_often_as_there_are_turns_whoever_is_done(self) -> None:
        for turns in (2, 40):
            writer = Writes()
            played = simulated(turns=turns).play(["ann", "eve"], writer)
            assert len(writer.calls) == turns
            assert all(len(one.replies) == len(one.infos) <= turns for one in played)
        assert writer.calls[-1] == []

    def test_a_user_who_fails_masks_her_trajectory_and_no_other(self) -> None:
        def user_of(persona: Persona, seed: int) -> SimulatedUser:
            return Fails(persona, seed, 2) if persona.id == "eve" else ScriptedUser(persona, seed, TEMPLATE)

        player = simulated(user_of, turns=3)
        one, failed = player.play(["ann", "eve"], Writes())
        assert [len(played.replies) for played in (one, failed)] == [3, 2]
        assert worth(player, failed)[0] is None
        assert worth(player, one)[0] is not None

    def test_one_who_does_not_even_begin_does_not_stop_it_either(self) -> None:
        player, writer = simulated(lambda persona, seed: Fails(persona, seed, 0), turns=2), Writes()
        played = player.play(["ann", "eve"], writer)
        assert played == [Trajectory(()), Trajectory(())]
        assert writer.calls == [[], []]
        assert worth(player, played[0]) == (None, {})

    def test_who_reads_and_asks_well_is_worth_more(self) -> None:
        player = simulated()
        found = []
        for writer in (asking(), Writes(), Writes(otherwise=WRONG), Writes(otherwise=BROKEN)):
            (one,) = player.play(["ann"], writer)
            reward, figures = worth(player, one)
            assert reward is not None
            found.append(reward)
            assert figures["malformed"] == float(one.replies[0].text == BROKEN)
            assert figures["reply_characters"] > 0
        assert found == sorted(found, reverse=True)
        assert found[0] > 0.9

    @given(st.lists(st.sampled_from([NOTHING, WRONG, BROKEN, "", *RIGHT.values()]), min_size=9, max_size=9))
    def test_a_return_lies_between_zero_and_one(self, replies: list[str]) -> None:
        left = iter(replies)

        class Any(Writes):
            def __call__(self, prompts: Sequence[Messages]) -> list[Written]:
                return [Written(next(left), [1], [2]) for _ in prompts]

        player = simulated(turns=4)
        for one in player.play(["ann", "eve"], Any()):
            reward, figures = worth(player, one)
            assert reward is not None
            assert 0 <= reward <= 1
            assert 0 <= figures["profile_reward"] <= 1


class TestPlaces:
    """Rows that are a persona and a place in her script."""

    @staticmethod
    def shipped() -> Simulated:
        return Simulated(users_of(SOURCE, TEMPLATE), TEMPLATE, turns=3)

    def test_all_who_ask_are_met_and_nobody_who_is_held_out(self) -> None:
        people = personas(TEMPLATE, None, "train")
        everybody = [one.id for one in people]
        trained_on = set(everybody) - held_out(everybody, SOURCE.held_out, SOURCE.seed)
        names = self.shipped().names
        met = {name.partition("@")[0] for name in names}
        assert {one.id for one in people if one.requests} & trained_on < met < trained_on
        assert names == list(dict.fromkeys(names)) == self.shipped().names
        few = SOURCE.model_copy(update={"most": 4})
        first = [one for one in everybody if one in trained_on][:4]
        assert [one.id for one in users_of(few, TEMPLATE)] == first

    def test_what_she_said_before_is_known_as_the_gold_has_it(self) -> None:
        player = Simulated(users_of(SOURCE, TEMPLATE), TEMPLATE, turns=1)
        infos = [one.infos[0] for one in player.play(player.names[::20], Writes())]
        users = {info["turn"].user for info in infos}
        known = {
            (one.user, lesson.turn.key): lesson.profile.current
            for one in corpus_episodes(TEMPLATE, "train")
            if one.user in users
            for lesson in lessons(one, TEMPLATE)
        }
        stated = [(info["turn"], info["before"].current) for info in infos if info["gold"]]
        assert all(before == known[turn.user, turn.key] for turn, before in stated)
        assert sum(bool(before) for _, before in stated) > len(infos) / 2
        silent = [info["profile_reward"] for info in infos if info["gold"] and not info["gold"].operations]
        assert min(silent) > 0.9
        assert sum(info["request"] for info in infos) > len(infos) / 5

    def test_all_rollouts_of_a_row_meet_the_same_user_at_the_same_place(self) -> None:
        player = Simulated([ann(), other()], TEMPLATE, turns=3)
        first, last = player.names[0], player.names[-1]
        one, two, _ = player.play([last, last, first], asking())
        (later,) = Simulated([other()], TEMPLATE, turns=3).play([last], asking())
        assert one == two == later

    def test_to_ask_for_what_a_request_needs_is_worth_more_than_not_to(self) -> None:
        player = Simulated([ann()], TEMPLATE, turns=3)
        asks, silent = (player.play(player.names, writer) for writer in (asking(), Writes()))
        asked = 0
        for one, idle in zip(asks, silent, strict=True):
            for does, does_not in zip(one.infos, idle.infos, strict=False):
                if does["asks"]:
                    asked += 1
                    assert does["turn"].text == does_not["turn"].text == DINNER
                    assert (does["response_reward"], does_not["response_reward"]) == (1, 0)
        assert asked


class TestAModelAsTheUser:
    """The lines that the documentation shows, with a model that is scripted."""

    def test_plays_the_personas_from_their_first_message(self) -> None:
        model = ScriptedChatModel(replies=["I'm a nurse", "lovely day"])
        users = users_of(SOURCE.model_copy(update={"most": 1}), TEMPLATE)
        player = Simulated(
            users, TEMPLATE, turns=2, user_of=lambda persona, seed: ModelUser(persona, model, TEMPLATE)
        )
        writer = Writes()
        assert player.names == [users[0].id]
        (one,) = player.play(player.names, writer)
        assert heard(writer) == [["I'm a nurse"], ["lovely day"]]
        assert users[0].about in model.prompts[0][0].text
        reward, figures = worth(player, one)
        assert reward is not None
        assert figures["malformed"] == 0


def check_protocols(dialogue: Dialogues, users: Simulated, writer: Writes) -> tuple[Player, Player, Writer]:
    """That they are what the protocols say, for the type checker."""
    return dialogue, users, writer
