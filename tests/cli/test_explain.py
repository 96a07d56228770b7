"""`feedbackward explain`: the page, what is printed, and what is refused."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

import feedbackward as fb
from feedbackward import loading
from feedbackward.classes import ClassTable
from feedbackward.cli.main import main
from feedbackward.models import create_model


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set with two validation images."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for name, split in (("a", "train"), ("b", "val"), ("c", "val")):
        for kind, pixels in (
            ("images", rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)),
            ("masks", rng.integers(0, 3, (6, 8), dtype=np.uint8)),
        ):
            (root / kind / split).mkdir(parents=True, exist_ok=True)
            large = pixels.repeat(8, 0).repeat(8, 1)
            Image.fromarray(large).save(root / kind / split / f"{name}.png")
    (root / "classes.yaml").write_text("classes: [road, sky, car]\n")
    return root


@pytest.fixture(scope="module")
def image(data):
    return str(data / "images" / "val" / "b.png")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The folder of one of the paper's other networks, with the classes in another order."""
    torch.manual_seed(1)
    network = create_model("segnet", encoder_weights=None, classes=3)
    network.class_table = ClassTable(("sky", "road", "car"), ((70, 130, 180), (128, 64, 128), (0, 0, 142)))
    folder = tmp_path_factory.mktemp("other")
    network.save_pretrained(folder)
    return str(folder)


class Page(HTMLParser):
    """The headings and pictures of a page, and whether it needs anything from elsewhere."""

    def __init__(self, path):
        super().__init__()
        self.headings, self.pictures, self.linked, self._tag = [], 0, [], ""
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        self._tag, values = tag, dict(attrs)
        if tag == "img":
            self.pictures += values["src"].startswith("data:image/")
            assert values["alt"]
        addresses = [values[name] for name in ("src", "href") if name in values]
        self.linked += [each for each in addresses if not each.startswith("data:")]

    def handle_data(self, data):
        if self._tag in ("h1", "h2", "h3") and data.strip():
            self.headings.append(data.strip())


def explain(*args):
    main(["explain", *map(str, args), "--device", "cpu"])


def test_the_whole_page(model, image, data, other, tmp_path, capsys):
    output = tmp_path / "pages" / "page.html"
    explain(model, image, "--at", "40,10", "--class", "sky", "--data", data, "--against", other, "--output", output)
    page, printed = Page(output), " ".join(capsys.readouterr().out.split())
    assert not page.linked
    assert page.headings[0] == "b.png, explained"
    (cam,) = [heading for heading in page.headings if heading.startswith("sky at 40,10")]
    assert "probability" in cam
    assert {"What it predicts", "Down the encoder and back", "Can its confidence be trusted?"} <= set(page.headings)
    # prediction, image and prediction again, four depths, six skip connections, Grad-CAM, disagreement
    assert page.pictures == 3 + 2 + 4 * 2 + 6 + 3 + 3
    first, second = fb.load(model, device="cpu")(image), fb.load(other, device="cpu")(image)
    differ = np.take(first.table.names, first.mask) != np.take(second.table.names, second.mask)
    assert f"{other} gives {differ.mean():.2%} of the pixels another class" in printed
    assert re.search(r"calibration over 2 images of \S+ of the split val: ECE \d+\.\d\d%", printed)
    assert len(re.findall("without the skip connection at", printed)) == 5
    assert printed.endswith(f"page: {output}")


