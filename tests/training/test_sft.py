"""SFT for real, on a model of no size: what it learns from, and that it can be killed."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from transformers import Qwen3ForCausalLM  # noqa: E402

from personalagent.errors import DataError, SettingError  # noqa: E402
from personalagent.profile.template import load_template  # noqa: E402
from personalagent.training import dpo, sft  # noqa: E402
from personalagent.training.checkpoints import newest_whole, steps  # noqa: E402
from personalagent.training.config import Source, load  # noqa: E402
from personalagent.training.watching import lines  # noqa: E402
from tests.serving import until  # noqa: E402
from tests.training.models import (  # noqa: E402
    few_pairs,
    few_rows,
    recipe,
    same_weights,
    saved_model,
    tokenizer,
    weights,
)

pytestmark = pytest.mark.training
LONG: dict[str, Any] = {"max_steps": 30, "save_steps": 5}
"""A run that lasts long enough to be stopped in the middle."""
Train = Callable[[Path], Path]
TRAIN: dict[str, Train] = {
    "sft": lambda file: sft.train(load(file, "sft"), few_rows),
    "dpo": lambda file: dpo.train(load(file, "dpo"), few_pairs),
}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def whole(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What came of runs that nothing stopped."""
    return {
        kind: train(file_of(model, tmp_path_factory.mktemp(kind), kind, **LONG))
        for kind, train in TRAIN.items()
    }


