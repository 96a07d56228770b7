import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from feedbackward.data.large import LargeImage
from feedbackward.errors import InputError
from feedbackward.segmenters.pipeline import predict_each, segmenting_threads


class Recorder:
    """An item is the shape of its image, or the message of the error that reading it raises."""

    def __init__(self):
        self.batches, self.written, self.skipped = [], [], []

    def read(self, item):
        if isinstance(item[1], str):
            raise InputError(item[1])
        return np.full((*item[1], 3), item[0])

    def segment(self, images):
        self.batches.append([image.shape[:2] for image in images])
        return [image[..., 0] for image in images]

    def write(self, item, result):
        assert result.shape == item[1]
        assert (result == item[0]).all()
        self.written.append(item[0])

    def skip(self, item, error):
        self.skipped.append((item[0], str(error)))

    def run(self, items, **options):
        calls = {"read": self.read, "segment": self.segment, "write": self.write, "skip": self.skip}
        predict_each(enumerate(items), **calls | options)
        return self


@pytest.mark.parametrize("workers", [1, 4])
def test_neighbors_of_one_size_are_segmented_together(workers):
    small, large = (2, 3), (4, 5)
    found = Recorder().run([small, small, small, large, small], batch_size=2, workers=workers)
    assert found.batches == [[small, small], [small], [large], [small]]
    assert sorted(found.written) == list(range(5))


def test_images_of_another_type_are_another_batch():
    found = Recorder()
    types = [np.uint8, np.uint16, np.uint16]
    found.run([(2, 2)] * 3, batch_size=3, read=lambda item: np.full((2, 2, 3), item[0], types[item[0]]))
    assert found.batches == [[(2, 2)], [(2, 2)] * 2]


def test_large_images_are_segmented_alone():
    images = [np.zeros((2, 2, 3)), *(LargeImage(Path(name), "RGB", (2, 2)) for name in "ab"), np.zeros((2, 2, 3))]
    batches = []
    predict_each(
        images,
        read=lambda image: image,
        segment=lambda batch: batches.append(batch) or [None] * len(batch),
        write=lambda item, result: None,
        skip=lambda item, error: None,
        batch_size=4,
    )
    assert [list(map(id, batch)) for batch in batches] == [[id(image)] for image in images]


@pytest.mark.parametrize("at_once", [1, 3])
def test_with_one_worker_results_are_written_in_order(at_once):
    found = Recorder().run([(1, 1 + index % 3) for index in range(50)], batch_size=4, at_once=at_once)
    assert found.written == list(range(50))


def test_so_many_threads_segment_at_the_same_time():
    found, met = Recorder(), threading.Barrier(3, timeout=60)

    def segment(images):
        met.wait()
        return found.segment(images)

    assert found.run([(2, 2)] * 9, segment=segment, at_once=3).written == list(range(9))


def test_what_cannot_be_read_is_skipped():
    found = Recorder().run([(2, 2), "damaged", (2, 2), "empty"], batch_size=4, workers=2)
    assert found.skipped == [(1, "damaged"), (3, "empty")]
    assert found.batches == [[(2, 2)] * 2]
    assert sorted(found.written) == [0, 2]


@pytest.mark.parametrize(
    ("cores", "batches", "threads"),
    [(1, 9, 1), (2, 9, 2), (2, 1, 1), (4, 9, 4), (6, 9, 3), (7, 9, 1), (10, 9, 2), (16, 9, 4), (16, 3, 2), (2, 0, 1)],
)
def test_threads_that_segment_share_the_cores_evenly(cores, batches, threads, monkeypatch):
    monkeypatch.setattr("feedbackward.segmenters.pipeline.available_cores", lambda: cores)
    assert segmenting_threads(batches) == threads


def test_a_batch_for_which_others_leave_no_memory_is_segmented_alone():
    found, met = Recorder(), threading.Barrier(2, timeout=60)

    def segment(images):
        if threading.current_thread() is not threading.main_thread():
            met.wait()
            raise InputError("no memory is left")
        return found.segment(images)

    found.run([(2, 2)] * 2, segment=segment, at_once=2)
    assert (found.written, found.skipped) == ([0, 1], [])


@pytest.mark.parametrize("at_once", [1, 2])
def test_of_a_batch_that_fails_only_the_reason_is_skipped(at_once):
    found = Recorder()

    def segment(images):
        if any((image == 2).any() for image in images):
            raise InputError("values above 1")
        return found.segment(images)

    found.run([(2, 2)] * 4, batch_size=4, segment=segment, at_once=at_once)
    assert (found.skipped, found.written) == ([(2, "values above 1")], [0, 1, 3])


def test_skipping_may_stop():
    def stop(item, error):
        raise error

    found = Recorder()
    with pytest.raises(InputError, match="damaged"):
        found.run([(2, 2), "damaged", *[(2, 2)] * 100], skip=stop)
    assert len(found.written) < 10


def test_a_result_that_cannot_be_written_stops():
    def write(item, result):
        raise InputError("the disk is full")

    with pytest.raises(InputError, match="the disk is full"):
        Recorder().run([(2, 2)], write=write)


@pytest.mark.parametrize("at_once", [1, 2])
@pytest.mark.parametrize("call", ["read", "segment"])
def test_other_errors_are_not_hidden(call, at_once):
    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Recorder().run([(2, 2)], at_once=at_once, **{call: fail})


@pytest.mark.parametrize("at_once", [1, 3])
def test_the_number_of_images_in_memory_does_not_depend_on_the_number_of_items(at_once):
    class Tracked(np.ndarray):
        pass

    lock, alive, most = threading.Lock(), weakref.WeakSet(), 0
    found = Recorder()

    def read(item):
        nonlocal most
        image = found.read(item).view(Tracked)
        with lock:
            alive.add(image)
            most = max(most, len(alive))
        return image

    def segment(images):
        return list(images)  # a result keeps its image

    class ById(weakref.WeakValueDictionary):
        def add(self, image):
            self[id(image)] = image

    alive = ById()
    options = {"batch_size": 4, "workers": 2, "at_once": at_once}
    found.run([(2, 3)] * 300, read=read, segment=segment, write=lambda item, result: None, **options)
    assert 4 <= most <= 2 * (4 * at_once + 2)


def test_each_item_is_read_once_and_taken_when_it_is_needed():
    found, taken = Recorder(), []

    def items():
        for index in range(100):
            taken.append(index)
            assert len(taken) <= len(found.written) + 2 * (1 + 2) + 1
            yield (2, 2)

    read = []
    found.run(items(), read=lambda item: read.append(item[0]) or found.read(item), workers=2)
    assert sorted(read) == list(range(100))
