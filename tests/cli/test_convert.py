from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedbackward.cli.convert import main
from feedbackward.data.folder import FolderData
from feedbackward.errors import InputError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Twenty images of ten scenes, NAME.png beside NAME_mask.png, with the values 0 and 1; one has no mask."""
    root = tmp_path / "data"
    root.mkdir()
    rng = np.random.default_rng(0)
    for number in range(20):
        pixels = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"s{number // 2}_{number}.png")
        Image.fromarray(np.eye(6, 8, dtype=np.uint8)).save(root / f"s{number // 2}_{number}_mask.png")
    Image.fromarray(pixels).save(root / "alone.png")
    return root


def names(folder: Path) -> set[str]:
    return {path.stem for path in folder.iterdir()}


def test_writes_folders_that_can_be_trained_on(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "out"
    main([str(data), str(output), "--val", "0.3", "--group", "^[^_]*", "--classes", "wall, crack"])
    train, val = names(output / "images" / "train"), names(output / "images" / "val")
    assert len(train) + len(val) == 20
    assert {name.split("_")[0] for name in train}.isdisjoint(name.split("_")[0] for name in val)
    opened = FolderData(root=output)
    assert opened.class_table.names == ("wall", "crack")
    assert len(opened.dataset("train")) == len(train)
    note, written = capsys.readouterr().out.splitlines()
    assert "1 images without a mask" in note
    assert written == f"{output}: {len(train)} train, {len(val)} val images; 2 classes: wall, crack"


def test_classes_that_nobody_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(data), str(tmp_path / "out")])
    assert f"background, foreground (named after the masks; rename them in {tmp_path / 'out' / 'classes.yaml'})" in (
        capsys.readouterr().out
    )


def test_a_seed_gives_another_division(data: Path, tmp_path: Path) -> None:
    for seed in ("0", "0", "1"):
        output = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        main([str(data), str(output), "--val", "0.5", "--seed", seed])
    first, again, other = (names(path / "images" / "val") for path in sorted(tmp_path.glob("out*")))
    assert first == again != other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--val", "2"], "--val: "),
        (["--val", "x"], "--val: "),
        (["--group", "("], "not a regular expression"),
        (["--classes", "wall,,crack"], "with an empty name"),
        (["--classes", "one"], "1 names (one) for 2 classes"),
        (["--sed", "1"], "unknown option --sed; did you mean --seed?"),
    ],
)
def test_wrong_options_write_nothing(data: Path, tmp_path: Path, options: list[str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        main([str(data), str(tmp_path / "out"), *options])
    assert message in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_what_is_assumed_and_what_has_no_effect(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "alone.png").unlink()
    for number in range(20):
        split = data / ("val" if number % 2 else "train")
        split.mkdir(exist_ok=True)
        for path in data.glob(f"s*_{number}*.png"):
            path.rename(split / path.name)
    mask = np.eye(6, 8, dtype=np.uint8)
    mask[0, 7] = 255
    Image.fromarray(mask).save(data / "train" / "s0_0_mask.png")
    (data / "val" / "s0_1.png").write_bytes((data / "train" / "s0_0.png").read_bytes())
    main([str(data), str(tmp_path / "out"), "--val", "0.3", "--group", "^[^_]*"])
    unused, assumed, copies, _ = capsys.readouterr().out.splitlines()
    assert unused == "--val, --group without effect: the data set has its own validation images"
    assert assumed.startswith("255 in the masks is understood as pixels to ignore;")
    assert copies.startswith("images that are in several splits, byte for byte (1): train/s0_0 = val/s0_1;")


def test_a_folder_with_content_is_kept(data: Path) -> None:
    with pytest.raises(InputError, match="exists and is not an empty folder; give a new one"):
        main([str(data), str(data)])


def test_data_and_output_are_required() -> None:
    with pytest.raises(InputError, match="required: "):
        main([])
