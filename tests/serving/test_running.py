"""A real server on the loopback, under a flood of bad uploads and without one."""

import asyncio
import json
import time

import numpy as np
import pytest

import feedbackward as fb
from feedbackward.errors import InputError
from feedbackward.serving.running import listen

UPLOADS = 200
SECONDS = 90
"""For all of them, on a machine that is busy with other tests."""


async def ask(port, request, body=b"", *, length=None, close=False):
    """Send a request, and return the status and the content of the answer; None if `close` ends it before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        size = len(body) if length is None else length
        head = f"{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        if close:
            return None
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(content)
    finally:
        writer.close()


async def flood(port, kinds):
    """Send many bad uploads at once; return their statuses, and how long the server's health took meanwhile."""
    uploads = [kinds[number % len(kinds)] for number in range(UPLOADS)]
    answers = [asyncio.create_task(ask(port, *arguments[:2], **options)) for _, arguments, options in uploads]
    slowest = 0.0
    while not all(answer.done() for answer in answers):
        started = time.perf_counter()
        assert (await ask(port, "GET /health"))[0] == 200
        slowest = max(slowest, time.perf_counter() - started)
        await asyncio.sleep(0.05)
    return [await answer for answer in answers], slowest


def test_many_bad_uploads_leave_it_answering(port, model, image, upload, encoded):
    post = "POST /api/segment"
    kinds = [
        (400, (post, b""), {}),
        (404, (f"{post}?model=none", upload), {}),
        (413, (post, b""), {"length": 10**9}),
        (413, (f"{post}?name=bomb.png", encoded(np.zeros((3000, 1000), bool))), {}),
        (422, (f"{post}?name=noise.jpg", bytes(range(256)) * 100), {}),
        (422, (f"{post}?name=cut.png", upload[: len(upload) // 2]), {}),
        (None, (post, upload[:50]), {"length": 1000, "close": True}),
    ]
    answers, slowest = asyncio.run(asyncio.wait_for(flood(port, kinds), SECONDS))
    for (status, *_), answer in zip(kinds * UPLOADS, answers, strict=False):
        assert (answer and answer[0]) == status
        assert answer is None or "\n" not in answer[1]["error"]
    assert slowest < SECONDS / 3
    status, result = asyncio.run(ask(port, f"{post}?name=good.png", upload))
    assert status == 200
    found = {each["name"]: each["pixels"] for each in result["tasks"][0]["classes"]}
    assert found == fb.load(model, device="cpu")(image).areas


def test_concurrent_uploads_get_their_own_answers(port, model, image, encoded):
    segmenter = fb.load(model, device="cpu")
    images = [np.roll(image, 5 * number, 1) for number in range(8)]

    async def run():
        uploads = [ask(port, "POST /api/segment", encoded(each)) for each in images]
        return await asyncio.gather(*uploads)

    for each, (status, result) in zip(images, asyncio.run(run()), strict=True):
        assert status == 200
        found = {one["name"]: one["pixels"] for one in result["tasks"][0]["classes"]}
        assert found == segmenter(each).areas


def test_an_upload_without_an_end(port):
    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /api/segment HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        answer = asyncio.create_task(reader.readline())
        while not answer.done():
            writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
            await asyncio.wait([answer], timeout=0.01)
        writer.close()
        return await answer

    assert asyncio.run(asyncio.wait_for(run(), SECONDS)).split()[1] == b"413"


def test_a_port_that_is_in_use(port):
    with pytest.raises(InputError, match=rf"^cannot listen on 127.0.0.1, port {port}: address already in use; choose"):
        listen("127.0.0.1", port)


def test_an_address_of_another_machine():
    with pytest.raises(InputError, match=r"^cannot listen on 192.0.2.1, port 0: "):
        listen("192.0.2.1", 0)


def test_there_is_no_such_port():
    with pytest.raises(InputError, match=r"^there is no port 70000; expected 0 to 65535, "):
        listen("127.0.0.1", 70000)


def test_a_name_that_no_machine_has():
    name = "a" * 70
    with pytest.raises(InputError, match=rf"^cannot listen on {name}, port 0: "):
        listen(name, 0)
