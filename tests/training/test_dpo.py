"""DPO for real, on a model of no size: what is preferred becomes likelier than what is rejected."""

import math
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from personalagent.training import dpo  # noqa: E402
from personalagent.training.config import load  # noqa: E402
from personalagent.training.watching import lines  # noqa: E402
from tests.training.models import few_pairs, recipe, saved_model  # noqa: E402

pytestmark = pytest.mark.training


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("table", ["", "[lora]\nrank = 4\nalpha = 8\n"])
def test_it_prefers_what_it_was_shown_to_prefer(model: Path, tmp_path: Path, table: str) -> None:
    file = tmp_path / "run.toml"
    keys = {"max_steps": 12, "batch_size": 5, "learning_rate": 1e-2, "beta": 0.2}
    file.write_text(recipe(model, tmp_path / "out", "dpo", **keys) + table, "utf-8")
    made = dpo.train(load(file, "dpo"), few_pairs)
    assert (made / "adapter_config.json").exists() == bool(table)
    learnt = [line for line in lines(tmp_path / "out" / "metrics.jsonl") if "loss" in line]
    assert learnt[0]["loss"] == pytest.approx(math.log(2), abs=1e-4), "the reference is the model itself"
    assert learnt[-1]["loss"] < 0.5
    assert learnt[-1]["rewards/accuracies"] == 1
    assert learnt[-1]["rewards/chosen"] > learnt[-1]["rewards/rejected"]


def test_pairs_that_are_too_long_are_counted(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(recipe(model, tmp_path / "out", "dpo", max_steps=1, max_length=55), "utf-8")
    dpo.train(load(file, "dpo"), few_pairs)
    assert "of 5 pairs have more than max_length, 55 tokens" in capfd.readouterr().err
