import json
from pathlib import Path
from shutil import copy, copytree

import numpy as np
import pytest
from PIL import Image

from feedbackward.cli.inspect import main
from feedbackward.data.class_file import read_class_file
from feedbackward.data.folder import FolderData
from feedbackward.errors import InputError

SIZE = 12, 30


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four samples of three values in two splits, without a class file."""
    root = tmp_path / "data"
    for index, name in enumerate(("train/a", "train/b", "train/c", "val/d")):
        mask = np.zeros(SIZE, np.uint8)
        mask[:, 10:20], mask[:, 20:] = 1, 4
        for kind, pixels in (("images", np.full((*SIZE, 3), 40 + index, np.uint8)), ("masks", mask)):
            path = root / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return root


@pytest.fixture
def leaking(data: Path) -> Path:
    """The same, with one image of train in val too, and a mask that is damaged."""
    copy(data / "images/train/a.png", data / "images/val/a2.png")
    copy(data / "masks/train/a.png", data / "masks/val/a2.png")
    (data / "masks/train/b.png").write_bytes(b"damaged")
    return data


def files(root: Path) -> set[Path]:
    return {path.relative_to(root) for path in root.rglob("*") if path.is_file()}


def test_the_report(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(data.parent)
    main([str(data)])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[:6] == [
        "layout    folders of images and of masks",
        "images    4: 3 train, 1 val",
        "sizes     all 12x30 (height x width)",
        "channels  3 channels (RGB)",
        "depth     8 bits",
        "formats   PNG",
    ]
    assert "│ 4     │ class_4 │         33.33 % │     4 │" in lines
    assert lines[-2:] == [
        "the classes are named after the masks, as no file names them; --classes FILE writes a class file to edit",
        "no problems found",
    ]
    assert files(data.parent) == before


def test_the_report_of_different_images(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "classes.yaml").write_text("ignore: 4\nclasses: [wall, crack, {name: door, value: 2}]\n")
    Image.fromarray(np.zeros((6, 15), np.uint8)).save(data / "images/val/d.png")
    Image.fromarray(np.eye(6, 15, dtype=np.uint8)).save(data / "masks/val/d.png")
    main([str(data)])
    printed = capsys.readouterr().out
    assert "sizes     6x15 to 12x30 (height x width), most often 12x30 (3 images)" in printed
    assert "channels  3 channels (RGB) in 3 images, 1 channel (gray) in 1" in printed
    assert "of the pixels are ignored" in printed
    assert "classes that never occur: door" in printed
    assert "warning: images with other channels than most (1): images/val/d.png" in printed


def test_many_values_are_not_all_listed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(np.arange(360, dtype=np.uint16).reshape(SIZE) // 6).save(data / "masks/val/d.png")
    main([str(data)])
    assert "20 others" in capsys.readouterr().out  # of 60 values


def test_errors_exit_with_1(leaking: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        main([str(leaking)])
    assert exited.value.code == 1
    printed = capsys.readouterr().out
    assert "error: masks that cannot be read (1): masks/train/b.png" in printed
    assert "error: images that are in several splits, byte for byte (1): images/train/a.png = images/val/a2.png;" in (
        printed
    )
    assert printed.endswith("2 errors\n")


def test_json(leaking: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main([str(leaking), "--json", str(tmp_path / "report.json")])
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["facts"]["images_by_split"] == {"train": 3, "val": 2}
    assert [(problem["kind"], problem["level"], problem["count"]) for problem in report["problems"]] == [
        ("unreadable_mask", "error", 1),
        ("between_splits", "error", 1),
    ]


@pytest.mark.parametrize("name", ["classes.yaml", "classes.json"])
def test_the_class_file_fits(data: Path, tmp_path: Path, name: str) -> None:
    main([str(data), "--classes", str(tmp_path / name)])
    classes = read_class_file(tmp_path / name)
    assert classes.table.names == ("class_0", "class_1", "class_4")
    assert np.unique(classes.encoding.read(data / "masks/train/a.png")).tolist() == [0, 1, 2]


def test_the_picture_shows_image_and_mask(data: Path, tmp_path: Path) -> None:
    (data / "classes.yaml").write_text(
        "classes: [background, {name: crack, color: [255, 0, 0]}, {name: door, value: 4, color: [0, 0, 255]}]\n"
    )
    main([str(data), "--picture", str(tmp_path / "sheet.png")])
    sheet = np.array(Image.open(tmp_path / "sheet.png"))
    image, painted = sheet[19:31, :30], sheet[19:31, 38:68]  # below the title, with a gap of 8
    assert (image == 40).all()
    assert (painted[:, :10] == 40).all()  # the background is not painted
    np.testing.assert_allclose(painted[:, 10:20], np.broadcast_to([147.5, 20, 20], (12, 10, 3)), atol=1)
    np.testing.assert_allclose(painted[:, 20:], np.broadcast_to([20, 20, 147.5], (12, 10, 3)), atol=1)
    legend = sheet[31:].reshape(-1, 3).tolist()
    assert [255, 0, 0] in legend
    assert [0, 0, 255] in legend


def test_fix_leaves_out_what_has_errors(leaking: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "fixed"
    with pytest.raises(SystemExit):
        main([str(leaking), "--fix", str(output)])
    assert files(output / "images") == {Path("train/c.png"), Path("val/a2.png"), Path("val/d.png")}
    assert len(FolderData(root=output).dataset("train")) == 1
    left_out, written = capsys.readouterr().out.splitlines()[-2:]
    assert left_out == "left out: 2 samples with errors"
    assert written.startswith(f"{output}: 1 train, 2 val images; 3 classes: class_0, class_1, class_4 (named after")
    main([str(output)])
    assert "no problems found" in capsys.readouterr().out


def test_fix_divides_no_copies(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without splits copies are a warning: the division keeps them together."""
    flat = tmp_path / "flat"
    for kind in ("images", "masks"):
        for number in range(30):
            name = "abc"[number % 3]
            (flat / kind).mkdir(parents=True, exist_ok=True)
            copy(data / kind / "train" / f"{name}.png", flat / kind / f"{number}.png")
        copy(data / kind / "val" / "d.png", flat / kind / "d.png")
    main([str(flat), "--fix", str(tmp_path / "fixed"), "--val", "0.1", "--seed", "3"])
    assert "left out: 0 samples with errors\n" in capsys.readouterr().out
    copytree(tmp_path / "fixed", tmp_path / "again")
    main([str(tmp_path / "again")])
    assert "error" not in capsys.readouterr().out


