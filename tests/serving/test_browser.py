"""The page in Chromium: what it shows equals the results in Python, by mouse, touch and keyboard, light and dark."""

import io
import json
import re
from threading import Thread

import matplotlib
import numpy as np
import pytest
import uvicorn
from PIL import Image

import feedbackward as fb
from feedbackward.classes import ClassTable
from feedbackward.models import create_model
from feedbackward.serving.application import create_app
from feedbackward.serving.limits import Limits
from feedbackward.serving.offered import offer_given
from feedbackward.serving.running import listen
from feedbackward.serving.service import Service

playwright = pytest.importorskip("playwright.sync_api", reason="the browser's tests need: pip install playwright")
expect = playwright.expect

NAMES, COLORS = ("road", "sky", "car"), ((128, 64, 128), (70, 130, 180), (0, 0, 142))
SIZE = (96, 128)
BLOCK = 16
NAME = "photo.png"


@pytest.fixture(scope="module")
def overlapping(tmp_path_factory):
    """A network whose classes overlap: it has a task for each."""
    network = create_model("test_resnet", encoder_weights=None, classes=4)
    network.class_table = ClassTable(("warm", "cold"), ((220, 60, 20), (20, 90, 220)), overlapping=True)
    folder = tmp_path_factory.mktemp("networks") / "overlapping"
    network.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def image():
    """Blocks of one color each, which JPEG keeps in their centers."""
    colors = np.random.default_rng(0).integers(0, 256, (SIZE[0] // BLOCK, SIZE[1] // BLOCK, 3), np.uint8)
    return colors.repeat(BLOCK, 0).repeat(BLOCK, 1)


@pytest.fixture(scope="module")
def result(model, image):
    return fb.load(model, device="cpu")(image)


@pytest.fixture(scope="module")
def address(model, overlapping):
    """The page with both networks, served by a thread."""
    service = Service(offer_given([[str(model)], [str(overlapping)]]), limits=Limits(), batch_size=4, device="cpu")
    service.load_all()
    application = create_app(service, page=True, hosts=["127.0.0.1"])
    server = uvicorn.Server(uvicorn.Config(application, log_level="warning", lifespan="on"))
    with listen("127.0.0.1", 0) as listening:
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        thread.join()


@pytest.fixture
def visit(chromium, address):
    """Open the page in a new context; no error may appear in its console, except for answers that a test provokes."""
    contexts, errors = [], []

    def _visit(width=1280, height=900, **options):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(error))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto(address)
        expect(page.get_by_label("Model")).to_have_value("small")
        return page

    yield _visit
    for context in contexts:
        context.close()
    assert not [error for error in errors if "Failed to load resource" not in str(error)]


@pytest.fixture
def page(visit, image):
    page = visit()
    upload(page, NAME, png(image))
    shown(page, NAME)
    return page


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def upload(page, name, content):
    page.set_input_files("#chooser", {"name": name, "mimeType": "application/octet-stream", "buffer": content})


def shown(page, name):
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=20_000)


def place(page, x, y):
    """The center of a pixel of the image on the canvas, from its corner, where the whole image is seen."""
    box = page.locator("canvas").bounding_box()
    scale = min(box["width"] / SIZE[1], box["height"] / SIZE[0])
    left, top = (box["width"] - SIZE[1] * scale) / 2, (box["height"] - SIZE[0] * scale) / 2
    return {"x": left + (x + 0.5) * scale, "y": top + (y + 0.5) * scale}


def color(page, x, y):
    """What the canvas shows there, after it was drawn."""
    script = """({x, y}) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
      const context = document.querySelector("canvas").getContext("2d");
      done([...context.getImageData(Math.floor(x), Math.floor(y), 1, 1).data].slice(0, 3));
    })))"""
    return np.array(page.evaluate(script, place(page, x, y)))


def centers():
    """Pixels in the centers of the blocks."""
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, SIZE[0] // BLOCK, 8), rng.integers(0, SIZE[1] // BLOCK, 8)
    return [(int(column) * BLOCK + 8, int(row) * BLOCK + 8) for row, column in zip(rows, columns, strict=True)]


def pixel_of(result, index):
    """A pixel in the center of a block that has a class."""
    mask = result.mask[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK]
    row, column = np.argwhere(mask == index)[0].tolist()
    return column * BLOCK + BLOCK // 2, row * BLOCK + BLOCK // 2


def set_opacity(page, percent):
    page.get_by_label("Opacity").fill(str(percent))


def test_what_is_shown_is_the_result(page, image, result):
    rows = page.locator(".legend-class").all_inner_texts()
    assert [row.split("\n") for row in rows] == [[name, f"{share:.1%}"] for name, share in result.shares.items()]
    expect(page.locator("#facts")).to_have_text(re.compile(r"^128 × 96 · [\d.]+ s, of which the network [\d.]+ s$"))
    page.get_by_role("switch", name="Compare with the input").uncheck()
    for x, y in centers():
        page.locator("canvas").hover(position=place(page, x, y))
        texts = page.locator(".readout").inner_text().split("\n")
        assert [texts[0], texts[-1]] == [NAMES[result.mask[y, x]], f"{x}, {y}"]
        assert float(texts[1].rstrip("%")) == pytest.approx(100 * result.confidence[y, x], abs=0.3)
    for percent in (0, 35, 100):
        set_opacity(page, percent)
        for x, y in centers()[:3]:
            blend = (1 - percent / 100) * image[y, x] + percent / 100 * np.array(COLORS[result.mask[y, x]])
            assert color(page, x, y) == pytest.approx(blend, abs=8 if percent < 100 else 1)  # the image is a JPEG here


