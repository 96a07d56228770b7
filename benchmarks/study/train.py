"""The command `feedbackward` with the study's own networks: python benchmarks/study/train.py fit --config ..."""

import sys

import networks  # noqa: F401  (registers them)

from feedbackward.cli.main import main

main(sys.argv[1:])