def file_of(model: Path, folder: Path, kind: str = "sft", **keys: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "run.toml"
    file.write_text(recipe(model, folder / "out", kind, **keys), "utf-8")
    return file


def test_the_loss_is_that_of_the_completions_tokens_alone(model: Path, tmp_path: Path) -> None:
    words, network = tokenizer(), Qwen3ForCausalLM.from_pretrained(model)
    losses = []
    for row in few_rows(Source(kind="corpus"), "train", load_template()):
        prompt = words.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=False)
        ids = words.apply_chat_template(row["prompt"] + row["completion"], return_dict=False)
        logits = network(torch.tensor([ids])).logits[0, len(prompt) - 1 : -1]
        losses += torch.nn.functional.cross_entropy(
            logits, torch.tensor(ids[len(prompt) :]), reduction="none"
        ).tolist()
    TRAIN["sft"](file_of(model, tmp_path, max_steps=1, batch_size=5))
    (first, *_) = lines(tmp_path / "out" / "metrics.jsonl")
    assert first["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-4)


def test_it_learns_and_says_how_it_went(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = file_of(model, tmp_path, max_steps=40, save_steps=20, learning_rate=1e-2)
    made = TRAIN["sft"](file)
    assert made == tmp_path / "out" / "model"
    found = lines(tmp_path / "out" / "metrics.jsonl")
    learnt = [line for line in found if "loss" in line]
    assert [line["step"] for line in learnt] == list(range(1, 41))
    assert learnt[-1]["loss"] < learnt[0]["loss"] / 2
    assert any("eval_loss" in line for line in found)
    assert (tmp_path / "out" / "metrics.png").exists()
    said = capfd.readouterr().err
    assert "step 40/40, loss" in said
    assert "Traceback" not in said
    before = weights(made)
    assert TRAIN["sft"](file) == made
    assert capfd.readouterr().err == f"finished before: {made}\n"
    assert all(torch.equal(value, before[name]) for name, value in weights(made).items())


def test_rows_that_are_too_long_are_counted(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    TRAIN["sft"](file_of(model, tmp_path, max_steps=1, max_length=55))
    assert "of 5 rows have max_length, 55 tokens, or more" in capfd.readouterr().err


def test_data_that_does_not_parse_is_told_before_the_model_is_loaded(model: Path, tmp_path: Path) -> None:
    data = tmp_path / "aloe.jsonl"
    data.write_text('{"profile": \n', "utf-8")
    file = file_of(model, tmp_path)
    file.write_text(file.read_text("utf-8").replace('"corpus"', f'"aloe"\npath = "{data}"\nwhat = "replies"'))
    with pytest.raises(DataError, match=r"aloe\.jsonl"):
        sft.train(load(file, "sft"))


def stopped(kind: str, file: Path, number: signal.Signals) -> tuple[int, str]:
    """Exit code and stderr of a run that gets a signal once its first checkpoints are there."""
    out, said = file.parent / "out", file.parent / "stderr"
    with (
        said.open("wb") as err,
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.run_few", kind, str(file)],
            stderr=err,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        try:
            until(lambda: newest_whole(out) is not None or process.poll() is not None, said.read_text)
            process.send_signal(number)
            process.wait(60)
        finally:
            process.kill()
    return process.returncode, said.read_text("utf-8")


@pytest.mark.parametrize("kind", ["sft", "dpo"])
@pytest.mark.parametrize("weights", [None, b"{}"])
def test_a_model_without_weights_is_told_in_one_line(
    model: Path, tmp_path: Path, kind: str, weights: bytes | None
) -> None:
    broken = Path(shutil.copytree(model, tmp_path / "broken"))
    (broken / "model.safetensors").unlink()
    if weights:
        (broken / "model.safetensors").write_bytes(weights)
    with pytest.raises(SettingError, match=rf"^the model {broken} cannot be loaded: .+$"):
        TRAIN[kind](file_of(broken, tmp_path, kind))


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_an_adapter_for_layers_that_there_are_not(model: Path, tmp_path: Path, kind: str) -> None:
    file = file_of(model, tmp_path, kind)
    file.write_text(file.read_text("utf-8") + '[lora]\ntargets = "nowhere"\n', "utf-8")
    with pytest.raises(SettingError, match=r"^lora\.targets: .*nowhere.* not found"):
        TRAIN[kind](file)


@pytest.mark.parametrize("kind", ["sft", "dpo"])
def test_a_run_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    model: Path, whole: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    file, out = file_of(model, tmp_path, kind, **LONG), tmp_path / "out"
    code, _ = stopped(kind, file, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert not (out / "model").exists()
    newest = newest_whole(out)
    assert newest
    assert steps(newest) < LONG["max_steps"]
    broken = out / "checkpoint-29"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes((newest / "model.safetensors").read_bytes()[:1000])
    assert same_weights(TRAIN[kind](file), whole[kind])
    learnt = [line["step"] for line in lines(out / "metrics.jsonl") if "loss" in line]
    assert learnt == list(range(1, LONG["max_steps"] + 1))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_run_with_a_checkpoint(
    model: Path, whole: dict[str, Path], tmp_path: Path, number: signal.Signals
) -> None:
    file = file_of(model, tmp_path, **LONG)
    code, said = stopped("sft", file, number)
    assert code == 128 + number
    newest = newest_whole(tmp_path / "out")
    assert newest
    assert said.endswith(f"stopped after step {steps(newest)}; the same command goes on from there\n")
    assert "Traceback" not in said
    assert same_weights(TRAIN["sft"](file), whole["sft"])


def test_several_processes_share_the_work(model: Path, tmp_path: Path) -> None:
    file = file_of(model, tmp_path, max_steps=2, batch_size=4)
    command = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "tests.training.run_few",
    ]
    done = subprocess.run(
        [sys.executable, *command, "sft", str(file)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("finished: ") == 1
    alone = file_of(model, tmp_path / "alone", max_steps=2, batch_size=4)
    TRAIN["sft"](alone)
    first = [lines(folder / "out" / "metrics.jsonl")[0]["loss"] for folder in (tmp_path, tmp_path / "alone")]
    assert first[0] == pytest.approx(first[1], rel=1e-4)


def test_the_command_line_trains_the_shipped_corpus(model: Path, tmp_path: Path) -> None:
    file = file_of(model, tmp_path, max_steps=2, max_length=4096)
    file.write_text(file.read_text("utf-8").replace('"corpus"', '"corpus"\nmost = 6'))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "personalagent",
            "train",
            "sft",
            "--config",
            str(file),
            "--out",
            str(tmp_path / "o"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith(f"finished: {tmp_path / 'o' / 'model'}\n")
    assert done.stdout == ""
