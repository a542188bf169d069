"""The files that ship, and what happens where they are not what they should be."""

import hashlib
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from personalagent.errors import ModelError
from personalagent.policies.model import FILES, Model, load_model

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "personalagent" / "policies" / "weights"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "weights"))


def test_what_ships_is_what_the_card_and_the_documentation_name() -> None:
    card = json.loads((SHIPPED / "card.json").read_text())
    page = (ROOT / "docs" / "model-card.md").read_text()
    for name in FILES:
        digest = hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest()
        assert card["files"][name] == digest
        assert digest in page, f"docs/model-card.md has not the digest of {name}"
    assert set(re.findall(r"\b[0-9a-f]{64}\b", page)) == set(card["files"].values())


def test_all_of_it_together_is_at_most_fifty_megabytes() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 50_000_000


@pytest.mark.parametrize("name", [*FILES, "card.json"])
def test_a_file_that_is_missing_is_named_with_the_remedy(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ModelError) as raised:
        Model(copy)
    assert str(copy / name) in str(raised.value)
    assert "make model" in str(raised.value)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_hash_is_named_with_the_remedy(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ModelError) as raised:
        Model(copy)
    assert str(copy / name) in str(raised.value)
    assert "make model" in str(raised.value)


def test_embeddings_are_of_length_one_whatever_they_are_embedded_with() -> None:
    model = load_model()
    texts = ["I love jazz", "a much longer text about how I spend my Sundays in the garden " * 5, "x"]
    together = model.embed(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    for text, vector in zip(texts, together, strict=True):
        assert np.array_equal(model.embed([text])[0], vector)
    assert model.embed([]).shape == (0, 384)


def test_threads_that_ask_at_the_same_time_share_one_model(copy: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        models = list(pool.map(load_model, [copy] * 8))
    assert len({id(model) for model in models}) == 1
