"""What watches a run: metrics as JSON lines, a plot of them, a bar, and the signals that stop it."""

import json
import math
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from statistics import fmean
from types import FrameType
from typing import Any

from accelerate.utils import gather_object
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from personalagent.training.progress import Progressed, console

PANELS: dict[str, tuple[str, ...]] = {
    "reward": ("reward", "turn_exact", "profile_reward", "response_reward"),
    "guards": ("silent", "malformed", "repeated_lines", "masked"),
    "guards of operations": ("evidence_outside", "repeated_values", "quoted_share"),
    "loss": ("loss", "eval_loss"),
    "accuracy": (
        "mean_token_accuracy",
        "eval_mean_token_accuracy",
        "rewards/accuracies",
        "eval_rewards/accuracies",
    ),
    "tokens of a reply": ("completions/mean_length",),
    "entropy and KL": ("entropy", "kl"),
}
"""The metrics that are drawn, by the panel that they share."""
MANY = 40
"""Points of a curve, from which on it is smoothed."""
ACROSS = 3
"""Panels in a row."""


class JsonLines(TrainerCallback):
    """Appends what is logged to a file, a JSON object a line: step, epoch, seconds, and all figures.

    A run that goes on from a checkpoint first drops the lines that were written after it.
    """

    def __init__(self, path: Path, png: Path) -> None:
        self.path, self.png = path, png
        self._begun = time.monotonic()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Keep the lines up to the step that training goes on from; their time counts."""
        kept = [line for line in lines(self.path) if line["step"] <= state.global_step]
        self._begun = time.monotonic() - max((line["seconds"] for line in kept), default=0)
        if state.is_world_process_zero:
            part = self.path.with_suffix(".part")
            part.write_text("".join(map(_written, kept)), "utf-8")
            part.replace(self.path)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Write the figures, but for the trainer's own summary at the end."""
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        seconds = round(time.monotonic() - self._begun, 1)
        line = {"step": state.global_step, "epoch": state.epoch, "seconds": seconds, **logs}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_written(line))

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Draw the curves so far."""
        if state.is_world_process_zero:
            plot(self.path, self.png)

    on_train_end = on_save


class Bar(TrainerCallback):
    """Shows how far training is, as `Progressed` does, with the latest loss and reward."""

    def __init__(self) -> None:
        self._progress: Progressed | None = None
        self._said = ""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """One process shows it."""
        if state.is_world_process_zero:
            self._progress = Progressed()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Keep the latest figures."""
        named = {name: (logs or {}).get(name) for name in ("loss", "reward")}
        if any(value is not None for value in named.values()):
            self._said = "".join(
                f", {name} {value:.3f}" for name, value in named.items() if value is not None
            )

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """A step further."""
        if self._progress and state.max_steps:
            now, last = state.global_step, state.max_steps
            self._progress(f"training (step {now}/{last}{self._said})", now, last)

    def close(self) -> None:
        """Give the terminal back."""
        if self._progress:
            self._progress.close()


class Stops(TrainerCallback):
    """Ends training after the step that it is at, with a checkpoint, if asked or on SIGINT or SIGTERM.

    The step in which it is asked for a reason leaves the weights as they are.
    """

    def __init__(self) -> None:
        self.signal = 0
        """The signal that came, to whatever process, or 0."""
        self.why = ""
        """The reason that was given, in whatever process, or none."""

    def ask(self, why: str) -> None:
        """Stop for a reason."""
        self.why = self.why or why

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the first signal as a request; the second acts as it always does."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def note(number: int, _: FrameType | None) -> None:
            self.signal = number
            say("stopping after this step, with a checkpoint; a second signal stops at once")
            restore()

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            restore()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Without a gradient no weight moves; with one of 0 Adam would go on as in the steps before."""
        _, why = self._agreed(args)
        if why:
            kwargs["optimizer"].zero_grad()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Save and stop, on all devices if any of them was asked to."""
        if any(self._agreed(args)):
            control.should_save = control.should_training_stop = True
        return control

    def _agreed(self, args: TrainingArguments) -> tuple[int, str]:
        """The signal and the reason that any process knows of; what comes meanwhile waits its turn."""
        known = [(self.signal, self.why)]
        if args.world_size > 1:
            known = gather_object(known)
        number, why = max(number for number, _ in known), max(why for _, why in known)
        self.signal, self.why = self.signal or number, self.why or why
        return number, why

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> TrainerControl:
        """Who wants to stop does not want to wait for an evaluation."""
        if control.should_training_stop and state.global_step < state.max_steps:
            control.should_evaluate = False
        return control


def say(what: str) -> None:
    """A line on standard error."""
    console.print(what, markup=False, soft_wrap=True)


def lines(path: Path) -> list[dict[str, Any]]:
    """The metrics in a file, up to the first line that was cut off; none if there is no file."""
    found: list[dict[str, Any]] = []
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                break
    return found


def plot(path: Path, png: Path) -> None:
    """Draw the curves of a file of metrics, as far as it has any of `PANELS`."""
    curves({"": path}, PANELS, png)


def curves(runs: Mapping[str, Path], panels: Mapping[str, Sequence[str]], png: Path) -> None:
    """Draw the metrics of runs, each a file by the name of its run, in one picture.

    A panel, by its title, has names of metrics: a line for each of them and each run that has it.
    """
    read = {run: lines(path) for run, path in runs.items()}
    drawn = {title: _found(read, names) for title, names in panels.items()}
    drawn = {title: found for title, found in drawn.items() if found}
    across = max(1, min(ACROSS, len(drawn)))
    down = max(1, math.ceil(len(drawn) / across))
    figure = Figure(figsize=(4.5 * across, 3.2 * down), layout="constrained")
    for number, (title, found) in enumerate(drawn.items(), start=1):
        axes = figure.add_subplot(down, across, number, title=title, xlabel="step")
        for name, points in found.items():
            _draw(axes, name, points)
        axes.legend(fontsize="small")
        axes.grid(alpha=0.3)
    figure.savefig(png, dpi=120)


def _found(
    read: Mapping[str, Sequence[dict[str, Any]]], names: Sequence[str]
) -> dict[str, list[tuple[int, float]]]:
    """The steps and values of a panel's metrics, by what they are called in it; a figure may be null."""
    found = {}
    for run, name in product(read, names):
        points = [(line["step"], line[name]) for line in read[run] if line.get(name) is not None]
        if points:
            found[" ".join([run] * bool(run) + [name] * (not run or len(names) > 1))] = points
    return found


def smooth(values: Sequence[float], reach: int) -> list[float]:
    """The mean of each value and of those at most `reach` before and after it."""
    return [fmean(values[max(0, at - reach) : at + reach + 1]) for at in range(len(values))]


def _draw(axes: Axes, name: str, points: list[tuple[int, float]]) -> None:
    """A curve; of many points the smoothed one, before the points as they are."""
    steps, values = zip(*points, strict=True)
    if len(points) < MANY:
        axes.plot(steps, values, label=name, marker="." if len(points) < MANY // 2 else None)
        return
    (drawn,) = axes.plot(steps, smooth(values, len(points) // MANY), label=name)
    axes.plot(steps, values, color=drawn.get_color(), alpha=0.25, linewidth=0.8)


def _written(line: dict[str, Any]) -> str:
    """The figures as a line of JSON, which has no NaN and no infinity: they are null."""
    finite = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in line.items()
    }
    return json.dumps(finite) + "\n"
