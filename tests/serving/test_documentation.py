"""What docs/serving.md says: its requests are answered, and its limits are those of the program."""

import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedbackward.cli.serve import build_parser
from feedbackward.serving.limits import Limits

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")


@pytest.fixture
def here(tmp_path, monkeypatch, image):
    Image.fromarray(image).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_code(port, here, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code.replace("8000", str(port)), "serving.md", "exec"), {})
    assert "'road': 0." in capsys.readouterr().out
    assert (here / "photo.geojson").stat().st_size > 100


def test_the_commands_of_curl(port, here):
    commands = [shlex.split(line) for line in PAGE.splitlines() if line.startswith("curl ")]
    assert len(commands) == 3
    for command in commands:
        words = [word.replace("8000", str(port)).replace("model=mine", "model=small") for word in command]
        done = subprocess.run([*words, "--silent", "--fail"], capture_output=True, check=True, timeout=60)
    assert b'"classes":{' in done.stdout
    assert np.asarray(Image.open(here / "mask.png")).shape == (60, 80)
    assert np.asarray(Image.open(here / "overlay.jpg")).shape[1] >= 80


def test_the_limits():
    options = build_parser().parse_args(["MODEL"])
    limits = Limits()
    assert (options.max_bytes, options.max_megapixels) == (limits.upload_bytes, limits.megapixels)
    assert (options.decode_seconds, options.keep_minutes * 60) == (limits.decode_seconds, limits.result_seconds)
    for text in (
        f"bytes of an upload: {limits.upload_bytes >> 20} MiB",
        f"{limits.megapixels:g} megapixels",
        f"a frame of a video: {limits.decode_seconds:g}",
        f"receive an upload: {limits.receive_seconds:g}",
        f"a video: {limits.video_seconds:g} seconds, {limits.video_frames} frames",
        f"requests at a time: {limits.requests}",
        f"uploads and results: {limits.stored_bytes >> 30} GiB",
        f"is kept: {limits.result_seconds / 60:g}, and {limits.results} results of a session",
    ):
        assert text in PAGE
