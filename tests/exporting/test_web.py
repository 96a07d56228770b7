"""Exported pages: what Chromium shows, against the file in Python's onnxruntime, and the runtime that pages need."""

import base64
import hashlib
import json
import os
import shutil
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from feedbackward.classes import ClassTable
from feedbackward.errors import InputError
from feedbackward.exporting import load_exported
from feedbackward.exporting.web import runtime
from feedbackward.exporting.web.api import export_web
from feedbackward.models import create_model
from feedbackward.preprocessing import Preprocessing, Resize
from feedbackward.segmenters import Predictor
from feedbackward.segmenters.predictor import TaskPredictor

SECONDS = 60
LISTEN = """
globalThis.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => (globalThis.answer = data));
  }
};
"""
READ = """() => {
  const { tasks, kind, message, isReduced } = globalThis.answer;
  const list = (values) => values && [...values];
  const plain = tasks?.map((task) => ({ ...task, mask: list(task.mask), confidence: list(task.confidence) }));
  return { tasks: plain, kind, message, isReduced };
}"""


@pytest.fixture(scope="module")
def web_runtime(tmp_path_factory):
    try:
        return runtime.find_runtime()
    except InputError as error:
        pytest.skip(f"pages need onnxruntime-web: {error}")


@pytest.fixture(scope="module")
def site(network, web_runtime, tmp_path_factory, while_exporting):
    folder = tmp_path_factory.mktemp("page") / "new" / "site"
    with while_exporting():
        report = export_web(network, folder)
    assert sorted(report.files) == sorted(path for path in folder.rglob("*") if path.is_file())
    assert report.size == sum(path.stat().st_size for path in report.files)
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of images, and files that are none."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    smooth = rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)
    picture = Image.fromarray(smooth).resize((133, 90), Image.Resampling.BICUBIC)
    picture.save(folder / "exact.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    picture.save(folder / "turned.jpg", quality=90, exif=turned)
    picture.putalpha(200)
    picture.save(folder / "transparent.png")
    (folder / "broken.png").write_bytes((folder / "exact.png").read_bytes()[:400])
    return folder


@dataclass(frozen=True)
class Opened:
    """A page, what it requested and what failed in it."""

    page: Any
    url: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@pytest.fixture
def opened(chromium, serve):
    """Opens the page of a folder and waits for its network."""
    made = []

    def _opened(folder):
        one = Opened(chromium.new_page(), serve(folder).url)
        one.page.set_default_timeout(1000 * SECONDS)
        made.append(one)
        one.page.on("request", lambda request: one.requests.append((request.method, request.url)))
        one.page.on("pageerror", lambda error: one.failures.append(str(error)))
        one.page.add_init_script(LISTEN)
        one.page.goto(f"{one.url}/index.html")
        one.page.locator("#runtime:not(:empty), #message:not([hidden])").first.wait_for()
        return one

    yield _opened
    for one in made:
        one.page.close()


def give(page, file):
    """The worker's answer about an image that is chosen on a page."""
    page.set_input_files("#chooser", file)
    page.locator("#progress-text:empty").wait_for(state="attached")
    return page.evaluate(READ)


def assert_equal(task, result):
    mask, confidence = (np.reshape(task[key], result.mask.shape) for key in ("mask", "confidence"))
    assert (mask == result.mask).mean() >= 0.999
    assert np.abs(confidence / 255 - result.confidence).max() < 0.003  # half of 1 / 255, and rounding
    names = [each["name"] for each in task["classes"]]
    assert {name: result.shares.get(name) for name in names} == pytest.approx(
        {each["name"]: each["share"] for each in task["classes"]}, abs=1e-3
    )


@pytest.mark.usefixtures("exporting")
def test_a_page_shows_what_python_computes(site, pictures, opened):
    one = opened(site)
    page = one.page
    predictor = Predictor(load_exported(site / "network.onnx"), probabilities=True)
    assert page.text_content("#known") == "It knows road, sky, and car."
    assert page.text_content("#runtime").startswith("It runs on WebAssembly")
    for name in ("exact.png", "turned.jpg"):
        result, (task,) = predictor(pictures / name), give(page, pictures / name)["tasks"]
        assert_equal(task, result)
        names, shares = (page.locator(f".legend-{part}").all_text_contents() for part in ("name", "share"))
        shown = dict(zip(names, shares, strict=True))
        assert shown == {each: f"{share:.1%}" for each, share in result.shares.items()}
        assert page.text_content("#name") == name
        assert page.text_content("#facts").startswith(f"{result.mask.shape[1]} × {result.mask.shape[0]} · ")
    for name, reason in (("broken.png", "cannot read broken.png"), ("transparent.png", "has transparent pixels")):
        assert give(page, pictures / name)["kind"] == "refused"
        assert reason in page.text_content("#message-text")
        assert page.text_content("#name") == "turned.jpg"
    give(page, pictures / "exact.png")
    assert page.locator("#message").is_hidden()
    assert {(method, url.startswith(one.url)) for method, url in one.requests} == {("GET", True)}
    assert one.failures == []


def test_images_are_resized_and_padded_as_in_python(site, pictures, opened, tmp_path):
    resize = Resize(longest_side=48)
    folder = shutil.copytree(site, tmp_path / "site", copy_function=os.link)
    description = json.loads((folder / "description.json").read_text())
    description["input"]["resize"] = {"longest_side": 48}
    (folder / "description.json").unlink()
    (folder / "description.json").write_text(json.dumps(description))
    answer = give(opened(folder).page, pictures / "exact.png")
    predictor = Predictor(load_exported(site / "network.onnx"), resize=resize, probabilities=True)
    assert resize.output_size((90, 133)) == (32, 48)  # and the file takes images from 33x33 on
    assert_equal(answer["tasks"][0], predictor(pictures / "exact.png"))
    assert not answer["isReduced"]


@pytest.mark.usefixtures("exporting")
def test_overlapping_classes_are_tabs_and_classes_need_no_logits(web_runtime, pictures, opened, tmp_path):
    torch.manual_seed(0)
    network = create_model("test_resnet", encoder_weights=None, classes=4)
    network.class_table = ClassTable(("crack", "rust"), ((255, 0, 0), (0, 0, 255)), overlapping=True)
    export_web(network, tmp_path / "site", argmax=True)
    page = opened(tmp_path / "site").page
    tasks = give(page, pictures / "exact.png")["tasks"]
    expected = TaskPredictor(load_exported(tmp_path / "site/network.onnx"))(pictures / "exact.png")
    assert [task["name"] for task in tasks] == list(expected) == ["crack", "rust"]
    for task in tasks:
        np.testing.assert_array_equal(np.reshape(task["mask"], (90, 133)), expected[task["name"]].mask)
        assert task["confidence"] is None
    assert page.get_by_role("tab").all_text_contents() == ["crack", "rust"]


def test_resizing_and_padding_equal_those_of_torch_and_numpy(chromium, serve):
    page = chromium.new_page()
    page.goto(f"{serve(Path(runtime.__file__).with_name('page')).url}/resizing.js")
    rng = np.random.default_rng(0)
    call = "async ([name, ...values]) => [...(await import('/resizing.js'))[name](...values)]"
    for size, target in (((37, 61), (12, 48)), ((40, 41), (97, 20)), ((5, 300), (5, 33)), ((3, 2), (11, 9))):
        image = rng.integers(0, 256, (3, *size), dtype=np.uint8)
        arguments = [image.ravel().tolist(), 3, size, target]
        resized = np.reshape(page.evaluate(call, ["resizeImage", *arguments]), (3, *target))
        np.testing.assert_array_equal(
            resized, v2.functional.resize_image(torch.from_numpy(image), list(target), antialias=True)
        )
        larger = tuple(map(max, size, target))
        padded = np.reshape(page.evaluate(call, ["padImage", *arguments[:3], larger]), (3, *larger))
        missing = [(0, new - old) for new, old in zip(larger, size, strict=True)]
        np.testing.assert_array_equal(padded, np.pad(image, [(0, 0), *missing], "reflect"))
    fixed = {"scale": 0.5}, {"scale": 0.37}, {"longest_side": 50}, {"shortest_side": 7}, {"size": (3, 4)}
    cases = [(options, size) for options in fixed for size in rng.integers(1, 400, (30, 2)).tolist()]
    call = (
        "async (cases) => { const m = await import('/resizing.js'); return cases.map((one) => m.outputSize(...one)); }"
    )
    expected = [Resize(**options).output_size(tuple(size)) for options, size in cases]
    assert [tuple(size) for size in page.evaluate(call, cases)] == expected
    page.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_choose_no_classes(chromium, serve, value):
    page = chromium.new_page()
    page.goto(f"{serve(Path(runtime.__file__).with_name('page')).url}/scoring.js")
    call = """async (value) => {
      const { classify } = await import('/scoring.js');
      const logits = Float32Array.of(0, value, 1, 0); // of two classes at two pixels
      try { return [...classify(logits, 2, [1, 2], [1, 2], [1, 2]).mask]; } catch (error) { return error.message; }
    }"""
    assert page.evaluate(call, 2.0) == [1, 0]
    assert page.evaluate(call, value) == "The network's logits are not finite, so they choose no classes."
    page.close()


@pytest.mark.parametrize(
    ("preprocessing", "options", "reason"),
    [
        (Preprocessing.identity(4), {}, "images of 4 bands, and browsers decode gray and color images only"),
        (
            Preprocessing((0.0,) * 3, (1.0,) * 3, value_range=(0, 4095)),
            {},
            "values from 0 to 4095, and browsers decode",
        ),
        (Preprocessing((0.0,) * 3, (1.0,) * 3, resize=Resize(scale=0.5)), {"argmax": True}, "omit --argmax"),
    ],
)
def test_networks_that_do_not_suit_a_page_are_refused(build, tmp_path, preprocessing, options, reason):
    network = build()
    network.preprocessing = preprocessing
    with pytest.raises(InputError, match=reason):
        export_web(network, tmp_path / "site", runtime=tmp_path, **options)
    network.preprocessing, network.class_table = Preprocessing.identity(3), None
    with pytest.raises(InputError, match="no class names"):
        export_web(network, tmp_path / "site", runtime=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Put a program in npm's place, with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    (tmp_path / "bin").mkdir()

    def _npm(script):
        (tmp_path / "bin/npm").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin/npm").chmod(0o755)

    return _npm


def test_the_runtime_comes_from_npm_once_and_is_checked(npm, tmp_path, monkeypatch):
    for name in runtime.FILES:
        file = tmp_path / "package/dist" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    with tarfile.open(tmp_path / "made.tgz", "w:gz") as archive:
        archive.add(tmp_path / "package", "package")
    npm(f'[ "$1 $2" = "pack onnxruntime-web@{runtime.VERSION}" ] && cp {tmp_path}/made.tgz "$5"/some.tgz')
    with pytest.raises(InputError, match=r"its hash is sha512-.*; check the registry that npm uses"):
        runtime.find_runtime()
    digest = hashlib.sha512((tmp_path / "made.tgz").read_bytes()).digest()
    monkeypatch.setattr(runtime, "INTEGRITY", f"sha512-{base64.b64encode(digest).decode()}")
    found = runtime.find_runtime()
    npm("exit 1")
    assert runtime.find_runtime() == found
    runtime.copy_runtime(found, tmp_path / "runtime")
    assert {(tmp_path / "runtime" / new).read_text() for new in runtime.FILES.values()} == set(runtime.FILES)
    assert [path.name for path in (tmp_path / "cache/feedbackward").iterdir()] == [f"onnxruntime-web-{runtime.VERSION}"]


def test_a_runtime_that_is_not_available_is_explained(npm, tmp_path, monkeypatch):
    npm("""echo '{"error": {"code": "ENOTFOUND", "summary": "no such host"}}'; echo npm error 1>&2; exit 1""")
    with pytest.raises(InputError, match=r"\(no such host\); connect once, or give --web-runtime FOLDER"):
        runtime.find_runtime()
    (tmp_path / "bin/npm").unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(InputError, match=r"npm is not installed here; install Node\.js, or give --web-runtime"):
        runtime.find_runtime()
    with pytest.raises(InputError, match=r"has no package\.json; expected the unpacked npm package"):
        runtime.find_runtime(tmp_path)
    (tmp_path / "package.json").write_text('{"name": "onnxruntime-web", "version": "1.14.0"}')
    with pytest.raises(InputError, match=r"is onnxruntime-web@1\.14\.0; expected .*@1\.30\.0"):
        runtime.find_runtime(tmp_path)
    (tmp_path / "package.json").write_text(f'{{"name": "onnxruntime-web", "version": "{runtime.VERSION}"}}')
    with pytest.raises(InputError, match=r"has no dist/ort\.wasm\.min\.mjs"):
        runtime.find_runtime(tmp_path)
