"""Racing networks against each other: latency, throughput, memory, file size, in one process and in turns."""

from feedbackward.benchmark.candidates import create_candidate
from feedbackward.benchmark.latency import Entry, Result, race
from feedbackward.benchmark.runtimes import RUNTIMES
from feedbackward.benchmark.training import TrainingStep, race_training

__all__ = ["RUNTIMES", "Entry", "Result", "TrainingStep", "create_candidate", "race", "race_training"]
