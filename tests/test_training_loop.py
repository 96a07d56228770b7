"""The code of docs/training_loop.md, as it stands there."""

import re
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

import feedbackward as fb

PAGE = Path(__file__).parents[1] / "docs" / "training_loop.md"


def test_the_loop_trains_a_network_that_can_be_loaded(tmp_path, monkeypatch, capsys):
    random = np.random.default_rng(0)
    for split, count in (("train", 8), ("val", 2)):
        for number in range(count):
            mask = np.zeros((64, 96), np.uint8)
            mask[:, : 20 + 5 * number] = 1
            image = random.integers(0, 60, (64, 96, 3)) + 150 * mask[..., None]
            for kind, array in (("images", image), ("masks", mask)):
                (tmp_path / "DATA" / kind / split).mkdir(parents=True, exist_ok=True)
                Image.fromarray(array.astype(np.uint8)).save(tmp_path / "DATA" / kind / split / f"{number}.png")
    (tmp_path / "DATA" / "classes.yaml").write_text(yaml.safe_dump({"classes": ["dark", "light"]}))
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(PAGE), "exec"), {})
    epochs = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert epochs == ["1", "2"]
    result = fb.load("my_network")(Image.fromarray(image.astype(np.uint8)))
    assert result.mask.shape == (64, 96)
    assert fb.from_pretrained("my_network").preprocessing.resize.size == (64, 96)
