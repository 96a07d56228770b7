"""Checks the shapes in the types of public tensor functions while the tests run."""

import logging

import jaxtyping
import pytest
from jaxtyping import install_import_hook

install_import_hook(["feedbackward.nn", "feedbackward.losses", "feedbackward.metrics"], "beartype.beartype")

collect_ignore = ["fixtures"]


@pytest.fixture
def exporting(monkeypatch):
    """For tests that run torch.export: its sizes are no integers, and pytest would keep thousands of log records."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)
