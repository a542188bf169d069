"""Episodes: what the agent sees, what comes of what it does, and how that is rewarded."""

from typing import Any

import pytest

from personalagent.errors import PolicyError
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.notation import write_inference
from personalagent.policies.policy import Failure, Policy
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.log import TurnEntry
from personalagent.profile.preference import Inference, Need
from personalagent.profile.profile import Profile
from personalagent.simulation.acting import acts
from personalagent.simulation.environment import Action, Environment, Info, Observation
from personalagent.simulation.persona import Persona, personas
from personalagent.simulation.rewards import profile_reward
from personalagent.simulation.scripted import ScriptedUser
from personalagent.simulation.user import Move, Said
from tests.make import CITY, DIET, infers, states
from tests.simulation.people import (
    DINNER,
    JOB,
    SUM,
    TEMPLATE,
    TRIP,
    ann,
    hallucinating,
    needs_of,
    perfect,
    request,
    user_of,
)

Step = tuple[Observation, float, bool, bool, Info]
SEEDS = range(60)


async def episode(policy: Policy, persona: Persona, seed: int = 0, **more: int) -> list[Step]:
    """All steps of an episode."""
    environment = Environment(user_of(persona), TEMPLATE, **more)
    state, _ = await environment.reset(seed)
    steps: list[Step] = []
    while not steps or not (steps[-1][2] or steps[-1][3]):
        steps.append(await environment.step(await acts(policy, state, TEMPLATE)))
        state = steps[-1][0]
    return steps


def column(steps: list[Step], name: str) -> list[Any]:
    return [info[name] for *_, info in steps]


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


class TestStates:
    async def test_the_first_is_her_first_message_and_an_empty_profile(self) -> None:
        state, info = await Environment(user_of(ann()), TEMPLATE).reset(0)
        assert state.turn.text == "hello there"
        assert state.profile == Profile()
        assert info["persona"] == "ann"

    async def test_the_next_has_what_passed_the_gate_and_nothing_else(self) -> None:
        environment = Environment(user_of(ann()), TEMPLATE)
        await environment.reset(0)
        await environment.step(Action(Inference()))
        said = infers(states(JOB, "nurse"), states(DIET, "vegan"))
        state, *_, info = await environment.step(Action(said))
        assert list(state.profile.current) == [JOB]
        assert [one.reason for one in info["entry"].rejections] == ["no evidence"]

    async def test_what_she_told_before_is_known_and_revealed(self) -> None:
        user = ScriptedUser(ann(), 0, TEMPLATE, start=2)
        state, _ = await Environment(lambda _: user, TEMPLATE).reset(0, user.told)
        whole = Environment(user_of(ann()), TEMPLATE)
        reads = perfect(ann())
        read, _ = await whole.reset(0)
        for _ in user.told:
            read, *_ = await whole.step(await acts(reads, read, TEMPLATE))
        assert state.turn.key == read.turn.key
        assert (state.turn.text, state.turn.at) == (read.turn.text, read.turn.at)
        assert state.profile.current == read.profile.current
        assert state.profile.current

    async def test_a_step_says_in_which_state_it_was_made(self) -> None:
        environment = Environment(user_of(ann()), TEMPLATE)
        state, _ = await environment.reset(0)
        for inference in (Inference(), infers(states(JOB, "nurse", "I'm a nurse")), Inference()):
            before = state
            state, *_, info = await environment.step(Action(inference))
            assert (info["turn"], info["before"]) == before

    async def test_a_reply_that_cannot_be_read_changes_nothing_and_earns_nothing(self) -> None:
        environment = Environment(user_of(ann()), TEMPLATE)
        await environment.reset(0)
        state, reward, *_, info = await environment.step(Action.of("I am sure she is a nurse."))
        assert state.profile == Profile()
        assert isinstance(info["entry"], Failure)
        assert (info["profile_reward"], info["response_reward"], reward) == (1.0, 0.0, 0.5)

    async def test_a_reply_is_read_as_everywhere(self) -> None:
        said = infers(states(JOB, "nurse", "I'm a nurse"))
        found = Action.of(write_inference(said)).inference
        assert isinstance(found, Inference)
        assert found.operations == said.operations

    async def test_conversations_are_a_month_apart_and_turns_in_order(self) -> None:
        steps = await episode(ScriptedPolicy(), ann())
        turns = list(dict.fromkeys(state.turn for state, *_ in steps))
        assert [turn.at for turn in turns] == sorted({turn.at for turn in turns})
        assert {turn.session for turn in turns} == {"d1", "d2"}

    async def test_an_episode_ends_when_she_has_said_all_or_time_is_up(self) -> None:
        said = [step[2:4] for step in await episode(ScriptedPolicy(), ann())]
        assert said == [(False, False)] * (len(said) - 1) + [(True, False)]
        cut = [step[2:4] for step in await episode(ScriptedPolicy(), ann(), longest=3)]
        assert cut == [(False, False)] * 2 + [(False, True)]

    async def test_there_is_no_step_without_an_episode(self) -> None:
        environment = Environment(user_of(ann()), TEMPLATE, longest=1)
        with pytest.raises(RuntimeError, match="call reset"):
            await environment.step(Action(Inference()))
        await environment.reset(0)
        await environment.step(Action(Inference()))
        with pytest.raises(RuntimeError, match="call reset"):
            await environment.step(Action(Inference()))


