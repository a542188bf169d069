"""What GRPO tells TRL: its rows, their order, its calls and its arguments."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from personalagent.errors import JudgeLost  # noqa: E402
from personalagent.training.config import Grpo  # noqa: E402
from personalagent.training.grpo import (  # noqa: E402
    TrainerWriter,
    arguments_of,
    judged,
    order_of,
    rows_of,
)
from personalagent.training.judging import GoldJudge  # noqa: E402
from personalagent.training.players import (  # noqa: E402
    Dialogues,
    Trajectory,
    Worth,
    Written,
)
from personalagent.training.runs import tokenizer_of  # noqa: E402
from personalagent.training.watching import Stops  # noqa: E402
from tests.training.dialogues import TEMPLATE, dialogues  # noqa: E402
from tests.training.small import SMALL, T, told  # noqa: E402

pytestmark = pytest.mark.training
EOS = 9


class TestRows:
    REPLIES = st.lists(st.lists(st.integers(10, 99), min_size=1, max_size=4), max_size=T)

    @given(st.lists(REPLIES, max_size=5), st.booleans())
    def test_a_row_for_every_turn_and_those_left_over_or_not_judged_are_masked(
        self, written: list[list[list[int]]], by_vllm: bool
    ) -> None:
        played = [
            Trajectory(tuple(Written("", [5], ids, [-0.5] * len(ids) if by_vllm else None) for ids in one))
            for one in written
        ]
        worths = [Worth(None if number % 3 == 2 else number, {}) for number in range(len(played))]
        rows = rows_of(played, worths, T, EOS)
        names = ("worth", "completion_ids", "env_mask")
        for number, (worth, ids, mask) in enumerate(zip(*(rows[name] for name in names), strict=True)):
            one, turn = played[number // T], number % T
            assert worth is worths[number // T]
            real = turn < len(one.replies)
            assert ids == (one.replies[turn].completion_ids if real else [EOS])
            assert mask == [int(real and worth.reward is not None)] * len(ids)
        assert len(rows["prompt_ids"]) == len(played) * T
        if by_vllm:
            assert [len(one) for one in rows["logprobs"]] == [len(ids) for ids in rows["completion_ids"]]
        elif any(written):
            assert rows["logprobs"] is None


class TestOrder:
    @given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 12))
    def test_every_dialogue_comes_once_an_epoch(self, count: int, batch: int, steps: int) -> None:
        names, keys = [str(n) for n in range(count)], {"out": Path("out"), "learning_rate": 1}
        config = Grpo(**keys, batch_size=batch, max_steps=steps)
        order = order_of(names, config)
        assert len(order) == batch * steps
        assert order == order_of(names, config)
        for start in range(0, len(order), count):
            epoch = order[start : start + count]
            assert len(set(epoch)) == len(epoch)
        whole = Grpo(**keys, batch_size=batch, epochs=2)
        assert set(Counter(order_of(names, whole)[: 2 * count]).values()) == {2}


class TestWriter:
    @pytest.mark.parametrize(("processes", "asked"), [(1, [2, 3]), (2, [3, 3, 3])])
    def test_all_processes_generate_equally_often(
        self, reader: Path, tmp_path: Path, processes: int, asked: list[int]
    ) -> None:
        calls: list[int] = []

        def generate(prompts: list[list[int]], *_: Any, **__: Any) -> tuple[list[list[int]], None]:
            calls.append(len(prompts))
            return [[7, 2]] * len(prompts), None

        trainer = SimpleNamespace(
            accelerator=SimpleNamespace(num_processes=processes),
            processing_class=tokenizer_of(told(reader, tmp_path)),
            _generate_single_turn=generate,
        )
        writer = TrainerWriter(trainer, longest=99, count=3)
        prompt = [{"role": "user", "content": "hello"}]
        assert [len(writer([prompt] * n)) for n in (0, 2, 3)] == [0, 2, 3]
        assert calls == asked


def test_a_judge_that_is_lost_is_not_waited_for() -> None:
    class Loses(Dialogues):
        async def worth(self, trajectory: Trajectory) -> Worth:
            if trajectory.replies:
                await asyncio.sleep(60)
            raise JudgeLost("the judge is gone")

    stops, begun = Stops(), time.monotonic()
    plays = Loses(dialogues(), GoldJudge(TEMPLATE), TEMPLATE, turns=T)
    slow, lost = Trajectory((Written("", [1], [2]),)), Trajectory(())
    assert judged(plays, [slow, lost], stops) == [Worth(None, {})] * 2
    assert stops.why == "the judge is gone"
    assert time.monotonic() < begun + 30


def test_vllm_holds_room_for_prompt_and_reply_alone(reader: Path, tmp_path: Path) -> None:
    colocate = arguments_of(told(reader, tmp_path, '[vllm]\nmode = "colocate"\n', max_prompt_length=900))
    assert colocate["vllm_max_model_length"] == 900 + SMALL["max_completion_length"]
    url = "http://127.0.0.1:8000"
    server = arguments_of(told(reader, tmp_path, f'[vllm]\nmode = "server"\nurl = "{url}"\n'))
    assert (server["vllm_server_base_url"], "vllm_max_model_length" in server) == (url, False)
