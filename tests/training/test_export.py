"""What export makes of a run can be served: it loads, says the same, and an adapter is merged into it."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from peft import PeftModel  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3ForCausalLM  # noqa: E402

from personalagent.errors import SettingError  # noqa: E402
from personalagent.training import sft  # noqa: E402
from personalagent.training.config import load  # noqa: E402
from personalagent.training.export import export, main  # noqa: E402
from tests.training.models import few_rows, recipe, same_weights, saved_model  # noqa: E402

pytestmark = pytest.mark.training
ADAPTER = "[lora]\nrank = 4\nalpha = 8\n"
SERVED = {
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def adapted(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run that trained an adapter."""
    folder = tmp_path_factory.mktemp("adapted")
    (folder / "run.toml").write_text(recipe(model, folder / "out", learning_rate=1e-2) + ADAPTER, "utf-8")
    sft.train(load(folder / "run.toml", "sft"), few_rows)
    return folder / "out"


def test_an_adapter_is_merged_into_its_model(model: Path, adapted: Path, tmp_path: Path) -> None:
    made = export(adapted, tmp_path / "made")
    assert {one.name for one in made.iterdir()} >= SERVED
    ids = torch.tensor([[5, 9, 30, 44]])
    below = AutoModelForCausalLM.from_pretrained(model)
    before = below(ids).logits
    with torch.no_grad():
        wanted = PeftModel.from_pretrained(below, str(adapted / "model"))(ids).logits
        said = AutoModelForCausalLM.from_pretrained(made)(ids).logits
    assert torch.allclose(said, wanted, atol=1e-5)
    assert not torch.allclose(said, before, atol=1e-3)
    words = AutoTokenizer.from_pretrained(made)
    asked = words.apply_chat_template(
        [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True
    )
    assert asked == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"


def test_a_checkpoint_can_be_exported_before_the_run_has_finished(adapted: Path, tmp_path: Path) -> None:
    early, late = (export(adapted / f"checkpoint-{n}", tmp_path / str(n)) for n in (2, 4))
    assert not same_weights(early, late)
    assert same_weights(late, export(adapted / "model", tmp_path / "model"))


def test_a_whole_model_is_exported_as_it_is_or_in_half_the_precision(model: Path, tmp_path: Path) -> None:
    assert same_weights(export(model, tmp_path / "same"), model)
    half = export(model, tmp_path / "half", "bfloat16")
    assert Qwen3ForCausalLM.from_pretrained(half, dtype="auto").dtype == torch.bfloat16


def test_an_adapter_that_changes_nothing_is_told(model: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text(
        recipe(model, tmp_path / "out", learning_rate=1e-30) + ADAPTER, "utf-8"
    )
    sft.train(load(tmp_path / "run.toml", "sft"), few_rows)
    with pytest.raises(SettingError, match="the adapter changes nothing"):
        export(tmp_path / "out", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_what_cannot_be_exported_is_one_clear_error(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "begun" / "checkpoint-3").mkdir(parents=True)
    mute = saved_model(tmp_path / "mute")
    (mute / "chat_template.jinja").unlink()
    torn = saved_model(tmp_path / "torn")
    (torn / "model.safetensors").write_bytes(b"torn")
    said = {
        tmp_path / "none": "there is no folder .*none",
        tmp_path / "empty": "empty holds neither a model nor an adapter",
        tmp_path / "begun": "the run in .*begun has not finished; name one of its checkpoints",
        mute: "mute: the tokenizer has no chat template",
        torn: "torn cannot be loaded: ",
    }
    for given, message in said.items():
        with pytest.raises(SettingError, match=message):
            export(given, tmp_path / "made")
    with pytest.raises(SettingError, match="mute is there already; name a new folder"):
        export(model, tmp_path / "mute")
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "none"), str(tmp_path / "made")])
    assert ended.value.code == 2
    assert capfd.readouterr().err == f"error: there is no folder {tmp_path / 'none'}\n"
