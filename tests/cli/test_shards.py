"""predict and evaluate on shards, on disk and over http, do what they do on the same files in folders."""

import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from feedbackward.cli.main import main
from feedbackward.data import remote_tar

pytestmark = pytest.mark.usefixtures("loaded_once")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Five images and masks in folders, one of which is in a subfolder, and in two tars."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remote_tar, "WAITS", (0.0,))
    rng = np.random.default_rng(0)
    for number, name in enumerate(("a", "b", "c", "x/d", "e")):
        for kind, array in (
            ("images", rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)),
            ("masks", rng.integers(0, 3, (24, 32), dtype=np.uint8)),
        ):
            path = tmp_path / kind / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(array).save(path)
        with tarfile.open(tmp_path / f"test-{number % 2}.tar", "a") as tar:
            tar.add(tmp_path / f"images/{name}.png", f"{name}.png")
            tar.add(tmp_path / f"masks/{name}.png", f"{name}.mask.png")
    (tmp_path / "classes.yaml").write_text("classes: [road, sky, car]\n")
    return tmp_path


def written(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.png")}


def predict(model, source, output, *more):
    main(["predict", str(model), *source, "--output", str(output), "--save", "masks", "--device", "cpu", *more])


def test_predictions(model, root, serve, capsys):
    predict(model, [str(root / "images")], root / "expected")
    url = serve(root).url
    sources = {
        "braces": [f"{root}/test-{{0..1}}.tar"],
        "globs": [f"{root}/test-*.tar"],
        "several": [f"{root}/test-0.tar", f"{root}/test-1.tar"],
        "http": [f"{url}/test-{{0..1}}.tar"],
    }
    for name, source in sources.items():
        predict(model, source, root / name)
        assert written(root / name) == written(root / "expected")
        assert len(written(root / name)) == 5
    capsys.readouterr()
    for name in ("braces", "http"):  # go on where they stopped
        (root / name / "masks/b.png").unlink()
        predict(model, sources[name], root / name)
        assert "4 of 5 are done already; predicting 1" in capsys.readouterr().err
        assert written(root / name) == written(root / "expected")
    (root / "test-0.tar").touch()
    predict(model, sources["braces"], root / "braces")
    assert "2 of 5 are done already" in capsys.readouterr().err


def test_an_image_that_cannot_be_read_is_skipped(model, root, capsys):
    (root / "bad.png").write_bytes(b"no image")
    with tarfile.open(root / "test-1.tar", "a") as tar:
        tar.add(root / "bad.png", "bad.png")
    with pytest.raises(SystemExit) as caught:
        predict(model, [f"{root}/test-*.tar"], root / "out", "--json")
    assert caught.value.code == 1
    summary = json.loads(capsys.readouterr().out)
    assert summary["predicted"] == 5
    (skipped,) = summary["skipped"]
    assert skipped["file"] == f"{root}/test-1.tar/bad.png"
    assert "is not an image" in skipped["reason"]
    assert skipped["file"] in (root / "out/skipped.csv").read_text()


def test_a_server_that_fails_ends_a_prediction_that_can_be_resumed(model, root, serve, capsys):
    server = serve(root)
    source = [f"{server.url}/test-{{0..1}}.tar"]
    predict(model, [str(root / "images")], root / "expected")
    main(["predict", str(model), source[0], "--output", str(root / "other"), "--device", "cpu"])  # makes the index
    server.status = 503
    with pytest.raises(SystemExit) as caught:
        predict(model, source, root / "out")
    assert caught.value.code == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert "the server answered 503" in message
    assert "check the connection and try again" in message
    server.status = 0
    predict(model, source, root / "out")
    assert written(root / "out") == written(root / "expected")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere-{0..1}.tar", "nowhere-0.tar cannot be read: No such file or directory; expected a tar file"),
        ("http://127.0.0.1:1/a.tar", "http://127.0.0.1:1/a.tar cannot be read: Cannot connect to host"),
        ("test-{1..0}.tar", "{1..0} in test-{1..0}.tar is a range of 0 numbers"),
    ],
)
def test_wrong_sources_are_refused_before_anything_is_written(source, message, model, root, monkeypatch, capsys):
    monkeypatch.chdir(root)
    with pytest.raises(SystemExit) as caught:
        predict(model, [source], root / "out")
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (root / "out").exists()


def test_scores(model, root, serve):
    url = serve(root).url
    common = ["--classes", str(root / "classes.yaml"), "--device", "cpu", "--per-image", str(root / "images.csv")]

    def scores(dataset, truth, *options):
        main(
            [
                "evaluate",
                "--dataset",
                dataset,
                "--ground-truth",
                truth,
                "--json",
                str(root / "s.json"),
                *common,
                *options,
            ]
        )
        rows = (root / "images.csv").read_text().splitlines()
        return json.loads((root / "s.json").read_text()), [row.split(",", 1)[1] for row in rows]

    expected = scores("folder", str(root / "masks"), "--model", str(model), "--source", str(root / "images"))
    for tars in (f"{root}/test-{{0..1}}.tar", f"{url}/test-{{0..1}}.tar"):
        assert scores("shards", tars, "--model", str(model), "--source", tars) == expected
    predict(model, [f"{root}/test-*.tar"], root / "out")
    common[2:4] = []  # --device needs a model
    assert scores("shards", f"{url}/test-{{0..1}}.tar", "--predictions", str(root / "out/masks")) == expected
    (root / "out/masks/b.png").unlink()
    with pytest.raises(SystemExit):
        scores("shards", f"{root}/test-*.tar", "--predictions", str(root / "out/masks"))
