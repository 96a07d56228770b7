"""`feedbackward serve` from its start to its end."""

import json
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from PIL import Image

from feedbackward.cli.main import main
from feedbackward.cli.serve import build_parser


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_it_answers_until_it_is_told_to_end(model, tmp_path, monkeypatch):
    temporary, image = tmp_path / "temporary", tmp_path / "image.png"
    temporary.mkdir()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(image)
    monkeypatch.setenv("TMPDIR", str(temporary))
    script = "from feedbackward.cli.main import main; main()"
    command = [sys.executable, "-c", script, "serve", str(model), "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = process.stderr.readline().split()[1]
        try:
            with urllib.request.urlopen(f"{address}api/segment?name=a.png", image.read_bytes(), timeout=60) as answer:
                result = json.load(answer)
            assert list(temporary.iterdir())
        finally:
            process.send_signal(signal.SIGTERM)
        errors = process.stderr.read()
    assert (result["height"], result["width"]) == (20, 30)
    assert (process.returncode, errors) == (0, "")
    assert list(temporary.iterdir()) == []


def refusal(capsys, *args):
    with pytest.raises(SystemExit) as caught:
        main(["serve", *map(str, args)])
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_without_the_extra(capsys, monkeypatch, model):
    monkeypatch.setattr("feedbackward.cli.server_arguments.find_spec", lambda name: None)
    expected = "error: the server needs Starlette and uvicorn: pip install 'feedbackward[app]'\n"
    assert refusal(capsys, model) == expected


def test_what_cannot_be_served(capsys, model, tmp_path):
    assert refusal(capsys, model, "--port", "0", "--backbone", tmp_path).startswith("error: --backbone is for adapters")
    assert "no_such_network" in refusal(capsys, model, "no_such_network", "--port", "0")
    assert "--port" in refusal(capsys, model, "--port", "-1")
    for option in ("--max-megapixels", "--decode-seconds", "--keep-minutes"):
        assert option in refusal(capsys, model, option, "inf")
    for name in ("http://example.org", "example.org:80", "*", ""):
        expected = f"error: --allow-host is {name!r}; expected a name without http:// and port, such as example.org"
        assert refusal(capsys, model, "--allow-host", name).strip() == expected


def test_its_help_fits_on_a_screen():
    assert len(build_parser().format_help().splitlines()) <= 60
