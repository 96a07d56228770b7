import json
from pathlib import Path

import pytest
import timm

from feedbackward.cli.main import main
from feedbackward.models.catalog import Catalog, cache_file


@pytest.fixture(autouse=True)
def _no_list_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_table_of_the_matching_architectures(capsys: pytest.CaptureFixture[str]) -> None:
    main(["encoders", "*mobilevit_xxs"])
    main(["encoders", "resnet18*"])
    lines = capsys.readouterr().out.splitlines()
    refused = next(line for line in lines if line.startswith("mobilevit_xxs "))
    assert "hybrid" in refused
    assert "timm.models.mobilevit.MobileVitBlock" in refused
    resnet = next(line for line in lines if line.startswith("resnet18 "))
    assert resnet.split()[:5] == ["resnet18", "resnet", "convolutional", "yes", "11.18"]
    assert "7,168  3,603  1 2 4 8 16 32" in resnet
    assert any(line.startswith(f"timm {timm.__version__}: 0 of 1 can be encoders (hybrid 0 of 1)") for line in lines)


def test_the_list_as_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "list.json"
    main(["encoders", "resnet18*", "--json", str(path)])
    found = json.loads(path.read_text())
    assert found["timm"] == timm.__version__
    assert [record["name"] for record in found["encoders"]] == ["resnet18", "resnet18d"]
    assert "resnet18d" in capsys.readouterr().out


def test_a_partial_list_is_not_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["encoders", "test_resnet", "--measure", "--json", str(tmp_path / "list.json")])
    assert Catalog.from_json((tmp_path / "list.json").read_text()).encoders[0].supported
    assert not cache_file().exists()
    assert "kept in" not in capsys.readouterr().out


def test_a_complete_list_is_saved(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(timm, "list_models", lambda *_: ["test_resnet", "test_vit"])
    main(["encoders", "--measure", "--processes", "2"])
    assert f"kept in {cache_file()}" in capsys.readouterr().out.replace("\n", "")
    assert len(Catalog.from_json(cache_file().read_text()).encoders) == 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["resnot*"], "no architecture of timm"),
        (["resnet18", "--json", "."], "--json .: this is a folder; give the name of a file"),
        (["resnet18", "--json", "file/list.json"], "--json file/list.json cannot be written"),
        (["--processes", "0"], "--processes: expected more than 0, found '0'"),
    ],
)
def test_invalid_arguments_are_refused(
    args: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(SystemExit) as caught:
        main(["encoders", *args])
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
