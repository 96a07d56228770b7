"""The API, asked by Starlette's client, against `fb.load` and the outputs of predict."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import feedbackward as fb
from feedbackward.segmenters.tiles import Tiles
from feedbackward.segmenters.video import Frame, write_video
from feedbackward.serving.results import Stored

LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def expected(model, image):
    return fb.load(model, device="cpu")(image)


def pixels(answer):
    assert answer.status_code == 200
    return np.asarray(Image.open(BytesIO(answer.content)))


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_result_is_that_of_predict(client, upload, image, expected):
    result = client.post("/api/segment?name=photos/street.png", content=upload).json()
    assert (result["kind"], result["model"], result["name"]) == ("image", "small", "street.png")
    assert (result["height"], result["width"], result["batch"]) == (*image.shape[:2], 1)
    assert set(result["seconds"]) == {"decode", "network", "total"}
    (task,) = result["tasks"]
    assert {each["name"]: each["pixels"] for each in task["classes"]} == expected.areas
    assert {each["name"]: each["share"] for each in task["classes"]} == pytest.approx(expected.shares)
    assert task["classes"][0]["color"].startswith("#")
    np.testing.assert_array_equal(pixels(client.get(task["mask"])), expected.mask)
    confidence = pixels(client.get(task["confidence"])).astype(int)
    np.testing.assert_allclose(confidence, expected.confidence * 255, atol=1)
    shown = pixels(client.get(result["image"])).astype(int)
    assert shown.shape == image.shape
    assert abs(shown - image).mean() < 10


def test_downloads_are_the_outputs_of_predict(client, upload, expected, tmp_path):
    result = client.post("/api/segment?name=street.png", content=upload).json()
    downloads = result["tasks"][0]["downloads"]
    kinds = set(downloads) - {"confidence"}
    assert kinds >= {"masks", "palette", "overlays", "contours", "polygons", "shares", "coco"}
    expected.save(tmp_path, sorted(kinds))
    for kind in kinds:
        answer = client.get(downloads[kind])
        assert answer.content == next(tmp_path.glob(f"{kind}.*")).read_bytes()
        assert f"street-{kind}." in answer.headers["content-disposition"]
    bare = pixels(client.get(f"{downloads['overlays']}?alpha=0&legend=false"))
    assert bare.shape == result_shape(result)
    refused = client.get(f"{downloads['overlays']}?alpha=2")
    assert (refused.status_code, refused.json()) == (
        422,
        {"error": "alpha is 2.0; expected an opacity from 0 to 1"},
    )


def result_shape(result):
    return result["height"], result["width"], 3


def test_an_output_alone_is_not_kept(client, upload, expected, service, tmp_path):
    kept = len(service.results._kept)
    answer = client.post("/api/segment?output=masks", content=upload)
    expected.save(tmp_path, ["masks"])
    assert (answer.headers["content-type"], answer.content) == ("image/png", (tmp_path / "masks.png").read_bytes())
    assert len(service.results._kept) == kept
    assert service.results._incoming == {}


def test_progress_of_a_large_image_in_tiles(client, service, model, encoded, monkeypatch):
    tiles = Tiles((128, 128), overlap=32)
    monkeypatch.setattr(service._batches["small"].network.predictor, "_tiles", tiles)
    image = np.random.default_rng(1).integers(0, 256, (12, 20, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
    found = lines(client.post("/api/segment", content=encoded(image), headers=LINES))
    stages = [line["stage"] for line in found[:-1]]
    assert list(dict.fromkeys(stages)) == ["decoding", "waiting", "segmenting", "writing"]
    shares = [line["progress"] for line in found if line.get("stage") == "segmenting"]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])
    mask = pixels(client.get(found[-1]["result"]["tasks"][0]["mask"]))
    np.testing.assert_array_equal(mask, fb.load(model, device="cpu", tiles=tiles)(image).mask)


def test_an_image_that_is_decoded_in_bands(client, service, model, encoded, monkeypatch):
    pytest.importorskip("pyvips")
    monkeypatch.setattr(service._decoders, "_large", 1000)
    image = np.random.default_rng(1).integers(0, 256, (2, 250, 3), dtype=np.uint8).repeat(8, 0).repeat(20, 1)
    result = client.post("/api/segment", content=encoded(image)).json()
    assert (result["height"], result["width"]) == (16, 5000)
    assert result["shown"] == {"height": 13, "width": 4096}
    (task,) = result["tasks"]
    for url in (result["image"], task["mask"], task["confidence"]):
        assert pixels(client.get(url)).shape[:2] == (13, 4096)
    expected = fb.load(model, device="cpu")(image)
    assert {each["name"]: each["pixels"] for each in task["classes"]} == expected.areas
    values = np.array([7, 23, 26])
    np.testing.assert_array_equal(pixels(client.get(task["downloads"]["masks"])), values[expected.mask])


def test_a_result_belongs_to_a_session_until_it_is_removed(client, upload):
    first = client.post("/api/segment", content=upload)
    assert "HttpOnly; SameSite=Strict" in first.headers["set-cookie"]
    url = f"/api/results/{first.json()['id']}"
    assert client.get(url).json() == first.json()
    own = dict(client.cookies)
    client.cookies.clear()
    for stranger in (client.get(url), client.get(f"{url}/image"), client.delete(url)):
        assert stranger.status_code == 404
        assert stranger.json()["error"].startswith("there is no such result")
    client.cookies.clear()
    client.cookies.update(own)
    assert "set-cookie" not in client.get(url).headers
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 404


def test_the_oldest_results_of_a_session_make_room(client, upload):
    urls = [f"/api/results/{client.post('/api/segment', content=upload).json()['id']}" for _ in range(4)]
    assert [client.get(url).status_code for url in urls] == [404, 200, 200, 200]


@pytest.fixture(scope="module")
def video(tmp_path_factory, image):
    pytest.importorskip("av")
    path = tmp_path_factory.mktemp("video") / "drive.mp4"
    write_video(path, [Frame(np.roll(image, 4 * number, 1), number / 10) for number in range(3)])
    return path.read_bytes()


def test_a_video(client, video):
    *progress, last = lines(client.post("/api/segment?name=drive.mp4", content=video, headers=LINES))
    assert [line["progress"] for line in progress if line["stage"] == "segmenting"] == pytest.approx([1 / 3, 2 / 3, 1])
    result = last["result"]
    assert (result["kind"], result["frames"], result["width"]) == ("video", 3, 80)
    part = client.get(result["video"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"ftyp", "video/mp4")
    assert client.get(f"/api/results/{result['id']}/image").status_code == 404


def test_a_video_that_is_too_long(client, tmp_path, image):
    pytest.importorskip("av")
    write_video(tmp_path / "long.webm", [Frame(image, number / 10) for number in range(7)])
    answer = client.post("/api/segment?name=long.webm", content=(tmp_path / "long.webm").read_bytes())
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "long.webm has more than 5 frames or 120 seconds; cut it, or use feedbackward predict",
    )


def test_a_playlist_cannot_name_other_files(client, tmp_path):
    pytest.importorskip("av")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{tmp_path}/secret.ts\n#EXT-X-ENDLIST\n"
    answer = client.post("/api/segment?name=list.mp4", content=playlist.encode())
    assert answer.status_code == 422
    assert "list.mp4 cannot be read as a video" in answer.json()["error"]


def test_samples_can_be_segmented(client):
    models = client.get("/api/models").json()
    assert [model["id"] for model in models["models"]] == ["small"]
    assert [each["name"] for each in models["models"][0]["tasks"][0]["classes"]] == ["road", "sky", "car"]
    assert models["limits"]["bytes"] == 300_000
    sample = client.get(models["samples"][0]["url"])
    assert pixels(sample).shape == (256, 512, 3)


BAD = {
    "empty": ("", b"", 400, "the body is empty; expected the bytes of an image or a video"),
    "not an image": ("name=a.jpg", b"hello", 422, "a.jpg is not an image in JPEG, PNG, TIFF,"),
    "too many bytes": ("", bytes(400_000), 413, "the upload has 0.4 MiB or more; expected at most 0.2861 MiB"),
    "too many pixels": ("name=b.png", None, 413, "b.png is 1000x4000 (height x width), 4.0 megapixels"),
    "a video that is none": ("name=a.mp4", b"hello", 422, "a.mp4 cannot be read as a video"),
    "an unknown model": ("model=large", b"", 404, "there is no model 'large'; expected one of small"),
    "an unknown output": ("output=mask", b"no image", 404, "there is no output 'mask'; did you mean masks?"),
    "an unknown opacity": ("output=overlays&alpha=x", b"no image", 400, "alpha is 'x'; expected an opacity from 0"),
    "an output of a video": ("name=a.mp4&output=masks", b"", 400, "output is for images"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_bad_upload_is_told_what_is_wrong(client, service, encoded, kind, accept):
    query, body, status, message = BAD[kind]
    body = encoded(np.zeros((1000, 4000), bool)) if body is None else body
    answer = client.post(f"/api/segment?{query}", content=body, headers={"Accept": accept})
    found = lines(answer)[-1]
    assert found["error"].startswith(message)
    assert "\n" not in found["error"]
    assert found.get("status", answer.status_code) == status
    assert service.results._incoming == {}


def test_a_truncated_image(client, upload):
    answer = client.post("/api/segment?name=cut.png", content=upload[: len(upload) // 2])
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("cut.png cannot be read")


def test_a_form_is_refused(client, upload):
    answer = client.post("/api/segment", files={"file": upload})
    assert (answer.status_code, answer.json()["error"]) == (
        415,
        "the body is a form; expected the bytes of an image: curl --data-binary @FILE",
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("{}/0/download/mask", "there is no output 'mask' of this result; did you mean masks?"),
        ("{}/3/mask", "there is no task '3'; expected one of 0"),
        (f"{{}}/{'9' * 5000}/mask", f"there is no task '{'9' * 5000}'; expected one of 0"),
        ("{}/video", "this result is no video; see its description"),
        ("/api/samples/street", "there is no sample 'street'; expected one of street-1, street-2, street-3"),
        ("/nothing", "there is nothing at /nothing; see /openapi.json"),
    ],
)
def test_what_is_not_there(client, upload, url, message):
    result = client.post("/api/segment", content=upload).json()
    answer = client.get(url.format(f"/api/results/{result['id']}"))
    assert (answer.status_code, answer.json()) == (404, {"error": message})


def test_health_and_metrics(client, upload):
    assert client.get("/health").json()["status"] == "ok"
    before = counted(client, 'feedbackward_requests_total{method="POST",route="/api/segment",status="200"}')
    client.post("/api/segment", content=upload)
    client.get("/a/path/of/a/visitor")
    client.request("VISITOR", "/health")
    after = counted(client, 'feedbackward_requests_total{method="POST",route="/api/segment",status="200"}')
    assert after == before + 1
    assert counted(client, 'feedbackward_batch_images_count{model="small"}') >= 1
    assert "visitor" not in client.get("/metrics").text.lower()


def test_a_format_that_is_not_for_so_long_an_image(client, encoded):
    long = encoded(np.zeros((1, 65600, 3), np.uint8))
    answer = client.post("/api/segment?output=overlays", content=long)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("overlays of 1x65600 pixels (height x width) cannot be encoded: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk(client, upload, tmp_path, monkeypatch):
    full = tmp_path / "full.npy"
    full.symlink_to("/dev/full")
    for files, written in {"upload": property(lambda _: full), "mask": lambda *_: full}.items():
        with monkeypatch.context() as patched:
            patched.setattr(Stored, files, written)
            answer = client.post("/api/segment", content=upload)
        assert (answer.status_code, answer.json()["error"][:22]) == (503, "the server cannot writ")
    assert client.post("/api/segment", content=upload).status_code == 200


def counted(client, name):
    values = [line.rpartition(" ") for line in client.get("/metrics").text.splitlines()]
    return sum(float(value) for line, _, value in values if line == name)
