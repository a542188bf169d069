"""The files of the embedded model, checked and opened: two small ONNX graphs, a tokenizer, a few matrices."""

import hashlib
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime
from pydantic import ValidationError

from personalagent.dialogue import Frozen
from personalagent.errors import ModelError
from personalagent.policies.tokens import Pieces, load_tokenizer, pad, pair

Floats = npt.NDArray[np.float32]

CARD = "card.json"
READER = "reader.onnx"
ENCODER = "encoder.onnx"
TOKENIZER = "tokenizer.json"
HEADS = "heads.npz"
FILES = (READER, ENCODER, TOKENIZER, HEADS)
WIDTH = 384
"""Of the encoder's embeddings."""
LONGEST = 128
"""Tokens of a text that the encoder takes in."""


class Thresholds(Frozen):
    """Where the model's scores become decisions; set on held-back data by `make model`."""

    lean: float
    """Added to the score of being no value: more of it, fewer values."""
    keep: float
    """A value is proposed if its calibrated confidence reaches this."""
    need: float
    """A slot is a need of a request if its weight reaches this."""
    deciding: float
    """An unknown need is worth a question if its weight reaches this."""
    related: float
    """A preference goes with a request if it is at least so likely that it bears on it."""
    settles: float
    """A preference is enough to answer a request by if the reader's verdict on the two reaches this."""
    value: tuple[float, float, float]
    """Weights that make of a span's score and its window's verdict the chance that the value is right."""
    needed: tuple[float, float, float]
    """The same of a slot for a request: the reader's verdict on it, and how likely it was before."""
    bearing: tuple[float, float, float]
    """The same of a preference for a request: the reader's verdict, and how likely its slot is needed."""
    whole: tuple[float, float, float, float]
    """The same with the slot's share besides: that value and slot are right. This is the confidence."""


class Card(Frozen):
    """What belongs together: the files by their SHA-256, and the thresholds that were set for them."""

    files: dict[str, str]
    thresholds: Thresholds
    data: tuple[str, ...]
    """What the model was trained on."""
    seed: int


class Read(NamedTuple):
    """What the reader says of one window (without padding)."""

    labels: Floats
    """[tokens, labels], scores."""
    points: Floats
    """[tokens, slot width]."""
    speaks: float
    """Probability that the window says anything lasting."""


class TextEncoder:
    """all-MiniLM-L6-v2 as it came, in eight bits."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = load_tokenizer(folder / TOKENIZER)
        self._session = _session(folder / ENCODER)

    def __call__(self, texts: Sequence[str]) -> Floats:
        """The texts' embeddings, [texts, 384], of length one."""
        made = [self._encoded(text) for text in texts]
        return np.stack(made) if made else np.zeros((0, WIDTH), np.float32)

    def _encoded(self, text: str) -> Floats:
        ids = self.tokenizer.encode(text).ids[:LONGEST]
        vector: Floats = self._session.run(None, _feed(Pieces(ids, [0] * len(ids), [])))[0][0]
        return vector


class Model:
    """The opened model. Safe to use from several threads; every run uses one core."""

    def __init__(self, folder: Path) -> None:
        """Raises `ModelError`, which names the file, if one is missing or not the one of the card."""
        self.card = _card(folder)
        self.encoder = TextEncoder(folder)
        self.tokenizer = self.encoder.tokenizer
        self._reader = _session(folder / READER)
        with np.load(folder / HEADS) as stored:
            self.heads: dict[str, Any] = {
                name: array.astype(np.float32) if array.dtype == np.float16 else array
                for name, array in stored.items()
            }

    def read(self, pieces: Sequence[Pieces]) -> list[Read]:
        """Every window through the reader."""
        found: list[Read] = []
        for one in pieces:
            labels, points, speaks, _ = self._reader.run(None, _feed(one))
            found.append(Read(labels[0], points[0], float(1 / (1 + np.exp(-speaks[0])))))
        return found

    def bears(self, request: str, texts: Sequence[str]) -> Floats:
        """How likely each text bears on the request, [texts]: a slot's line, or a preference's."""
        pieces = [pair(self.tokenizer, request, text) for text in texts]
        scores = [self._reader.run(["bears"], _feed(one))[0][0] for one in pieces]
        chances: Floats = np.array(1 / (1 + np.exp(-np.array(scores))), np.float32)
        return chances

    def embed(self, texts: Sequence[str]) -> Floats:
        """The texts' embeddings, [texts, 384], of length one."""
        return self.encoder(texts)


_OPENING = threading.Lock()


def load_model(folder: Path | None = None) -> Model:
    """The model that ships with the package, or the one in a folder; opened once a process."""
    with _OPENING:  # many turns may ask for it at the same time, each in a thread of its own
        return _opened(folder)


def unit(vectors: Floats) -> Floats:
    """The vectors (along the last axis) at length one; zeros stay zeros."""
    scaled: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return scaled


@lru_cache(maxsize=2)
def _opened(folder: Path | None) -> Model:
    with resources.as_file(resources.files("personalagent.policies") / "weights") as shipped:
        return Model(folder or shipped)


def _card(folder: Path) -> Card:
    """The card, if every file that it names is there and unchanged."""
    try:
        card = Card.model_validate_json((folder / CARD).read_bytes())
    except (OSError, ValidationError) as error:
        raise ModelError(f"{folder / CARD}: no model card that can be used; {_REMEDY}") from error
    for name in FILES:
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{path}: the model file is missing; {_REMEDY}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != card.files.get(name):
            raise ModelError(f"{path}: the model file is not the one that {CARD} names; {_REMEDY}")
    return card


_REMEDY = "reinstall the package, or make the model anew with `make model`"


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # turns run side by side; a turn is too small to be split
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _feed(one: Pieces) -> dict[str, npt.NDArray[np.int64]]:
    """One text at a time: the graphs scale activations by run, so that a text read among others would come
    out a little different each time."""
    batch = pad([one])
    return {"ids": batch.ids, "mask": batch.mask, "segments": batch.segments}