def test_by_default_the_largest_classes_are_looked_at(model, image, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explain(model, image)
    found = Page(Path("explain.html"))
    shares = fb.load(model, device="cpu")(image).shares
    cams = [heading.split(" at ")[0] for heading in found.headings if " at " in heading]
    assert cams == list(shares)[:3]


def test_other_networks_have_a_page_that_says_what_it_lacks(other, model, image, data, tmp_path, capsys):
    output = tmp_path / "page.html"
    explain(other, image, "--against", model, "--output", output)
    assert "is not a feedbackward network in PyTorch" in capsys.readouterr().out
    page = Page(output)
    assert "Inside the network" in page.headings
    assert "Down the encoder and back" not in page.headings
    assert page.pictures == 3 + 3
    assert "is not a feedbackward network in PyTorch" in page.text


class File:
    """What is asked of an exported file: it takes images of multiples of 32 alone, and NumPy arrays or tensors."""

    classes, device, outputs_logits, tasks = 2, None, True, ()
    class_table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
    preprocessing = fb.Preprocessing.identity("RGB")

    def padded_size(self, size):
        return tuple(-(-side // 32) * 32 for side in size)

    def logits(self, images):
        assert all(side % 32 == 0 for side in images.shape[-2:])
        return torch.cat([images[:, :1], images[:, 1:2]], 1)


def test_an_exported_file(image, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loading, "load_segmenter", lambda *_, **__: File())
    explain("small.onnx", image, "--output", tmp_path / "page.html")
    assert "small.onnx is not a feedbackward network in PyTorch" in capsys.readouterr().out
    red, green, _ = np.asarray(Image.open(image)).transpose(2, 0, 1) / 255
    expected = 1 / (1 + np.exp(-np.abs(red - green)))
    assert f"on average {100 * expected.mean():.1f} %" in (tmp_path / "page.html").read_text()


def test_one_of_classes_that_overlap(image, tmp_path, capsys):
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=4)
    network.class_table = ClassTable(("wet", "cracked"), ((0, 0, 200), (200, 0, 0)), overlapping=True)
    network.save_pretrained(tmp_path / "network")
    explain(tmp_path / "network", image, "--task", "cracked", "--output", tmp_path / "page.html")
    assert "This is about the task cracked; the model also has wet (--task)." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "64,0"], "--at 64,0 is outside the image of 48x64 (height x width); expected x from 0 to 63 and y"),
        (["--at", "3"], "--at is '3'; expected the column and the row of a pixel, such as 320,200"),
        (["--class", "skyy"], "--class skyy: no such class; did you mean sky?"),
        (["--task", "wet"], "no task 'wet'; this model has a single one, without a name"),
        (["--data", "nowhere"], "no folder nowhere; give the folder that contains the data set"),
        (["--against", "nowhere"], "no such model: nowhere"),
        (["--backbone", "x"], "contains its encoder; omit the backbone, which is for adapters"),
    ],
)
def test_bad_options(options, message, model, image, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        explain(model, image, *options)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())


def test_the_backbone_is_that_of_the_adapter(other, image, tmp_path, capsys):
    torch.manual_seed(2)
    backbone, adapter = tmp_path / "backbone.safetensors", tmp_path / "adapter.safetensors"
    save_file(timm.create_model("test_resnet").state_dict(), backbone)
    network = create_model("test_resnet", classes=3, encoder_weights=backbone, freeze_encoder=True)
    network.class_table = ClassTable(("sky", "road", "car"), ((70, 130, 180), (128, 64, 128), (0, 0, 142)))
    network.save_adapter(adapter)
    for number, (first, second) in enumerate(((other, adapter), (adapter, other))):
        page = tmp_path / f"{number}.html"
        explain(first, image, "--against", second, "--backbone", backbone, "--output", page)
        assert f"{second} gives" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        explain(other, image, "--against", other, "--backbone", backbone, "--output", tmp_path / "page.html")
    assert "contains its encoder; omit the backbone" in capsys.readouterr().err


def test_an_existing_page_is_kept(model, image, tmp_path, capsys):
    output = tmp_path / "page.html"
    output.write_text("mine")
    with pytest.raises(SystemExit):
        explain(model, image, "--output", output)
    assert "exists already; choose another name or add --overwrite" in capsys.readouterr().err
    assert output.read_text() == "mine"


def test_grad_cam_of_another_network_is_refused(other, image, tmp_path, capsys):
    with pytest.raises(SystemExit):
        explain(other, image, "--at", "1,1", "--output", tmp_path / "page.html")
    assert "--at and --class are for Grad-CAM, but" in capsys.readouterr().err


def test_several_adapters_are_refused(image, tmp_path, capsys):
    with pytest.raises(SystemExit):
        explain("coffee_leaves,nuclei", image, "--output", tmp_path / "page.html")
    assert "coffee_leaves,nuclei: several adapters; explain one of them at a time" in capsys.readouterr().err
