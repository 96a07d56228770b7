"""Racing networks against each other: latency, throughput, memory, file size, in one process and in turns."""

from typing import TYPE_CHECKING

from feedbackward.lazy import lazy_names

if TYPE_CHECKING:
    from feedbackward.benchmark.candidates import create_candidate as create_candidate
    from feedbackward.benchmark.latency import Entry as Entry
    from feedbackward.benchmark.latency import Result as Result
    from feedbackward.benchmark.latency import race as race
    from feedbackward.benchmark.runtimes import RUNTIMES as RUNTIMES
    from feedbackward.benchmark.training import TrainingStep as TrainingStep
    from feedbackward.benchmark.training import race_training as race_training

_MODULES = {
    "Entry": "latency",
    "RUNTIMES": "runtimes",
    "Result": "latency",
    "TrainingStep": "training",
    "create_candidate": "candidates",
    "race": "latency",
    "race_training": "training",
}

__all__ = list(_MODULES)

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
