"""What is trained on: the corpus with the gold profile so far, in pieces, and apart from what is held out."""

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora import gold as corpus
from personalagent.corpora.gold import GoldTurn
from personalagent.errors import DataError
from personalagent.policies.notation import parse_inference, write_inference
from personalagent.profile.evidence import gate
from personalagent.profile.log import turn_entry
from personalagent.profile.preference import Inference, Operation, normalise
from personalagent.profile.profile import Profile, fold
from personalagent.training.episodes import (
    Episode,
    Lesson,
    Told,
    corpus_episodes,
    corpus_histories,
    held_out,
    lessons,
    windows,
)
from personalagent.training.judging import GoldJudge
from personalagent.training.rollouts import step_of
from tests.make import CITY, DIET, turn
from tests.training.steps import TEMPLATE, gold, told

USERS = st.lists(st.text("abcdefgh", min_size=1, max_size=3), max_size=40)
SHARES = st.floats(0.01, 0.99)


@pytest.fixture(scope="module")
def dev() -> list[Episode]:
    return corpus_episodes(TEMPLATE, "dev")


def after(episode: Episode) -> Profile:
    """The gold profile at the end of an episode: all entries that its gold makes, folded at once."""
    made = [turn_entry(one.turn, gate(one.inference, one.turn, TEMPLATE)) for one in taught(episode)]
    return fold([*episode.before.entries, *made])


def taught(*episodes: Episode) -> list[Lesson]:
    return [lesson for episode in episodes for lesson in lessons(episode, TEMPLATE)]


class TestTheCorpus:
    def test_every_dialogue_is_an_episode_with_the_gold_of_its_turns(self, dev: list[Episode]) -> None:
        spoken = {one.id: one for one in corpus.dialogues(None, "dev")}
        assert sorted(one.id for one in dev) == sorted(spoken)
        for episode in dev:
            assert episode.user == spoken[episode.id].persona
            assert episode.gold == spoken[episode.id].turns
            assert [one.text for one in episode.turns] == [one.user for one in spoken[episode.id].turns]

    def test_dialogues_of_a_persona_stand_in_their_order_and_begin_where_the_last_ended(
        self, dev: list[Episode]
    ) -> None:
        theirs: dict[str, list[Episode]] = defaultdict(list)
        for episode in dev:
            theirs[episode.user].append(episode)
        spoken = corpus.dialogues(None, "dev")
        for persona, own in theirs.items():
            assert [one.id for one in own] == [one.id for one in spoken if one.persona == persona]
            assert own[0].before == Profile()
            for one, following in pairwise(own):
                assert one.turns[-1].at < following.turns[0].at
                assert following.before == after(one)
        assert max(map(len, theirs.values())) > 1

    def test_splits_add_up(self, dev: list[Episode]) -> None:
        both = corpus_episodes(TEMPLATE, "dev", "test")
        assert [one for one in both if one in dev] == dev
        assert [one for one in both if one not in dev] == corpus_episodes(TEMPLATE, "test")

    def test_histories_are_the_same_turns_after_the_same_profiles(self, dev: list[Episode]) -> None:
        histories = corpus_histories(TEMPLATE, "dev")
        assert [one.user for one in histories] == list(dict.fromkeys(one.user for one in dev))
        for history in histories:
            theirs = [one for one in dev if one.user == history.user]
            assert history.before == Profile()
            assert history.gold == tuple(told for one in theirs for told in one.gold)
            assert taught(history) == taught(*theirs)
            assert after(history) == after(theirs[-1])

    async def test_all_gold_can_be_written_read_back_and_is_right(self) -> None:
        """Of the turns to train on; the others are in test_judging."""
        judge = GoldJudge(TEMPLATE)
        for episode in corpus_episodes(TEMPLATE, "train"):
            for lesson, its in zip(lessons(episode, TEMPLATE), episode.gold, strict=True):
                reply = write_inference(lesson.inference)
                found = parse_inference(reply)
                assert isinstance(found, Inference), (reply, found)
                assert said(found) == said(lesson.inference), reply
                if '"' in lesson.turn.text or "|" in lesson.turn.text:
                    step = step_of(lesson.turn, lesson.profile, reply, its, TEMPLATE)
                    verdict = await judge.judge(step)
                    assert verdict is not None
                    assert verdict.holds, (reply, verdict)


def said(inference: Inference) -> set[tuple[str, str, str]]:
    """What is said, but for marks, and for whether a taste is in the value's words."""
    return {(one.action, one.preference.slot, _words(one)) for one in inference.operations}