def test_a_class_is_hidden_or_shown_alone(page, result):
    page.get_by_role("switch", name="Compare with the input").uncheck()
    set_opacity(page, 100)
    places = [pixel_of(result, index) for index in range(len(NAMES))]

    def painted():
        return [bool((abs(color(page, *at) - COLORS[index]) <= 1).all()) for index, at in enumerate(places)]

    assert painted() == [True, True, True]
    sky = page.get_by_role("button", name=re.compile("^sky"))
    sky.click()
    assert painted() == [True, False, True]
    expect(sky).to_have_attribute("aria-pressed", "false")
    alone = page.get_by_role("button", name="Only sky")
    alone.click()
    assert painted() == [False, True, False]
    expect(alone).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name=re.compile("^car")).click()
    assert painted() == [False, True, True]
    page.get_by_role("button", name="Show all").click()
    assert painted() == [True, True, True]


def test_the_divider_parts_input_and_result(page, result):
    set_opacity(page, 100)
    divider = page.get_by_role("slider", name="Divider between input and result")

    def is_result(x):
        return bool((abs(color(page, x, 24) - COLORS[result.mask[24, x]]) <= 1).all())

    assert [is_result(x) for x in (24, 104)] == [False, True]
    box, start = page.locator("canvas").bounding_box(), divider.bounding_box()
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + place(page, 0.9 * SIZE[1] - 0.5, 0)["x"], start["y"] + 20, steps=3)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "90")
    assert [is_result(x) for x in (24, 104)] == [False, False]
    divider.press("Home")
    expect(divider).to_have_attribute("aria-valuetext", "0% input, 100% result")
    assert [is_result(x) for x in (24, 104)] == [True, True]


def test_confidence_is_a_heat_map(page, result):
    page.get_by_role("radio", name="Confidence").check()
    page.get_by_role("switch", name="Compare with the input").uncheck()
    set_opacity(page, 100)
    viridis = matplotlib.colormaps["viridis"]
    for x, y in centers():
        assert color(page, x, y) == pytest.approx(255 * np.array(viridis(result.confidence[y, x])[:3]), abs=6)


def test_zoom_keeps_the_pixel_under_the_pointer(page):
    canvas, at = page.locator("canvas"), place(page, 100, 30)
    canvas.hover(position=at)
    page.mouse.wheel(0, -400)
    expect(page.locator(".readout-place")).to_have_text("100, 30")
    expect(page.get_by_role("button", name="Zoom out")).to_be_enabled()
    near = {"x": at["x"] + 2, "y": at["y"]}
    canvas.hover(position=near)  # within the same pixel, which is larger now
    expect(page.locator(".readout-place")).to_have_text("100, 30")
    page.get_by_role("button", name="Show the whole picture").click()
    expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()


def test_a_bad_upload_is_told_and_the_earlier_result_stays(page, image):
    upload(page, "notes.txt", b"not an image")
    expect(page.get_by_role("alert")).to_contain_text("notes.txt is not an image")
    shown(page, NAME)
    upload(page, "next.png", png(image[:48]))
    shown(page, "next.png")
    expect(page.get_by_role("alert")).to_be_hidden()


def test_files_are_downloaded(page, result, image):
    files = {}
    for name in ("Mask PNG", "Overlay JPEG", "Polygons GeoJSON", "Shares JSON"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.suggested_filename.startswith("photo")
        files[name] = download.value.path().read_bytes()
    mask = np.asarray(Image.open(io.BytesIO(files["Mask PNG"])))
    np.testing.assert_array_equal(mask, np.array(result.table.values)[result.mask])
    assert Image.open(io.BytesIO(files["Overlay JPEG"])).format == "JPEG"
    features = json.loads(files["Polygons GeoJSON"])["features"]
    assert sum(feature["properties"]["area"] for feature in features) == result.mask.size
    assert "road" in json.dumps(json.loads(files["Shares JSON"]))


def test_another_model_segments_the_same_image(page, overlapping, image):
    expected = fb.load(overlapping, device="cpu")(image)
    deleted = []
    page.on("request", lambda request: deleted.append(request.url) if request.method == "DELETE" else None)
    page.get_by_label("Model").select_option("overlapping")
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_text(["warm", "cold"])
    expect(tabs.first).to_have_attribute("aria-selected", "true")
    tabs.first.press("ArrowRight")
    expect(tabs.last).to_be_focused()
    expect(tabs.last).to_have_attribute("aria-selected", "true")
    rows = page.locator(".legend-class").all_inner_texts()
    assert [row.split("\n") for row in rows] == [
        [name, f"{share:.1%}"] for name, share in expected["cold"].shares.items()
    ]
    assert len(deleted) == 1


def test_a_pixel_is_explained(page, result):
    x, y = pixel_of(result, 1)
    page.locator("canvas").click(position=place(page, x, y))
    expect(page.get_by_text(f"sky at column {x}, row {y}")).to_be_visible()
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_role("term").first).to_have_text("sky", timeout=20_000)
    probability = float(page.get_by_role("definition").first.inner_text().rstrip("%"))
    assert probability == pytest.approx(100 * result.confidence[y, x], abs=0.3)
    expect(page.get_by_text("Feature of stride 4")).to_be_visible()


