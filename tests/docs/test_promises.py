"""What pages promise beside their code, which test_code_blocks.py runs."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import yaml

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.cli.fit import main
from feedbackward.cli.fit_options import check_options

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "augmentation.md").read_text(encoding="utf-8")


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("index", [0, 1])
def test_the_recipes(index: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = blocks("yaml")[index]
    recipe = tmp_path / "augmentation.yaml"
    recipe.write_text(block)
    with pytest.raises(SystemExit) as caught:
        main("fit", ["--config", "camvid_mobilenetv2", "--config", str(recipe), "--print_config"])
    assert caught.value.code == 0
    found = yaml.safe_load(capsys.readouterr().out)["data"]["init_args"]["augmentation"]
    assert found.items() >= yaml.safe_load(block)["data"]["init_args"]["augmentation"].items()


def test_options_that_are_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    from feedbackward.data import Augmentation

    assert "keep the recommended values" in PAGE
    assert "`Augmentation(rotation=10)` starts from flips alone" in PAGE
    with pytest.raises(SystemExit):
        main("fit", ["--config", "camvid_mobilenetv2", "--data.augmentation.rotation", "10", "--print_config"])
    found = yaml.safe_load(capsys.readouterr().out)["data"]["init_args"]["augmentation"]
    assert (found["rotation"], found["horizontal_flip"], found["scale"]) == (10, 0.5, [0.75, 1.5])
    own = Augmentation(rotation=10)
    assert (own.horizontal_flip, own.scale) == (0.5, (1, 1))


def test_the_table_has_every_option() -> None:
    from dataclasses import fields

    from feedbackward.data import Augmentation

    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE, flags=re.MULTILINE)))
    assert sorted(named) == sorted(field.name for field in fields(Augmentation))


def test_prediction_with_ray_without_ray(tmp_path: Path) -> None:
    page = (DOCS / "several_machines.md").read_text(encoding="utf-8")
    per_batch, _ = blocks("python", page)
    network = fb.create_model("test_resnet", classes=2, encoder_weights=None)
    network.class_table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
    network.save_pretrained(tmp_path / "network")
    names: dict[str, Any] = {}
    exec(compile(per_batch, "several_machines.md", "exec"), names)
    rng = np.random.default_rng(0)
    images = np.empty(2, dtype=object)  # of different sizes, as Ray hands them over
    images[:] = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((24, 32), (32, 40))]
    found = names["Segment"](str(tmp_path / "network"))({"path": np.array(["a.jpg", "b.jpg"]), "image": images})
    assert found["path"].tolist() == ["a.jpg", "b.jpg"]
    segmenter = fb.load(tmp_path / "network")
    for image, mask in zip(images, found["mask"], strict=True):
        np.testing.assert_array_equal(np.array(PIL.Image.open(io.BytesIO(mask))), segmenter(image).mask)


def test_the_script_for_slurm_names_options_that_exist() -> None:
    (script,) = blocks("bash", (DOCS / "several_machines.md").read_text(encoding="utf-8"))
    options = re.search(r"feedbackward (fit .*?)(?= \"\$\{)", script)
    assert options is not None
    check_options("fit", options[1].split()[1:])


def test_the_entrance_is_short() -> None:
    readme, contributing = (
        (DOCS.parent / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
    )
    assert len(readme.splitlines()) < 120
    assert len(contributing.splitlines()) <= 60
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", readme, flags=re.MULTILINE))
