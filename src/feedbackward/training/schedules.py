"""Learning rate schedules: our own over all optimizer steps of a training, and what is common to it and torch's."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from feedbackward.errors import InputError


class PolynomialDecay(LRScheduler):
    """The learning rate times (1 - step / steps) ** power, as in DeepLab (Chen et al., 2017, section 4.1).

    Its length is that of the run, which the task sets. Unlike torch's PolynomialLR it computes the rate from the step
    alone: a training that is resumed with more epochs follows the longer curve.

    Args:
        optimizer: The optimizer whose learning rates it sets.
        power: 1 is linear; smaller values keep the rate high for longer.
        warmup: The share of the steps in which the rate first rises linearly from 0, such as 0.05.

    Raises:
        InputError: If warmup is not a share below 1.
    """

    def __init__(self, optimizer: Optimizer, *, power: float = 0.9, warmup: float = 0.0) -> None:
        if not 0 <= warmup < 1:
            raise InputError(f"warmup is {warmup}; expected a share of the steps from 0 to below 1, such as 0.05")
        self.steps: int | None = None
        self.power = power
        self.warmup = warmup
        super().__init__(optimizer)

    def set_steps(self, steps: int) -> None:
        """Set the number of optimizer steps of the whole training, before the first one."""
        self.steps = steps
        self._apply()

    def get_lr(self) -> list[Any]:
        """The rates of the current step."""
        if self.steps is None:
            return list(self.base_lrs)
        done = self.last_epoch / self.steps  # torch counts steps as epochs
        left = max(0.0, 1.0 - done) ** self.power
        risen = min(1.0, done / self.warmup) if self.warmup else 1.0
        return [rate * left * risen for rate in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """The position in the schedule, without its length and shape."""
        own = ("steps", "power", "warmup")
        return {key: value for key, value in super().state_dict().items() if key not in own}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue at a position; the rates, the optimizer's included, are those of this schedule at once."""
        super().load_state_dict(state_dict)
        self._apply()

    def _apply(self) -> None:
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate


def check_resumed(scheduler: LRScheduler, saved: Iterable[Mapping[str, Any]]) -> None:
    """Refuse to resume a schedule whose own arguments differ from those in the checkpoint, which would replace them.

    Args:
        scheduler: The schedule of this run, new.
        saved: The states of the schedules in the checkpoint.

    Raises:
        InputError: If an argument differs; the message names it.
    """
    arguments = inspect.signature(type(scheduler)).parameters.keys() - {"optimizer", "last_epoch"}
    state = scheduler.state_dict()
    for old in saved:
        for name in sorted(arguments & state.keys() & old.keys()):
            if state[name] != old[name]:
                raise InputError(
                    f"the checkpoint's learning rate schedule has {name} {old[name]}, this run's {state[name]}; resume "
                    f"with {name} {old[name]}, or use feedbackward.training.schedules.PolynomialDecay, which follows "
                    f"the length of the run"
                )
