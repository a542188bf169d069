"""How far work is: lines where there is no terminal, bars below each other where there is one."""

import os
import re
import subprocess
import sys

import pytest
import typer

from personalagent.errors import DataError
from personalagent.training.progress import progressed

NESTED = """
from personalagent.training.progress import progressed
with progressed() as outer:
    outer("the whole", 1, 4)
    with progressed() as inner:
        inner("a part (loss 2)", 1, 2)
        inner("a part (loss 1)", 2, 2)
    outer("the whole", 4, 4)
"""


def said(**environment: str) -> str:
    """What stands on stderr of work within work."""
    done = subprocess.run(
        [sys.executable, "-c", NESTED],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_elsewhere_a_line_is_said_for_every_twentieth() -> None:
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in said().splitlines()]
    assert lines == ["the whole: 25 %", "a part: 50 % loss 2", "a part: 100 % loss 1", "the whole: 100 %"]


def test_in_a_terminal_bars_share_the_screen_and_a_part_that_is_done_is_left_above() -> None:
    drawn = said(FORCE_COLOR="1", COLUMNS="100")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn)
    assert plain.index("a part (loss 1)") < plain.rindex("the whole")
    assert plain.splitlines()[-1].startswith("the whole")
    assert "%" not in plain


def test_an_expected_error_ends_the_work_with_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended, progressed():
        raise DataError("there is no file")
    assert ended.value.exit_code == 2
    assert capfd.readouterr().err.endswith("error: there is no file\n")