def test_a_wait_can_be_cancelled(page, image):
    waiting = []
    page.route("**/api/segment*", lambda route: waiting.append(route))
    upload(page, "slow.png", png(image))
    expect(page.get_by_text("Reading slow.png").first).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    shown(page, NAME)
    assert waiting


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_masks_are_read_exactly(visit, dtype):
    rows, columns = np.mgrid[:40, :50]
    noise = np.random.default_rng(0).integers(0, 4, rows.shape) * (rows > 20)  # Pillow filters rows in several ways
    mask = (rows * columns * (np.iinfo(dtype).max // 2500) + noise).astype(dtype)
    script = """async (bytes) => {
      const { readGrayPng } = await import("/page/png.js");
      const { width, height, values } = await readGrayPng(new Blob([new Uint8Array(bytes)]));
      return { width, height, values: [...values] };
    }"""
    read = visit().evaluate(script, list(png(mask)))
    assert (read["height"], read["width"]) == mask.shape
    np.testing.assert_array_equal(np.reshape(read["values"], mask.shape), mask)


def test_images_are_dropped_and_pasted(visit, image):
    page = visit()
    script = """([bytes, name, kind]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
      const event = kind === "paste" ? new ClipboardEvent(kind, {clipboardData: data, bubbles: true})
        : new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true});
      document.body.dispatchEvent(event);
    }"""
    content = list(png(image))
    page.evaluate(script, [content, "dropped.png", "dragover"])
    expect(page.get_by_text("Drop to segment")).to_be_visible()
    page.evaluate(script, [content, "dropped.png", "drop"])
    expect(page.get_by_text("Drop to segment")).to_be_hidden()
    shown(page, "dropped.png")
    page.evaluate(script, [content, "pasted.png", "paste"])
    shown(page, "pasted.png")


def test_by_keyboard_alone(visit, result):
    page = visit()

    def tab_to(name):
        for _ in range(40):
            page.keyboard.press("Tab")
            label = page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText")
            if label.startswith(name):
                assert (
                    page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
                    or name == "Divider"
                )
                return
        pytest.fail(f"Tab does not reach {name}")

    tab_to("Skip to the picture")
    tab_to("People")
    page.keyboard.press("Enter")
    shown(page, "People")
    expect(page.get_by_role("heading", name="People")).to_be_focused()
    tab_to("People, 512 by 256 pixels")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[aria-live=polite]")).to_have_text(
        re.compile(r"^(road|sky|car), \d+\.\d%, column 25\d, row 128$")
    )
    page.keyboard.press("+")
    expect(page.get_by_role("button", name="Zoom out")).to_be_enabled()
    tab_to("Divider")
    page.keyboard.press("End")
    expect(page.get_by_role("slider", name="Divider")).to_have_attribute("aria-valuenow", "100")


def test_nothing_is_found_by_axe(visit, image):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python").Axe()
    page = visit(bypass_csp=True)  # axe is injected into the page
    assert axe.run(page).violations_count == 0
    upload(page, NAME, png(image))
    shown(page, NAME)
    upload(page, "notes.txt", b"not an image")
    expect(page.get_by_role("alert")).to_be_visible()
    for scheme, is_dark in (("light", False), ("dark", True)):
        page.emulate_media(color_scheme=scheme)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 384) == is_dark
        found = axe.run(page)
        assert found.violations_count == 0, found.generate_report()


def test_on_a_phone(visit, image):
    page = visit(390, 844, has_touch=True, is_mobile=True)

    def check():
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for control in page.locator("button, select, a, summary, .range, .switch, .modes label").all():
            if control.is_visible():
                box = control.bounding_box()
                assert min(box["width"], box["height"]) >= 44, control.evaluate("(node) => node.outerHTML")

    check()
    upload(page, NAME, png(image))
    shown(page, NAME)
    check()
    page.locator("canvas").tap(position=place(page, 40, 24))
    expect(page.locator(".readout-place")).to_have_text("40, 24")


def test_a_video_is_played(visit, tmp_path):
    av = pytest.importorskip("av", reason="pip install 'feedbackward[video]'")
    page = visit()
    with av.open(tmp_path / "drive.mp4", "w") as container:
        stream = container.add_stream("libvpx-vp9", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for value in (0, 80, 160):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), value, np.uint8))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    upload(page, "drive.mp4", (tmp_path / "drive.mp4").read_bytes())
    shown(page, "drive.mp4")
    expect(page.locator("#facts")).to_contain_text("3 frames")
    expect(page.locator("video")).to_have_js_property("readyState", 4)
