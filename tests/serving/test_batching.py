"""Batches across requests, with networks whose answers are known."""

from concurrent.futures import CancelledError
from threading import Event

import numpy as np
import pytest

from feedbackward.errors import InputError
from feedbackward.loading import load_segmenter
from feedbackward.serving.batching import Batches
from feedbackward.serving.segmenting import Network, Segmented


class Waiting:
    """Segments images by their first channel, once it is told to."""

    def __init__(self):
        self.go, self.begun, self.batches = Event(), Event(), []

    def is_whole(self, image):
        return image.shape[0] < 100

    def segment(self, images, progress):
        self.begun.set()
        assert self.go.wait(30)
        self.batches.append([image.shape for image in images])
        if any(image.max() == 255 for image in images):
            raise InputError("255 is out of range")
        if any(image.max() == 254 for image in images):
            raise ZeroDivisionError
        progress(1.0)
        return [[Segmented(image[..., 0], None)] for image in images]


@pytest.fixture
def waiting():
    return Waiting()


@pytest.fixture
def observed():
    return []


@pytest.fixture
def batches(waiting, observed):
    batches = Batches(lambda: waiting, size=3, observe=observed.append)
    batches.load().result(30)
    yield batches
    waiting.go.set()
    batches.close()


def image(value, size=(4, 5)):
    return np.full((*size, 3), value, np.uint8)


def ignore(_):
    pass


def submit_while_busy(batches, waiting, images):
    """Submit images while another one is segmented, then let it end."""
    first = batches.submit(image(0), ignore)
    assert waiting.begun.wait(30)
    futures = [batches.submit(each, ignore) for each in images]
    waiting.go.set()
    first.result(30)
    return futures


def test_what_waits_becomes_a_batch(batches, waiting, observed):
    shares = []
    first = batches.submit(image(0), shares.append)
    assert waiting.begun.wait(30)
    futures = [batches.submit(image(value), shares.append) for value in range(1, 6)]
    assert batches.waiting == 5
    waiting.go.set()
    assert [future.result(30).tasks[0].mask[0, 0] for future in (first, *futures)] == [0, 1, 2, 3, 4, 5]
    assert [future.result().batch for future in (first, *futures)] == [1, 3, 3, 3, 2, 2]
    assert (observed, batches.waiting, shares) == ([1, 3, 2], 0, [1.0] * 6)


def test_only_images_of_one_size_that_are_no_tiles_are_in_a_batch(batches, waiting, observed):
    sizes = [(4, 5), (5, 4), (4, 5), (200, 5), (200, 5)]
    futures = submit_while_busy(batches, waiting, [image(1, size) for size in sizes])
    assert [future.result(30).tasks[0].mask.shape for future in futures] == sizes
    assert waiting.batches[1:] == [[(4, 5, 3)] * 2, [(5, 4, 3)], [(200, 5, 3)], [(200, 5, 3)]]


def test_an_image_that_fails_leaves_the_others_of_its_batch(batches, waiting):
    good, bad, other = submit_while_busy(batches, waiting, [image(1), image(255), image(2)])
    assert [future.result(30).tasks[0].mask[0, 0] for future in (good, other)] == [1, 2]
    with pytest.raises(InputError, match="255 is out of range"):
        bad.result(30)


def test_an_error_of_the_program_does_not_end_the_thread(batches, waiting):
    waiting.go.set()
    with pytest.raises(ZeroDivisionError):
        batches.submit(image(254), ignore).result(30)
    assert batches.submit(image(3), ignore).result(30).tasks[0].mask[0, 0] == 3


def test_an_image_that_nobody_waits_for_is_left_out(batches, waiting):
    first = batches.submit(image(0), ignore)
    assert waiting.begun.wait(30)
    canceled, kept = (batches.submit(image(value), ignore) for value in (1, 2))
    assert canceled.cancel()
    waiting.go.set()
    assert (first.result(30).batch, kept.result(30).batch) == (1, 1)


def test_closing_cancels_what_waits(batches, waiting):
    batches.submit(image(0), ignore)
    assert waiting.begun.wait(30)
    last = batches.submit(image(1), ignore)
    waiting.go.set()
    batches.close()
    try:  # begun before the end, or canceled by it
        assert last.result(30).tasks[0].mask[0, 0] == 1
    except CancelledError:
        assert last.cancelled()


def test_loading_is_tried_again():
    answers = iter([InputError("not in the cache"), Waiting()])

    def load():
        answer = next(answers)
        if isinstance(answer, InputError):
            raise answer
        return answer

    batches = Batches(load, size=1, observe=ignore)
    with pytest.raises(InputError, match="not in the cache"):
        batches.load().result(30)
    assert batches.network is None
    network = batches.load().result(30)
    assert batches.load().result(30) is batches.network is network
    batches.close()


def test_a_batch_is_segmented_like_its_images_alone(model):
    network = Network(load_segmenter(str(model), device="cpu"))
    images = np.random.default_rng(0).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8).repeat(9, 1).repeat(9, 2)
    together = network.segment(list(images), ignore)
    for each, (found,) in zip(images, together, strict=True):
        ((alone,),) = network.segment([each], ignore)
        np.testing.assert_array_equal(found.mask, alone.mask)
        np.testing.assert_allclose(found.confidence.astype(int), alone.confidence, atol=1)
