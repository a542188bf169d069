"""Rewards of turns, and what they come to over a trajectory."""

import asyncio
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.errors import DataError, JudgeLost, SettingError
from personalagent.policies.notation import LONGEST_REPLY
from personalagent.training.episodes import Step, Told
from personalagent.training.guards import guards
from personalagent.training.judging import UNREADABLE, GoldJudge, Verdict
from personalagent.training.rewards import (
    FORMAT_CAP,
    REWARDS,
    Kind,
    format_share,
    returns,
    trajectory_return,
    turn_reward,
)
from tests.make import CITY, DIET, states, turn
from tests.training.steps import BROKEN, gold, replied, right_steps, step, told

LINE = "I am vegan and live in Leeds"
GOLD = told(LINE, gold(DIET, "vegan"), gold(CITY, "Leeds"))
RIGHT = step(LINE, states(DIET, "vegan"), states(CITY, "Leeds"), gold=GOLD)
HALF = step(LINE, states(DIET, "vegan"), gold=GOLD)
UNREAD = replied(turn(LINE), BROKEN, GOLD)
BLOCKS = [
    "<inferred_profile>\n</inferred_profile>",
    "<inferred_personality>\n</inferred_personality>",
    "<classification>none</classification>",
    "<needs>\n</needs>",
]
WHOLE = "\n".join(BLOCKS)
HOLDS = Verdict(completeness=True, no_hallucination=True, informativeness=True, consistency=True)
SHARES = st.floats(0, 1)
WEIGHTS = st.floats(0.01, 100)


class Scripted:
    """A judge that gives these verdicts, in order, and keeps what it was asked."""

    def __init__(self, *verdicts: Verdict | Exception | None) -> None:
        self.verdicts, self.asked = list(verdicts), list[Step]()

    async def judge(self, step: Step) -> Verdict | None:
        self.asked.append(step)
        found = self.verdicts.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class TestTheFormat:
    def test_the_whole_of_it(self) -> None:
        assert format_share(WHOLE) == 1
        assert format_share(f"<think>Hm. <needs></needs></think>\n\n{WHOLE}\n") == 1
        assert all(format_share(one.reply) == 1 for one in right_steps())

    @pytest.mark.parametrize(
        ("reply", "steps"),
        [
            ("", 0),
            ("She likes cats.", 0),
            (BLOCKS[0], 1),
            (BROKEN, 1),
            ("\n".join(BLOCKS[:2]), 2),
            ("\n".join(BLOCKS[:3]), 4),  # enough to be parsed
            ("\n".join(BLOCKS[:3]) + "\n<needs>\n", 4),
            ("\n".join((*BLOCKS[1:], BLOCKS[0])), 5),
            ("\n".join((*BLOCKS, BLOCKS[0])), 5),
            (f"Here it is:\n{WHOLE}", 6),
            (f"{WHOLE}\nAnything else?", 6),
            (WHOLE.replace("<needs>\n", "<needs>\nfilms\n"), 6),
            (WHOLE.replace("none", "some"), 6),
            (WHOLE + " " * LONGEST_REPLY, 0),
        ],
    )
    def test_each_step(self, reply: str, steps: int) -> None:
        assert format_share(reply) == pytest.approx(steps / 7)

    def test_more_of_a_good_reply_is_never_worth_less(self) -> None:
        for one in (RIGHT, *right_steps()[::25]):
            shares = [format_share(one.reply[:end]) for end in range(len(one.reply) + 1)]
            assert shares == sorted(shares)
            assert (shares[0], shares[-1]) == (0, 1)

    @given(st.lists(st.sampled_from([*BLOCKS, "<needs>", "</needs>", "x", "<think>", "</think>"])))
    def test_it_is_a_share_whatever_is_written(self, pieces: list[str]) -> None:
        assert 0 <= format_share("\n".join(pieces)) <= 1


class TestATurn:
    def test_all_four_or_the_format(self) -> None:
        assert turn_reward(RIGHT, HOLDS) == 1
        for name in Verdict.model_fields:
            assert turn_reward(RIGHT, HOLDS.model_copy(update={name: False})) == FORMAT_CAP
        assert turn_reward(UNREAD, UNREADABLE) == pytest.approx(FORMAT_CAP / 7)

    def test_the_kinds_are_all_there(self) -> None:
        assert tuple(REWARDS) == get_args(Kind)

    @pytest.mark.parametrize("kind", ["bleu", "f1"])
    def test_overlaps_lie_between_the_format_and_the_whole(self, kind: Kind) -> None:
        reward = REWARDS[kind]
        assert reward(RIGHT, None) == 1
        partly, unread = reward(HALF, None), reward(UNREAD, None)
        assert partly is not None
        assert FORMAT_CAP < partly < 1
        assert unread == pytest.approx(FORMAT_CAP / 7)