class TestQuestions:
    async def test_an_answer_is_read_and_then_the_request_is_answered_from_it(self) -> None:
        for seed in SEEDS:
            steps = await episode(perfect(ann()), ann(), seed)
            asked = column(steps, "asks")
            assert asked.count(DIET) == 1
            number = asked.index(DIET)
            before, after = steps[number], steps[number + 1]
            answering = before[0].turn
            assert (answering.answers, answering.replying_to) == (DIET, TEMPLATE.slots[DIET].question)
            assert before[4]["response_reward"] == after[4]["response_reward"] == 1.0
            outcome = after[4]["outcome"]
            assert after[0].profile.questions[DIET] == outcome
            if outcome == "answered":
                assert [one.preference.value for one in after[4]["handed"]] == ["vegan"]
                return
        raise AssertionError("she always declines")

    async def test_whatever_becomes_of_a_question_it_is_never_asked_again(self) -> None:
        again = [request(f"{DINNER} {n}", {DIET: 2, CITY: 2}, (DIET, "vegan")) for n in range(8)]
        outcomes = set()
        for seed in SEEDS:
            steps = await episode(ScriptedPolicy([], needs_of(ann(*again))), ann(*again), seed, questions=9)
            asked = [slot for slot in column(steps, "asks") if slot]
            assert sorted(asked) == [DIET, CITY][: len(asked)]
            outcomes |= set(column(steps, "outcome"))
            assert set(steps[-1][0].profile.questions) == {DIET, CITY}
        assert outcomes == {None, "declined", "unknown"}

    async def test_a_conversation_holds_so_many_questions_and_no_more(self) -> None:
        always = [Need(slot=one, weight=1.0) for one in TEMPLATE.slots][:20]
        policy = ScriptedPolicy([Inference(needs=tuple(always))] * 99)
        steps = await episode(policy, ann(), questions=2)
        turns = {(state.turn.session, state.turn.answers) for state, *_ in steps if state.turn.answers}
        assert len(turns) == 4
        none = await episode(ScriptedPolicy([Inference(needs=tuple(always))] * 99), ann(), questions=0)
        assert column(none, "asks") == [None] * len(none)

    async def test_a_question_that_nobody_needs_is_an_intrusion(self) -> None:
        needs = (Need(slot=DIET, weight=1.0),)
        environment = Environment(user_of(ann()), TEMPLATE)
        await environment.reset(0)
        *_, info = await environment.step(Action(Inference(needs=needs)))
        assert (info["asks"], info["request"], info["response_reward"]) == (DIET, False, 0.0)

    async def test_a_question_about_a_request_whose_needs_nobody_knows_is_none(self) -> None:
        looks = ann().script[0].turns[0].model_copy(update={"user": "can you recommend a film for me?"})
        script = [ann().script[0].model_copy(update={"turns": (looks,)})]
        persona = ann().model_copy(update={"script": tuple(script), "requests": ()})
        policy = ScriptedPolicy([], {looks.user: [Need(slot=DIET, weight=1.0)]})
        (_, _, _, _, info), *_ = await episode(policy, persona)
        assert (info["asks"], info["request"], info["response_reward"]) == (DIET, False, 1.0)


