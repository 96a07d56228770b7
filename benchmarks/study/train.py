"""The command `feedbackward` with the study's own networks: python benchmarks/study/train.py fit --config ..."""

import sys

import networks  # noqa: F401  (registers them)

from feedbackward.cli.main import main

command, *arguments = sys.argv[1:]
# The rows of a group are compared: they have one precision on every machine, unless a row says otherwise.
main([command, "--trainer.precision", "32-true", *arguments])
