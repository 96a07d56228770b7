from pathlib import Path

import pytest

from feedbackward.cli.streets import main
from feedbackward.errors import InputError


def test_writes_the_scenes_and_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "set"
    main(["--output", str(root), "--train", "2", "--val", "0", "--test", "1", "--size", "24,48", "--seed", "3"])
    assert len(list((root / "leftImg8bit" / "train").rglob("*.png"))) == 2
    assert len(list((root / "leftImg8bit" / "test").rglob("*.png"))) == 1
    assert not (root / "leftImg8bit" / "val").exists()
    printed = capsys.readouterr().out.replace("\n", "")
    assert "2 train, 1 test scenes of 24x48" in printed
    assert root.name in printed


def test_a_malformed_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--size is '24x48'; expected height and width"):
        main(["--output", str(tmp_path / "set"), "--size", "24x48"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder"):
        main(["--output", str(tmp_path), "--size", "24,48"])


def test_the_folder_must_be_named() -> None:
    with pytest.raises(InputError, match="required: --output"):
        main([])
