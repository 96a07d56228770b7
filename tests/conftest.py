"""Settings of all tests: tensor shapes in annotations are checked, and property tests run the same few examples."""

import logging

import jaxtyping
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")

install_import_hook(["feedbackward.nn", "feedbackward.losses", "feedbackward.metrics"], "beartype.beartype")

collect_ignore = ["fixtures"]


@pytest.fixture
def exporting(monkeypatch):
    """For tests that run torch.export: its sizes are not integers, and pytest would keep thousands of log records."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