def _words(operation: Operation) -> str:
    polarity = "" if operation.preference.polarity == "neutral" else f"{operation.preference.polarity}s "
    return normalise(f"{polarity}{operation.preference.value}")


def spoken(*golds: GoldTurn | Told) -> Episode:
    texts = [one.user if isinstance(one, GoldTurn) else "hello" for one in golds]
    return Episode("chat", "ada", tuple(turn(text, index=n) for n, text in enumerate(texts)), golds)


VEGAN = told("I am vegan", gold(DIET, "vegan", "I am vegan"))
QUOTED = told(
    'She said "I live in the old town of Leeds"', gold(CITY, "Leeds", "I live in the old town of Leeds")
)
LEFT = told("I eat meat again", gold(DIET, "vegan", "eat meat again", action="retract"), said="retract")
SILENT = told("nice weather", said="none")


class TestLessons:
    def test_the_profile_before_a_turn_is_golds_through_the_gate(self) -> None:
        one, two, three, four = lessons(spoken(VEGAN, QUOTED, LEFT, SILENT), TEMPLATE)
        assert one.profile == Profile()
        assert [held.preference.value for held in two.profile.current[DIET]] == ["vegan"]
        assert three.profile == two.profile, "not the user's words"
        assert four.profile.current == {}

    def test_right_is_what_gold_says_and_no_needs(self) -> None:
        (one,) = lessons(spoken(VEGAN), TEMPLATE)
        (operation,) = one.inference.operations
        assert (operation.preference.slot, operation.preference.value) == (DIET, "vegan")
        assert (one.inference.classification, one.inference.needs) == ("new", ())

    def test_prose_teaches_nothing(self) -> None:
        with pytest.raises(DataError, match="chat: its gold is prose"):
            list(lessons(spoken(Told("She is vegan.", "")), TEMPLATE))


class TestWindows:
    @pytest.mark.parametrize("most", [1, 2, 3])
    def test_pieces_hold_every_turn_once_and_begin_with_the_gold_profile_so_far(self, most: int) -> None:
        whole = spoken(VEGAN, SILENT, LEFT, SILENT)
        pieces = windows(whole, most, TEMPLATE)
        assert max(len(one.turns) for one in pieces) == most
        assert tuple(turn for one in pieces for turn in one.turns) == whole.turns
        assert tuple(told for one in pieces for told in one.gold) == whole.gold
        assert taught(*pieces) == taught(whole)
        assert len({one.id for one in pieces}) == len(pieces)
        assert {one.user for one in pieces} == {"ada"}

    def test_a_piece_of_a_later_dialogue_begins_with_what_was_known_before_it(
        self, dev: list[Episode]
    ) -> None:
        later = next(one for one in dev if one.before != Profile() and len(one.turns) > 3)
        first, second, *_ = windows(later, 2, TEMPLATE)
        assert first.before == later.before
        assert second.before == after(first)

    def test_what_is_short_enough_stays_whole(self) -> None:
        for whole in (spoken(VEGAN, SILENT), spoken(Told("", ""), Told("", ""))):
            assert windows(whole, 2, TEMPLATE) == [whole]

    def test_prose_cannot_be_cut(self) -> None:
        with pytest.raises(DataError, match="chat: its gold is prose"):
            windows(spoken(Told("", ""), Told("", "")), 1, TEMPLATE)


class TestHeldOut:
    @given(USERS, SHARES, st.integers(0, 5))
    def test_it_is_the_share_of_the_users_but_one_at_least_and_never_all(
        self, users: list[str], share: float, seed: int
    ) -> None:
        found, every = held_out(users, share, seed), set(users)
        assert found <= every
        if len(every) < 2:
            assert not found
        else:
            assert 1 <= len(found) < len(every)
            assert abs(len(found) - share * len(every)) <= 1

    @given(USERS, SHARES, st.integers(0, 5), st.randoms(use_true_random=False))
    def test_neither_order_nor_repetition_matters(
        self, users: list[str], share: float, seed: int, dice: object
    ) -> None:
        again = [*users, *users[:3]]
        dice.shuffle(again)  # type: ignore[attr-defined]
        assert held_out(again, share, seed) == held_out(users, share, seed)

    def test_the_seed_draws(self) -> None:
        users = [f"user-{number}" for number in range(100)]
        drawn = [held_out(users, 0.1, seed) for seed in range(5)]
        assert [len(one) for one in drawn] == [10] * 5
        assert len(set(drawn)) == 5
