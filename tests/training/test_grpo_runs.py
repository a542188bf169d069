"""Runs of GRPO as a user has them: stopped, killed, on several processes, and refused before they begin."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from personalagent.errors import DataError, JudgeLost, PolicyError, SettingError  # noqa: E402
from personalagent.training import grpo  # noqa: E402
from personalagent.training.checkpoints import newest_whole, steps  # noqa: E402
from personalagent.training.config import load  # noqa: E402
from personalagent.training.judging import GoldJudge, Verdict  # noqa: E402
from personalagent.training.llm_judge import ModelJudge  # noqa: E402
from personalagent.training.players import (  # noqa: E402
    Dialogues,
    Player,
    Simulated,
    Trajectory,
    Worth,
    Writer,
)
from tests.scripted_server import Says, ScriptedServer  # noqa: E402
from tests.training.dialogues import TEMPLATE, Fixed, dialogues, player  # noqa: E402
from tests.training.models import same_weights  # noqa: E402
from tests.training.small import Kept, T, file_of, logged, people, told  # noqa: E402

pytestmark = [pytest.mark.training, pytest.mark.timeout(400)]
LONG: dict[str, Any] = {"max_steps": 7, "save_steps": 2}
"""A run that lasts long enough to be stopped in the middle."""
YES = Verdict(completeness=True, no_hallucination=True, informativeness=True, consistency=True)
PATIENCE = 120
"""Seconds after which a process is no longer waited for."""
ROOT = Path(__file__).parents[2]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


PLAYERS: dict[str, Callable[[], Player]] = {
    "dialogues": player,
    "simulated": lambda: Simulated(people(), TEMPLATE, turns=T),
}


@pytest.fixture(scope="module")
def whole(reader: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What came of runs that nothing stopped."""
    return {
        kind: grpo.train(told(reader, tmp_path_factory.mktemp(kind), **LONG), plays())
        for kind, plays in PLAYERS.items()
    }


