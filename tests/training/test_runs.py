"""The frame around the training scripts: folders, metrics, devices."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from accelerate.commands.config.config_args import load_config_from_file  # noqa: E402
from transformers import TrainerControl, TrainerState, TrainingArguments  # noqa: E402
from trl import SFTConfig, SFTTrainer  # noqa: E402

import personalagent.training  # noqa: E402
from personalagent.errors import PolicyError, SettingError  # noqa: E402
from personalagent.profile.template import load_template  # noqa: E402
from personalagent.training.config import CONFIGS, GrpoConfig, Kind, configured, load, read  # noqa: E402
from personalagent.training.config import SftConfig as Told  # noqa: E402
from personalagent.training.grpo import check_whole  # noqa: E402
from personalagent.training.runs import begin, complete, dataset, tokenizer_of, training_arguments  # noqa: E402
from personalagent.training.watching import JsonLines, Stops, curves, lines, plot  # noqa: E402
from tests.training.models import few_rows, recipe, saved_model  # noqa: E402
from tests.training.small import told as grpo_told  # noqa: E402

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model(tmp_path_factory.mktemp("model"))


def config(model: Path, folder: Path, **keys: Any) -> Told:
    file = folder / "run.toml"
    file.write_text(recipe(model, folder / "out", **keys), "utf-8")
    return load(file, "sft")


def test_what_a_run_is_told_is_kept_and_the_same_may_go_on(model: Path, tmp_path: Path) -> None:
    told = config(model, tmp_path)
    run = begin(told)
    assert json.loads((run.out / "config.json").read_text("utf-8")) == told.settings()
    assert begin(told) == run
    assert (run.checkpoint, run.finished) == (None, False)


def test_a_run_that_is_told_something_else_is_refused_with_the_key(model: Path, tmp_path: Path) -> None:
    (begin(config(model, tmp_path)).out / "checkpoint-5").mkdir()
    with pytest.raises(
        SettingError, match=r"holds a run with sft\.seed = 1, not 2; name another folder by --out"
    ):
        begin(config(model, tmp_path, seed=2))


@pytest.mark.parametrize("file", ["out", "out/of/the/way"])
def test_a_folder_that_cannot_be_one_is_told(model: Path, tmp_path: Path, file: str) -> None:
    (tmp_path / "out").touch()
    told = config(model, tmp_path)
    told = told.model_copy(update={"train": told.train.model_copy(update={"out": tmp_path / file})})
    with pytest.raises(SettingError, match=f"{file} cannot be the run's folder: "):
        begin(told)


JUDGE = '[judge]\nkind = "model"\nname = "openai:one"\nurl = "http://here"\n'


def test_a_run_goes_on_with_a_judge_that_moved_and_is_refused_with_another(
    model: Path, tmp_path: Path
) -> None:
    out = begin(grpo_told(model, tmp_path, JUDGE)).out
    (out / "checkpoint-5").mkdir()
    written = json.loads((out / "config.json").read_text("utf-8"))
    written["vllm"] = {"mode": "colocate", "sleep": True}
    (out / "config.json").write_text(json.dumps(written), "utf-8")
    moved = JUDGE.replace("here", "there") + "at_once = 2\nseconds = 9\npatience = 1\n"
    begin(grpo_told(model, tmp_path, moved, save_steps=3, logging_steps=2))
    with pytest.raises(SettingError, match=r'holds a run with judge\.name = "openai:one", not "openai:two"'):
        begin(grpo_told(model, tmp_path, moved.replace("one", "two")))


def test_a_run_that_came_to_nothing_leaves_its_folder_to_another(model: Path, tmp_path: Path) -> None:
    begin(config(model, tmp_path))
    told = config(model, tmp_path, seed=2)
    assert json.loads((begin(told).out / "config.json").read_text("utf-8")) == told.settings()


def test_checkpoints_of_who_knows_what_are_not_gone_on_from(model: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "checkpoint-5").mkdir(parents=True)
    with pytest.raises(SettingError, match="holds another run"):
        begin(config(model, tmp_path))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_missing_is_told_before_anything_is_written(model: Path, tmp_path: Path) -> None:
    told = config(model, tmp_path)
    told = told.model_copy(update={"model": told.model.model_copy(update={"device": "cuda"})})
    with pytest.raises(SettingError, match='device is "cuda", but there is no GPU'):
        begin(told)
    assert not told.train.out.exists()


def test_the_rows_of_a_step_are_shared_by_the_devices(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = config(model, tmp_path, batch_size=12, micro_batch_size=2)
    assert training_arguments(told, evaluates=False)["gradient_accumulation_steps"] == 6
    monkeypatch.setenv("WORLD_SIZE", "3")
    assert training_arguments(told, evaluates=False)["gradient_accumulation_steps"] == 2
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(
        SettingError, match=r"sft\.micro_batch_size: 4 devices cannot share 12 rows a step, 2 at"
    ):
        begin(told)


def test_a_model_that_cannot_be_loaded_is_told_in_a_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingError, match=r"^the model .*empty cannot be loaded: .+$"):
        tokenizer_of(config(tmp_path / "empty", tmp_path))
    mute = saved_model(tmp_path / "mute")
    (mute / "chat_template.jinja").unlink()
    with pytest.raises(SettingError, match="mute has no chat template"):
        tokenizer_of(config(mute, tmp_path))


def test_who_gives_up_stops_training_after_a_step_and_with_a_checkpoint(model: Path, tmp_path: Path) -> None:
    told, stops = config(model, tmp_path), Stops()
    trainer = SFTTrainer(
        model=str(model),
        args=SFTConfig(**training_arguments(told, evaluates=False)),
        train_dataset=dataset(few_rows(told.data, "train", load_template())),
        processing_class=tokenizer_of(told),
    )
    stops.ask("the judge is gone")
    stops.ask("and so is the second")
    with pytest.raises(
        PolicyError, match=r"^the judge is gone; stopped after step 1, and the same command goes on"
    ):
        complete(trainer, begin(told), stops)
    assert begin(told).checkpoint == tmp_path / "out" / "checkpoint-1"
    assert not begin(told).finished


def logged(folder: Path, steps: range, begin_at: int = 0) -> list[dict[str, Any]]:
    """The lines of a file after these steps were logged to it by a run that began at a step."""
    metrics = JsonLines(folder / "metrics.jsonl", folder / "metrics.png")
    arguments, control = TrainingArguments(str(folder), use_cpu=True), TrainerControl()
    state = TrainerState(global_step=begin_at, max_steps=10)
    metrics.on_train_begin(arguments, state, control)
    for step in steps:
        state.global_step, state.epoch = step, step / 10
        metrics.on_log(arguments, state, control, logs={"loss": 1 / step, "reward": float("nan")})
    metrics.on_log(arguments, state, control, logs={"train_runtime": 1.0})
    return lines(folder / "metrics.jsonl")


def test_every_step_stands_once_in_the_metrics_wherever_a_run_went_on(tmp_path: Path) -> None:
    assert [line["step"] for line in logged(tmp_path, range(1, 8))] == [1, 2, 3, 4, 5, 6, 7]
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 8, "lo')
    found = logged(tmp_path, range(5, 11), begin_at=4)
    assert [line["step"] for line in found] == list(range(1, 11))
    assert [line["seconds"] for line in found] == sorted(line["seconds"] for line in found)
    assert found[4] == {"step": 5, "epoch": 0.5, "seconds": found[4]["seconds"], "loss": 0.2, "reward": None}


def test_a_run_that_starts_anew_keeps_no_metrics_of_an_earlier_start(tmp_path: Path) -> None:
    logged(tmp_path, range(1, 4))
    assert [line["step"] for line in logged(tmp_path, range(1, 3))] == [1, 2]


def test_the_curves_are_drawn_of_what_there_is(tmp_path: Path) -> None:
    logged(tmp_path, range(1, 8))
    plot(tmp_path / "metrics.jsonl", tmp_path / "a.png")
    plot(tmp_path / "none.jsonl", tmp_path / "b.png")
    for name in ("a.png", "b.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_curves_of_several_runs_share_a_picture(tmp_path: Path) -> None:
    runs = {name: tmp_path / name / "metrics.jsonl" for name in ("one", "two", "none")}
    for name, length in (("one", 8), ("two", 90)):
        (tmp_path / name).mkdir()
        logged(tmp_path / name, range(1, length))
    curves(runs, {"both": ("loss", "reward"), "null": ("reward",), "nothing": ("x",)}, tmp_path / "c.png")
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_accelerate_takes_the_file_for_several_gpus() -> None:
    file = Path(personalagent.training.__path__[0]) / "configs" / "fsdp2.yaml"
    read = load_config_from_file(str(file))
    assert read.fsdp_config["fsdp_version"] == 2
    assert read.fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"


ROOT = Path(__file__).parents[2]
DOCUMENTED = "\n".join(
    file.read_text("utf-8")
    for file in (*sorted(Path(str(CONFIGS)).glob("*.toml")), ROOT / "docs" / "training.md")
)
LAUNCHES = re.findall(r"--num_processes (\d+) -m personalagent\.training\.(\w+) --config (\S+)", DOCUMENTED)


@pytest.mark.parametrize(("devices", "kind", "name"), LAUNCHES)
def test_a_launch_as_documented_can_share_its_rows(
    monkeypatch: pytest.MonkeyPatch, devices: str, kind: Kind, name: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", devices)
    told = configured(read(name), kind)
    each = training_arguments(told, evaluates=False)["gradient_accumulation_steps"]
    assert each * told.train.micro_batch_size * int(devices) == told.train.rows
    if isinstance(told, GrpoConfig):
        check_whole(told)


def test_the_documented_launches_are_of_every_kind_and_find_the_file_for_several_gpus() -> None:
    assert {kind for _, kind, _ in LAUNCHES} == set(get_args(Kind))
    (code,) = set(re.findall(r'FSDP2=\$\(python -c "(.*)"\)', DOCUMENTED))
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert Path(said.strip()).name == "fsdp2.yaml"
    assert Path(said.strip()).is_file()
