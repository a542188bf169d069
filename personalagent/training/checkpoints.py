"""Checkpoints of a run: folders checkpoint-N, the newest of which may have been cut off half-written."""

import json
from collections.abc import Iterator
from pathlib import Path
from zipfile import is_zipfile

STATE = "trainer_state.json"
"""What the trainer writes last."""
_WEIGHTS = ("adapter_model.safetensors", "model.safetensors", "pytorch_model_fsdp.bin")
_OPTIMIZERS = ("optimizer.pt", "optimizer.bin")
_LENGTH = 8
"""Bytes before the header of a safetensors file, which say how long that is."""


def newest_whole(out: Path) -> Path | None:
    """The checkpoint with the most steps in a run's folder that training can go on from.

    Half-written ones are passed over. Those of FSDP are known if the state is gathered (see `fsdp2.yaml`).
    """
    return next(
        (folder for folder in sorted(_folders(out), key=steps, reverse=True) if is_whole(folder)), None
    )


def steps(checkpoint: Path) -> int:
    """The optimiser steps that a checkpoint was written after."""
    return int(checkpoint.name.rpartition("-")[2])


def is_whole(checkpoint: Path) -> bool:
    """Whether the trainer's state, weights, optimizer, schedule and random generators are all there."""
    random = [*checkpoint.glob("rng_state*.pth")]
    return (
        _parses(checkpoint / STATE)
        and (_sharded(checkpoint) or any(_holds_weights(checkpoint / name) for name in _WEIGHTS))
        and any(is_zipfile(checkpoint / name) for name in _OPTIMIZERS)
        and is_zipfile(checkpoint / "scheduler.pt")
        and bool(random)
        and all(map(is_zipfile, random))
    )


def _folders(out: Path) -> Iterator[Path]:
    for folder in out.glob("checkpoint-*"):
        if folder.is_dir() and folder.name.removeprefix("checkpoint-").isdecimal():
            yield folder


def _sharded(checkpoint: Path) -> bool:
    """Whether the weights are in several files, and all of them there."""
    index = checkpoint / "model.safetensors.index.json"
    if not _parses(index):
        return False
    names = set(json.loads(index.read_bytes())["weight_map"].values())
    return all(_holds_weights(checkpoint / name) for name in names)


def _holds_weights(path: Path) -> bool:
    """Whether a file of weights is as long as its header says."""
    if not path.is_file():
        return False
    if path.suffix != ".safetensors":
        return is_zipfile(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(min(size, int.from_bytes(file.read(_LENGTH), "little")))
    try:
        tensors = json.loads(header)
    except ValueError:
        return False
    ends = [one["data_offsets"][1] for name, one in tensors.items() if name != "__metadata__"]
    return size == _LENGTH + len(header) + max(ends, default=0)


def _parses(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True