class TestStopping:
    def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(
        self, reader: Path, whole: dict[str, Path], tmp_path: Path
    ) -> None:
        file, out = file_of(reader, tmp_path, **LONG), tmp_path / "out"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.training.run_few", "grpo", str(file)],
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=ONE_THREAD,
        )
        try:
            deadline = time.monotonic() + PATIENCE
            while newest_whole(out) is None and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == -signal.SIGKILL
        assert not (out / "model").exists()
        newest = newest_whole(out)
        assert newest
        assert steps(newest) < LONG["max_steps"]
        assert same_weights(grpo.train(load(file, "grpo"), player()), whole["dialogues"])
        assert [line["step"] for line in logged(tmp_path)] == list(range(1, LONG["max_steps"] + 1))

    @pytest.mark.parametrize("kind", ["dialogues", "simulated"])
    def test_a_signal_stops_it_with_a_checkpoint(
        self, reader: Path, whole: dict[str, Path], tmp_path: Path, kind: str
    ) -> None:
        class Signals(Kept):
            times = 0

            def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
                self.times += 1
                if self.times == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                return super().play(names, writer)

        config = told(reader, tmp_path, **LONG)
        with pytest.raises(SystemExit) as ended:
            grpo.train(config, Signals(PLAYERS[kind]()))
        assert ended.value.code == 128 + signal.SIGTERM
        newest = newest_whole(tmp_path / "out")
        assert newest
        assert steps(newest) == 3
        assert same_weights(grpo.train(config, PLAYERS[kind]()), whole[kind])

    def test_a_judge_that_goes_away_stops_it_and_one_that_comes_back_lets_it_finish(
        self, reader: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        class Leaves(Kept):
            """Closes the judge's server in the second step."""

            def play(self, names: Sequence[str], writer: Writer) -> list[Trajectory]:
                if self.played:
                    server.__exit__()
                return super().play(names, writer)

        def judged(url: str) -> Dialogues:
            judge = ModelJudge.named("openai:judge", url=url, patience=0.1)
            return Dialogues(dialogues(), judge, TEMPLATE, turns=T)

        config = told(reader, tmp_path, max_steps=4, save_steps=1)
        server = ScriptedServer(otherwise=Says(YES.model_dump_json())).__enter__()
        with pytest.raises(
            PolicyError, match=r"has been out for 0\.1 s: unreachable.*; stopped after step 2, and the same"
        ):
            grpo.train(config, Leaves(judged(server.url)))
        first, lost = logged(tmp_path)
        assert (first["masked"], first["judge_failed"]) == (0, 0)
        assert (lost["reward"], lost["grad_norm"], lost["masked"]) == (None, 0, 1)
        assert same_weights(*(tmp_path / "out" / f"checkpoint-{step}" for step in (1, 2)))
        assert "All reward functions returned None" not in caplog.text
        with ScriptedServer(otherwise=Says(YES.model_dump_json())) as back:
            grpo.train(config, judged(back.url))
        assert [line["step"] for line in logged(tmp_path)] == [1, 2, 3, 4]
        assert back.requests

    def test_a_judge_that_goes_away_in_the_last_step_is_not_passed_over(
        self, reader: Path, tmp_path: Path
    ) -> None:
        class Lost(Dialogues):
            async def worth(self, trajectory: Trajectory) -> Worth:
                raise JudgeLost("the judge is gone")

        config = told(reader, tmp_path, max_steps=1)
        with pytest.raises(PolicyError, match="the judge is gone; stopped after step 1"):
            grpo.train(config, Lost(dialogues(), GoldJudge(TEMPLATE), TEMPLATE, turns=T))
        assert not (tmp_path / "out" / "model").exists()
        assert same_weights(grpo.train(config, player()), reader)


class TestBeforeItBegins:
    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> Path:
        """A model that cannot be loaded: who says something else said it before."""
        (tmp_path / "nowhere").mkdir()
        return tmp_path / "nowhere"

    def test_devices_that_would_have_to_share_a_trajectory(
        self, nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("WORLD_SIZE", "8")
        config = told(nowhere, tmp_path, micro_batch_size=1)
        with pytest.raises(SettingError, match=r"8 devices cannot share 3 dialogues of 4 rollouts"):
            grpo.train(config, player())
        assert not (tmp_path / "out").exists()

    def test_vllm_without_a_gpu(self, nowhere: Path, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match=r"\[vllm\] needs a GPU, but training is on the CPU"):
            grpo.train(told(nowhere, tmp_path, "[vllm]\n"), player())
        assert not (tmp_path / "out").exists()

    def test_an_adapter_for_layers_that_there_are_not(self, reader: Path, tmp_path: Path) -> None:
        config = told(reader, tmp_path, '[lora]\ntargets = "nowhere"\n')
        with pytest.raises(SettingError, match=r"^lora\.targets: .*nowhere.* not found in the base model"):
            grpo.train(config, player())

    def test_a_judge_that_cannot_be_reached(
        self, nowhere: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with ScriptedServer() as server:
            url = server.url
        judge = f'[judge]\nkind = "model"\nname = "openai:judge"\nurl = "{url}"\n'
        with pytest.raises(SystemExit) as ended:
            grpo.main(["--config", str(file_of(nowhere, tmp_path, judge))])
        assert ended.value.code == 2
        assert f"error: the judge openai:judge at {url} cannot be reached" in capsys.readouterr().err

    def test_gold_in_prose_that_overlap_is_to_be_counted_with(self, nowhere: Path, tmp_path: Path) -> None:
        data = tmp_path / "aloe.jsonl"
        turn = (
            '{"user": "hi", "assistant": {"preferred": "a", "rejected": "b"}, "chosen": "preferred", '
            '"inferred_profile": "She is kind.", "inferred_personality": "None"}'
        )
        line = f'{{"profile": "p", "personality": "q", "conversations": [{turn}]}}'
        data.write_text("".join(f"{line}\n" for _ in range(3)), "utf-8")
        with ScriptedServer(otherwise=Says(YES.model_dump_json())) as server:
            judge = f'[judge]\nkind = "model"\nname = "openai:judge"\nurl = "{server.url}"\n'
            file = file_of(nowhere, tmp_path, judge, reward="f1")
            file.write_text(file.read_text("utf-8").replace('"corpus"', f'"aloe"\npath = "{data}"'))
            with pytest.raises(DataError, match="its gold is prose"):
                grpo.train(load(file, "grpo"))

    def test_a_limit_that_no_prompt_can_keep(self, reader: Path, tmp_path: Path) -> None:
        with pytest.raises(SettingError, match="max_prompt_length leaves no room"):
            grpo.train(told(reader, tmp_path, max_prompt_length=60), player())
        assert not logged(tmp_path)


def test_several_processes_share_a_group(reader: Path, tmp_path: Path) -> None:
    """Its mean and deviation are taken over all of them, and all ask the model equally often."""
    keys: dict[str, Any] = {"batch_size": 1, "micro_batch_size": 2, "max_steps": 2, "beta": 0.05}
    file = file_of(reader, tmp_path, **keys)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(
        [sys.executable, *launch, "-m", "tests.training.run_few", "fixed", str(file)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ONE_THREAD,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"replies-{rank}.json").read_text("utf-8") for rank in (0, 1)] == ["[2, 2]", "[2, 0]"]
    alone = tmp_path / "alone"
    grpo.train(told(reader, alone, **keys), Fixed(alone))
    for name in ("reward", "reward_std", "loss", "grad_norm", "number", "masked", "completions/mean_length"):
        one, both = logged(alone)[0][name], logged(tmp_path)[0][name]
        assert both == pytest.approx(one, rel=1e-4, abs=1e-6), name


@pytest.mark.parametrize("mode", ["dialogues", "simulated"])
def test_the_command_trains_on_the_shipped_corpus(
    reader: Path, tmp_path: Path, mode: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = file_of(reader, tmp_path, mode=mode, max_steps=1, max_completion_length=8)
    file.write_text(file.read_text("utf-8").replace('"corpus"', '"corpus"\nmost = 4\nwindows = true'))
    grpo.main(["--config", str(file), "--out", str(tmp_path / "out")])
    assert capfd.readouterr().err.endswith(f"finished: {tmp_path / 'out' / 'model'}\n")
    (line,) = logged(tmp_path)
    assert 0 <= line["reward"] <= 1
    assert ("profile_reward" in line) == (mode == "simulated")
