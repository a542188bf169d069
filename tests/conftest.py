"""What many tests share: a small vocabulary for making turns, and isolation from the outside."""

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

for name in [
    name for name in os.environ if name.startswith(("PERSONALAGENT_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_"))
]:
    if name not in ("PERSONALAGENT_DATA", "PERSONALAGENT_VLLM_URL"):
        del os.environ[name]
os.environ["LANGSMITH_TRACING"] = "false"
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="personalagent-"))


@pytest.fixture(scope="session", autouse=True)
def _no_user_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing may be written to the real user's data directory."""
    os.environ["XDG_DATA_HOME"] = str(tmp_path_factory.mktemp("data"))
    yield
    del os.environ["XDG_DATA_HOME"]
