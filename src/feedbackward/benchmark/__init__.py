"""Racing networks against each other: latency, throughput, memory, file size, in one process and in turns."""

from feedbackward.benchmark.contenders import create_contender
from feedbackward.benchmark.race import Entry, Result, race
from feedbackward.benchmark.runtimes import RUNTIMES
from feedbackward.benchmark.training import TrainingStep, race_training

__all__ = ["RUNTIMES", "Entry", "Result", "TrainingStep", "create_contender", "race", "race_training"]
