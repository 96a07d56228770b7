import asyncio

import pytest
from starlette.requests import Request

from feedbackward.serving.request_error import RequestError
from feedbackward.serving.waiting import while_waited_for


def request_of(gone):
    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


def test_work_is_canceled_when_its_client_goes_away():
    ended = []

    async def main():
        gone = asyncio.Event()

        async def work():
            gone.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("canceled")

        await asyncio.wait_for(while_waited_for(request_of(gone), work()), 10)

    with pytest.raises(RequestError, match="the client went away") as caught:
        asyncio.run(main())
    assert (caught.value.status, ended) == (408, ["canceled"])


def test_work_is_done_for_a_client_that_stays():
    done = []

    async def main():
        async def work():
            await asyncio.sleep(0)
            done.append("done")

        await while_waited_for(request_of(asyncio.Event()), work())

    asyncio.run(main())
    assert done == ["done"]


def test_errors_are_those_of_the_work():
    async def main():
        async def work():
            raise RequestError(422, "no image")

        await while_waited_for(request_of(asyncio.Event()), work())

    with pytest.raises(RequestError, match="no image"):
        asyncio.run(main())