class TestReturns:
    @given(st.lists(SHARES, min_size=1, max_size=9), st.data())
    def test_they_lie_between_the_least_and_the_greatest_reward(
        self, rewards: list[float], data: st.DataObject
    ) -> None:
        size = len(rewards)
        weights = data.draw(st.none() | st.lists(WEIGHTS, min_size=size, max_size=size + 3))
        found = returns(rewards, weights)
        assert found is not None
        assert 0 <= found <= 1
        assert min(rewards) <= found + 1e-12
        assert found <= max(rewards) + 1e-12

    @given(st.lists(st.tuples(SHARES, WEIGHTS), min_size=1, max_size=9), st.floats(0.1, 10))
    def test_only_the_ratios_of_weights_count(self, turns: list[tuple[float, float]], scale: float) -> None:
        rewards, weights = [r for r, _ in turns], [w for _, w in turns]
        assert returns(rewards, [scale * w for w in weights]) == pytest.approx(returns(rewards, weights))
        assert returns(rewards, [scale] * len(rewards)) == pytest.approx(returns(rewards))

    def test_by_hand(self) -> None:
        assert returns([1, 0.3, 0.3, 0.3]) == pytest.approx(0.475)
        assert returns([1, 0], [3, 1]) == 0.75
        assert returns([1, 0], [3, 1, 9]) == 0.75

    def test_what_has_no_return(self) -> None:
        assert returns([1, None, 1]) is None
        assert returns([]) is None
        assert returns([1, 1], [0, 0, 1]) is None

    @pytest.mark.parametrize("weights", [[1], [1, -1], []])
    def test_weights_that_cannot_be(self, weights: list[float]) -> None:
        with pytest.raises(SettingError, match="weights"):
            returns([1, 1], weights)


class TestATrajectory:
    async def test_it_says_what_is_logged(self) -> None:
        steps = [RIGHT, HALF, UNREAD]
        found = await trajectory_return(steps, GoldJudge(), weights=[2, 1, 1])
        assert found.turns == pytest.approx((1, FORMAT_CAP, FORMAT_CAP / 7))
        assert found.reward == pytest.approx((2 + FORMAT_CAP + FORMAT_CAP / 7) / 4)
        assert [verdict and verdict.holds for verdict in found.verdicts] == [True, False, False]
        assert found.exact == pytest.approx(1 / 3)
        assert found.failed == 0
        assert found.guards == guards(steps)

    async def test_a_judge_that_fails_masks_and_does_not_punish(self) -> None:
        found = await trajectory_return([RIGHT, RIGHT, RIGHT], Scripted(HOLDS, None, HOLDS))
        assert found.reward is None
        assert (found.turns, found.exact, found.failed) == ((1, None, 1), 1, 1)
        nobody = await trajectory_return([RIGHT], Scripted(None))
        assert (nobody.reward, nobody.exact, nobody.failed) == (None, None, 1)

    async def test_nobody_is_asked_about_a_reply_that_cannot_be_read(self) -> None:
        judge = Scripted(HOLDS)
        found = await trajectory_return([UNREAD, RIGHT], judge)
        assert judge.asked == [RIGHT]
        assert found.verdicts == (UNREADABLE, HOLDS)

    @pytest.mark.parametrize("kind", ["bleu", "f1"])
    async def test_other_rewards_do_not_wait_for_verdicts_but_log_them(self, kind: Kind) -> None:
        found = await trajectory_return([RIGHT, HALF], Scripted(HOLDS, None), kind)
        assert found.reward is not None
        assert found.turns[0] == 1
        assert (found.exact, found.failed) == (1, 1)
        prose = RIGHT._replace(gold=Told("She is vegan.", "None"))
        with pytest.raises(DataError):
            await trajectory_return([prose], GoldJudge(), kind)

    async def test_a_lost_judge_stops_it_and_leaves_nothing_running(self) -> None:
        class Slow(Scripted):
            async def judge(self, step: Step) -> Verdict | None:
                found = await super().judge(step)
                await asyncio.sleep(60)
                return found

        with pytest.raises(JudgeLost, match="gone"):
            await trajectory_return([RIGHT] * 3, Slow(HOLDS, JudgeLost("gone"), HOLDS))
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1

    async def test_gold_is_worth_one(self) -> None:
        for kind in REWARDS:
            found = await trajectory_return(right_steps()[:40], GoldJudge(), kind)
            assert found.reward == pytest.approx(1)
            assert found.exact == 1
