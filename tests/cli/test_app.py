"""`feedbackward app`: what is offered, and when the page is opened."""

import pytest

from feedbackward.adapters import list_adapters
from feedbackward.cli import app


@pytest.fixture
def started(monkeypatch):
    """The arguments of run_server, which does not serve."""
    calls = []
    monkeypatch.setattr(app, "run_server", lambda options, offers, **given: calls.append((options, offers, given)))
    return calls


def test_without_a_model_it_offers_what_there_is(model, started, tmp_path, monkeypatch):
    run = tmp_path / "runs" / "demo" / "model"
    run.parent.mkdir(parents=True)
    run.symlink_to(model)
    monkeypatch.chdir(tmp_path)
    app.main([])
    ((_, offers, given),) = started
    assert [offer.id for offer in offers][: 1 + len(list_adapters())] == ["demo", *list_adapters()]
    assert given["page"]
    assert not given["load"]


def test_the_models_that_are_given_are_loaded_at_the_start(model, started):
    app.main([str(model), "coffee_leaves,nuclei", "--no-browser"])
    ((_, offers, given),) = started
    assert [offer.models for offer in offers] == [(str(model),), ("coffee_leaves", "nuclei")]
    assert given == {"page": True, "load": True, "on_start": None}


def test_the_page_is_opened_where_there_is_a_screen(started, monkeypatch):
    opened = []
    monkeypatch.setattr(app.webbrowser, "open", opened.append)
    monkeypatch.setattr(app.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    app.main([])
    on_start = started[0][2]["on_start"]
    on_start("http://127.0.0.1:8000/")
    assert not opened
    monkeypatch.setenv("DISPLAY", ":0")
    on_start("http://127.0.0.1:8000/")
    assert opened == ["http://127.0.0.1:8000/"]
