"""What is kept of uploads, for whom and how long."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from feedbackward.serving.limits import Limits
from feedbackward.serving.request_error import RequestError
from feedbackward.serving.results import Results, read_array

LIMITS = Limits(results=2, result_seconds=100, stored_bytes=3000)


@pytest.fixture
def results():
    results = Results(LIMITS)
    yield results
    results.close()


def keep(results, session="mine", size=100):
    with results.incoming(session, "a.png") as stored:
        (stored.folder / "image.npy").write_bytes(bytes(size))
        results.keep(stored)
    return stored


def kept(results, *several):
    return [stored.folder.exists() and stored.id in results._kept for stored in several]


def test_an_upload_that_is_not_kept_is_removed(results):
    with results.incoming("mine", "a.png") as stored:
        stored.upload.write_bytes(b"image")
        results.make_room(stored, 5)
        assert results.bytes == 5
    assert not stored.folder.exists()
    assert results.bytes == 0


def test_an_upload_that_fails_is_removed(results):
    with pytest.raises(ZeroDivisionError), results.incoming("mine", "a.png") as stored:
        raise ZeroDivisionError
    assert not stored.folder.exists()


def test_the_longest_unused_one_of_a_session_makes_room(results):
    other, first, second = keep(results, "other"), keep(results), keep(results)
    assert results.get("mine", first.id) is first
    third = keep(results)
    assert kept(results, other, first, second, third) == [True, True, False, True]


def test_the_bytes_of_all_sessions_are_limited(results):
    first, second = keep(results, "a", 1200), keep(results, "b", 1200)
    third = keep(results, "c", 1000)
    assert kept(results, first, second, third) == [False, True, True]
    assert results.bytes == 2200


def test_uploads_alone_may_be_too_many(results):
    old = keep(results)
    with results.incoming("mine", "a.png") as stored:
        results.make_room(stored, 2900)
        assert kept(results, old) == [True]
        with pytest.raises(RequestError, match="busy with many uploads") as refused:
            results.make_room(stored, 200)
        assert refused.value.status == 503
    assert kept(results, old) == [False]


def test_nobody_else_gets_a_result(results):
    stored = keep(results)
    for session, result_id in (("other", stored.id), ("", stored.id), ("mine", stored.id[:-1])):
        with pytest.raises(RequestError, match="there is no such result") as refused:
            results.get(session, result_id)
        assert refused.value.status == 404
        with pytest.raises(RequestError):
            results.remove(session, result_id)
    results.remove("mine", stored.id)
    assert not stored.folder.exists()


def test_a_result_that_is_not_used_expires(results):
    used, unused = keep(results), keep(results)
    unused.last_used -= 101
    results.expire()
    assert kept(results, used, unused) == [True, False]


def test_nothing_is_left_at_the_end():
    results = Results(replace(LIMITS, stored_bytes=10**6))
    with results.incoming("mine", "a.png") as stored:
        np.save(stored.image, np.zeros((2, 3, 3), np.uint8))
        results.keep(stored)
    results.close()
    assert not stored.folder.parent.exists()


def test_a_session_keeps_as_many_results_as_it_may(results):
    results._limits = replace(LIMITS, results=10)
    several = [keep(results) for _ in range(10)]
    assert kept(results, *several) == [True] * 10


def test_the_results_of_all_sessions_are_limited_however_small_they_are(results):
    results._limits = replace(LIMITS, stored_results=2)
    several = [keep(results, session, size=1) for session in "abc"]
    assert kept(results, *several) == [False, True, True]


def test_a_result_that_is_removed_while_it_is_read(results):
    stored = keep(results)
    results.remove("mine", stored.id)
    with pytest.raises(RequestError, match=r"^the result was removed; send the image again$") as caught:
        read_array(stored.image)
    assert caught.value.status == 404


def test_the_system_may_remove_the_temporary_folder(results):
    shutil.rmtree(results._root.name)
    stored = keep(results)
    assert kept(results, stored) == [True]
