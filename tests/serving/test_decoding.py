"""Decoding in processes that may hang or crash, and in bands."""

import asyncio
import sys

import numpy as np
import pytest
from PIL import Image

from feedbackward.data.files import read_image
from feedbackward.segmenters.reduced import LONGEST_SIDE
from feedbackward.serving import decode_worker
from feedbackward.serving.decode_worker import decode
from feedbackward.serving.decoding import Decoders
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.results import Stored

# Answers jobs as their file says: its first process hangs at the word "hang", and ends at "crash".
WORKER = """
import json, os, pathlib, sys, time
print("ready", flush=True)
for line in sys.stdin:
    what = pathlib.Path(json.loads(line)["path"]).read_text()
    if what == "hang":
        time.sleep(100)
    if what == "crash":
        os.abort()
    if what == "many pixels":
        print(json.dumps({"error": "too many", "status": 413}), flush=True)
    print(json.dumps({}), flush=True)
"""


@pytest.fixture
def stored(tmp_path):
    def _stored(text):
        (tmp_path / "upload.png").write_text(text)
        return Stored("id", "session", tmp_path, "street.png")

    return _stored


@pytest.fixture
def command(tmp_path):
    path = tmp_path / "worker.py"
    path.write_text(WORKER)
    return sys.executable, str(path)


def test_a_decoder_that_hangs_or_crashes_is_replaced(stored, command):
    async def run():
        decoders = Decoders(1, seconds=1.5, pixels=1e6, large=1e6, command=command)
        try:
            with pytest.raises(
                RequestError, match=r"^street.png took more than 1.5 seconds to decode; save it"
            ) as hung:
                await decoders.decode(stored("hang"), "RGB")
            with pytest.raises(RequestError, match=r"^street.png crashed its decoder \(exit status -6\)") as crashed:
                await decoders.decode(stored("crash"), "RGB")
            await decoders.decode(stored("good"), "RGB")
            assert len(decoders._running) == 1
        finally:
            await decoders.close()
        return hung.value.status, crashed.value.status

    assert asyncio.run(run()) == (422, 422)


def test_a_request_that_ends_early_leaves_no_answer_to_the_next_one(stored, command):
    async def run():
        decoders = Decoders(1, seconds=30, pixels=1e6, large=1e6, command=command)
        try:
            await decoders.decode(stored("good"), "RGB")
            task = asyncio.create_task(decoders.decode(stored("hang"), "RGB"))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(RequestError, match="too many"):
                await decoders.decode(stored("many pixels"), "RGB")
        finally:
            await decoders.close()

    asyncio.run(run())


@pytest.mark.parametrize("large", [1e6, 1e3])
def test_an_image_is_decoded_as_a_whole_or_in_bands(tmp_path, large):
    pytest.importorskip("pyvips")
    shape = (600, LONGEST_SIDE + 100, 3)
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)[:200]
    Image.fromarray(image).save(tmp_path / "wide.png")
    target, reduced = tmp_path / "image.npy", tmp_path / "reduced.npy"
    decode(tmp_path / "wide.png", target, reduced, channels="RGB", pixels=1e6, large=large)
    np.testing.assert_array_equal(np.load(target), read_image(tmp_path / "wide.png"))
    assert reduced.exists() == (large < 1e6)
    if reduced.exists():
        assert np.load(reduced).shape[1] == LONGEST_SIDE


def test_too_many_pixels_are_not_decoded(tmp_path):
    Image.new("RGB", (40, 50)).save(tmp_path / "a.png")
    with pytest.raises(decode_worker.TooManyPixelsError, match=r"a.png is 50x40 .*, 0.0 megapixels; expected at most"):
        decode(tmp_path / "a.png", tmp_path / "a.npy", tmp_path / "b.npy", channels="RGB", pixels=1000, large=1e6)
    assert not (tmp_path / "a.npy").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the address space is limited on Unix alone")
def test_a_decoder_has_its_own_limit_of_memory(tmp_path):
    async def run():
        stored = Stored("id", "session", tmp_path, "large.png")
        Image.new("1", (9000, 9000)).save(stored.upload)
        decoders = Decoders(1, seconds=60, pixels=1e9, large=1e9, command=limited)
        try:
            with pytest.raises(RequestError, match=r"^large.png does not fit in memory") as refused:
                await decoders.decode(stored, "RGB")
        finally:
            await decoders.close()
        return refused.value.status

    script = "from feedbackward.serving import decode_worker as w; w.BASE_BYTES, w.PIXEL_BYTES = 400 << 20, 0; w.main()"
    limited = (sys.executable, "-c", script)
    assert asyncio.run(run()) == 422
