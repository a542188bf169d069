"""Which checkpoint a run goes on from, whatever was cut off."""

import json
import shutil
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.training.checkpoints import is_whole, newest_whole, steps

FILES = ("trainer_state.json", "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth")


def tensors(path: Path, size: int = 256) -> None:
    """A file of weights with one tensor of so many bytes."""
    header = json.dumps(
        {"__metadata__": {"format": "pt"}, "w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
    ).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))


def archive(path: Path) -> None:
    """A file as torch saves it."""
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("data.pkl", bytes(64))


def checkpoint(out: Path, number: int) -> Path:
    """A whole checkpoint after so many steps."""
    folder = out / f"checkpoint-{number}"
    folder.mkdir(parents=True)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": number}), "utf-8")
    tensors(folder / "model.safetensors")
    for name in FILES[2:]:
        archive(folder / name)
    return folder


def test_the_newest_is_that_with_the_most_steps(tmp_path: Path) -> None:
    assert newest_whole(tmp_path) is None
    assert newest_whole(tmp_path / "none") is None
    for number in (100, 20, 3):
        checkpoint(tmp_path, number)
    (tmp_path / "checkpoint-best").mkdir()
    (tmp_path / "checkpoint-200").write_text("no folder")
    newest = newest_whole(tmp_path)
    assert newest == tmp_path / "checkpoint-100"
    assert steps(newest) == 100


@pytest.mark.parametrize("name", FILES)
def test_one_that_lacks_a_file_is_passed_over(tmp_path: Path, name: str) -> None:
    older = checkpoint(tmp_path, 10)
    (checkpoint(tmp_path, 20) / name).unlink()
    assert newest_whole(tmp_path) == older


@given(name=st.sampled_from(FILES), share=st.floats(0, 1, exclude_max=True))
def test_one_with_a_file_that_was_cut_off_anywhere_is_not_whole(
    tmp_path_factory: pytest.TempPathFactory, name: str, share: float
) -> None:
    folder = checkpoint(tmp_path_factory.mktemp("run"), 5)
    assert is_whole(folder)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * (len(content) - 1))])
    assert not is_whole(folder)


def test_an_adapter_is_enough(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, 1)
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    assert is_whole(folder)


def test_weights_in_several_files_must_all_be_there(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, 1)
    parts = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    (folder / "model.safetensors").unlink()
    for part in parts:
        tensors(folder / part)
    index = {"weight_map": {"a": parts[0], "b": parts[1], "c": parts[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    assert is_whole(folder)
    (folder / parts[1]).write_bytes(b"")
    assert not is_whole(folder)


def test_a_state_that_was_gathered_from_several_devices(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, 1)
    (folder / "model.safetensors").unlink()
    archive(folder / "pytorch_model_fsdp.bin")
    (folder / "optimizer.pt").rename(folder / "optimizer.bin")
    (folder / "rng_state.pth").rename(folder / "rng_state_0.pth")
    shutil.copy(folder / "rng_state_0.pth", folder / "rng_state_1.pth")
    assert is_whole(folder)
    (folder / "rng_state_1.pth").write_bytes(b"PK")
    assert not is_whole(folder)
