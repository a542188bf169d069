"""What the tests of training share."""

from pathlib import Path

import pytest

import personalagent.training  # noqa: F401  # before the libraries that read what it sets: no telemetry


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows what is right, and says so every other time."""
    models = pytest.importorskip("tests.training.models")
    models.torch.set_num_threads(1)
    folder: Path = models.saved_reader(tmp_path_factory.mktemp("reader"))
    return folder