class TestRewards:
    async def test_the_better_reader_earns_more(self) -> None:
        policies = (perfect(ann()), ScriptedPolicy(), hallucinating())
        played = [await episode(policy, ann()) for policy in policies]
        good, silent, wild = [mean(column(steps, "profile_reward")) for steps in played]
        assert good == 1.0 > silent > wild
        totals = [mean([step[1] for step in steps]) for steps in played]
        assert totals == sorted(totals, reverse=True)

    async def test_a_perfect_agent_answers_perfectly(self) -> None:
        steps = await episode(perfect(ann()), ann())
        assert column(steps, "response_reward") == [1.0] * len(steps)
        assert sum(column(steps, "request")) == 4  # one for the answer to the question, too

    async def test_the_reward_is_the_mean_of_the_two(self) -> None:
        for _, reward, *_, info in await episode(hallucinating(), ann()):
            assert reward == (info["profile_reward"] + info["response_reward"]) / 2

    async def test_a_sum_gets_nothing_of_her_and_no_question(self) -> None:
        steps = await episode(perfect(ann()), ann())
        number = next(n for n, (state, *_) in enumerate(steps) if state.turn.text == SUM) + 1
        info = steps[number][4]
        assert (info["handed"], info["asks"], info["response_reward"]) == ((), None, 1.0)

    async def test_the_same_seed_gives_the_same_episode(self) -> None:
        for seed in range(10):
            once = await episode(perfect(ann()), ann(), seed)
            assert once == await episode(perfect(ann()), ann(), seed)

    async def test_the_trip_needs_the_city_that_holds_now(self) -> None:
        steps = await episode(perfect(ann()), ann())
        number = next(n for n, (state, *_) in enumerate(steps) if state.turn.text == TRIP) + 1
        assert [one.preference.value for one in steps[number][4]["handed"]] == ["York"]


class Broken:
    """A user behind whom something fails: at once, or after her first message."""

    def __init__(self, persona: Persona, said: Said | Failure) -> None:
        self.persona, self._said = persona, said

    async def opens(self) -> Said | Failure:
        return self._said

    async def answers(self, agent: Move) -> Said | Failure | None:
        return Failure(kind="unreachable", detail="gone")


class TestUsersThatFail:
    async def test_before_the_first_message(self) -> None:
        gone = Failure(kind="timeout", detail="no reply within 30 s")
        environment = Environment(lambda seed: Broken(ann(), gone), TEMPLATE)
        with pytest.raises(PolicyError, match="the simulated user ann failed: timeout: no reply"):
            await environment.reset(0)

    async def test_in_the_middle_the_episode_is_cut_and_says_so(self) -> None:
        environment = Environment(lambda seed: Broken(ann(), Said("hello", "s")), TEMPLATE)
        await environment.reset(0)
        _, reward, terminated, truncated, info = await environment.step(Action(Inference()))
        assert (reward, terminated, truncated) == (1.0, False, True)
        assert info["failure"] == Failure(kind="unreachable", detail="gone")

    async def test_who_has_no_time_left_is_not_asked_for_more(self) -> None:
        environment = Environment(lambda seed: Broken(ann(), Said("hello", "s")), TEMPLATE, longest=1)
        await environment.reset(0)
        _, _, terminated, truncated, info = await environment.step(Action(Inference()))
        assert (terminated, truncated, info["failure"]) == (False, True, None)


class TestPolicies:
    async def test_the_embedded_policy_plays_one_persona_to_the_end(self) -> None:
        persona = personas(TEMPLATE, None, "dev")[0]
        steps = await episode(EmbeddedPolicy(), persona)
        assert steps[-1][2]
        assert all(isinstance(entry, TurnEntry) for entry in column(steps, "entry"))
        assert steps[-1][4]["profile_reward"] > profile_reward(Profile(), persona.holds)

    @pytest.mark.parametrize("reply", [Failure(kind="malformed"), RuntimeError("boom")])
    async def test_a_failure_is_an_action(self, reply: Failure | Exception) -> None:
        state, _ = await Environment(user_of(ann()), TEMPLATE).reset(0)
        action = await acts(ScriptedPolicy([reply]), state, TEMPLATE)
        assert isinstance(action.inference, Failure)
        assert action.inference.kind == ("malformed" if isinstance(reply, Failure) else "error")
