"""Serving, and what its tests share: adapters, waiting, and whether a process is gone."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 30
"""Seconds after which something is wrong, however busy the machine is."""


def adapter(folder: Path, **config: Any) -> Path:
    """The folder, with an adapter's configuration in it."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps(config), "utf-8")
    return folder


def until(done: Callable[[], bool], what: Callable[[], str] = str) -> None:
    """Returns once it is done; after too long a time it fails with what there is to say."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, what()
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody waited for is a zombie then."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in ("Z", "X")