def test_fix_leaves_out_copies_that_another_split_has(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of test images: the others are divided by --fix."""
    for kind in ("images", "masks"):
        (data / kind / "val").rename(data / kind / "test")
        copy(data / kind / "train" / "a.png", data / kind / "test" / "a2.png")
    with pytest.raises(SystemExit):
        main([str(data), "--fix", str(tmp_path / "fixed"), "--val", "0.4"])
    assert "left out: 1 samples with errors\n" in capsys.readouterr().out


def test_fix_refuses_to_leave_a_split_empty(leaking: Path, tmp_path: Path) -> None:
    for name in ("train/c", "val/d"):
        (leaking / "masks" / f"{name}.png").write_bytes(b"damaged")
    with pytest.raises(InputError, match="no sample for train would be left; add images"):
        main([str(leaking), "--fix", str(tmp_path / "fixed")])
    assert not (tmp_path / "fixed").exists()


def test_fix_without_a_sound_sample(data: Path, tmp_path: Path) -> None:
    for path in (data / "masks").rglob("*.png"):
        path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="every sample has errors"):
        main([str(data), "--fix", str(tmp_path / "fixed")])
    with pytest.raises(InputError, match=r"--classes .* no classes can be told"):
        main([str(data), "--classes", str(tmp_path / "classes.yaml")])
    with pytest.raises(InputError, match=r"--picture .* no sample can be drawn"):
        main([str(data), "--picture", str(tmp_path / "sheet.png")])


def test_targets_are_checked_before_the_work(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--picture .*sheet.bmp: expected a name that ends with .png or .jpg"):
        main([str(data), "--picture", str(tmp_path / "sheet.bmp")])
    with pytest.raises(InputError, match=r"--json .* this is a folder"):
        main([str(data), "--json", str(tmp_path)])
    with pytest.raises(InputError, match=r"--fix .* exists and is not an empty folder"):
        main([str(data), "--fix", str(data)])
    with pytest.raises(InputError, match="--val, --group without --fix OUTPUT"):
        main([str(data), "--val", "0.2", "--group", "x"])


def test_a_folder_of_no_layout(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        main([str(tmp_path / "missing")])
    with pytest.raises(InputError, match="has no layout that is known; found nothing"):
        main([str(tmp_path)])
