import ast
from pathlib import Path

import pytest

from feedbackward import data


def test_every_public_name_is_there():
    for name in data.__all__:
        assert getattr(data, name) is not None
    assert set(dir(data)) == set(data.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'CamVid'"):
        data.CamVid  # noqa: B018


def test_networks_do_not_wait_for_lightning():
    """They import data.classes, and with it this package."""
    body = ast.parse(Path(data.__file__).read_text(encoding="utf-8")).body
    imported = {node.module for node in body if isinstance(node, ast.ImportFrom)}
    assert imported == {"importlib", "typing"}
    assert not any(isinstance(node, ast.Import) for node in body)
