"""Learning rate schedules over all optimizer steps of a training."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class PolynomialDecay(LRScheduler):
    """The learning rate times (1 - step / steps) ** power, as in DeepLab (Chen et al., 2017, section 4.1).

    Unlike torch's PolynomialLR it computes the rate from the step alone and takes its length from the run, not from the
    checkpoint: a training that is resumed with more epochs follows the longer curve.

    Args:
        optimizer: The optimizer whose learning rates it sets.
        steps: The number of optimizer steps of the whole training.
        power: 1 is linear; smaller values keep the rate high for longer.
    """

    def __init__(self, optimizer: Optimizer, steps: int, *, power: float = 0.9) -> None:
        self.steps = steps
        self.power = power
        super().__init__(optimizer)

    def get_lr(self) -> list[Any]:
        """The rates of the current step."""
        left = max(0.0, 1.0 - self.last_epoch / self.steps)  # torch counts steps as epochs
        return [rate * left**self.power for rate in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """The position in the schedule, without its length and shape."""
        return {key: value for key, value in super().state_dict().items() if key not in ("steps", "power")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue at a position; the rates, the optimizer's included, are those of this schedule at once."""
        super().load_state_dict(state_dict)
        self._last_lr = self.get_lr()
        for group, rate in zip(self.optimizer.param_groups, self._last_lr, strict=True):
            group["lr"] = rate
