"""The routes of the API. Each one has a description in openapi.py."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from feedbackward.errors import nearest
from feedbackward.segmenters.outputs import OUTPUTS, OutputOptions
from feedbackward.serving import metrics, openapi
from feedbackward.serving.files import output_of, shown_confidence, shown_image, shown_mask
from feedbackward.serving.request_error import RequestError, explained
from feedbackward.serving.results import Stored
from feedbackward.serving.samples import TITLES, draw_sample
from feedbackward.serving.service import Service, is_video
from feedbackward.serving.sessions import session_of
from feedbackward.serving.uploads import check_upload, receive, upload_name
from feedbackward.serving.waiting import while_waited_for

LINES = "application/x-ndjson"
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".geojson": "application/geo+json",
}


async def models(request: Request) -> Response:
    """The networks, the samples and the limits."""
    service = _service(request)
    samples = [{"id": name, "title": title, "url": f"/api/samples/{name}"} for name, title in TITLES.items()]
    limits = {
        "bytes": service.limits.upload_bytes,
        "megapixels": service.limits.megapixels,
        "video_seconds": service.limits.video_seconds,
        "video_frames": service.limits.video_frames,
    }
    return JSONResponse({"models": service.describe_models(), "samples": samples, "limits": limits})


async def sample(request: Request) -> Response:
    """A sample."""
    return Response(
        await _service(request).in_thread(draw_sample, request.path_params["sample"]), media_type="image/jpeg"
    )


async def segment(request: Request) -> Response:
    """Segment an upload: as JSON, with progress as lines of JSON, or as a single file that is not kept."""
    service = _service(request)
    model = service.find_model(request.query_params.get("model"))
    check_upload(request, service.limits)
    kind, name = request.query_params.get("output"), upload_name(request)
    if kind is not None:
        _check_output(kind, name)
    options = _options(request)
    with ExitStack() as stack:
        stack.enter_context(service.admitted())
        stored = stack.enter_context(service.results.incoming(session_of(request), name))
        await receive(request, stored, service.results, service.limits)
        if kind is None and LINES in request.headers.get("accept", ""):
            return _Lines(service, stored, model, stack.pop_all())
        await while_waited_for(request, service.segment(stored, model, lambda *_: None))
        if kind is not None:
            task = _task(stored, request.query_params.get("task", "0"))
            return await _output(request, stored, task, kind, options)
        service.results.keep(stored)
        return JSONResponse(stored.description)


class _Lines(StreamingResponse):
    """Lines of JSON while an upload is segmented.

    Args:
        service: Segments it.
        stored: The upload.
        model: The id of a network.
        held: Closed at the end of the answer, also if the client goes away.
    """

    def __init__(self, service: Service, stored: Stored, model: str, held: ExitStack) -> None:
        super().__init__(self._lines(service, stored, model), media_type=LINES)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._held:
            await super().__call__(scope, receive, send)

    @staticmethod
    async def _lines(service: Service, stored: Stored, model: str) -> AsyncIterator[str]:
        queue, loop = asyncio.Queue[dict[str, Any] | None](), asyncio.get_running_loop()

        def put(line: dict[str, Any] | None) -> None:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(queue.put_nowait, line)

        def report(stage: str, progress: float) -> None:
            put({"stage": stage, "progress": progress})

        work = asyncio.create_task(service.segment(stored, model, report))
        work.add_done_callback(lambda _: put(None))
        try:
            while (line := await queue.get()) is not None:
                yield json.dumps(line) + "\n"
            await work
            service.results.keep(stored)
            yield json.dumps({"result": stored.description}) + "\n"
        except Exception as error:  # the status has been sent
            problem = explained(error)
            yield json.dumps({"error": str(problem), "status": problem.status}) + "\n"
        finally:
            work.cancel()


async def result(request: Request) -> Response:
    """A result again."""
    return JSONResponse(_stored(request).description)


async def remove(request: Request) -> Response:
    """Remove a result."""
    _service(request).results.remove(session_of(request), request.path_params["result"])
    return Response(status_code=204)


async def image(request: Request) -> Response:
    """The image as it is shown."""
    stored = _stored(request)
    _check_image(stored)
    return Response(await _service(request).in_thread(shown_image, stored), media_type="image/jpeg")


async def video(request: Request) -> Response:
    """The overlay of a video."""
    stored = _stored(request)
    if not stored.video.exists():
        raise RequestError(404, "this result is no video; see its description")
    return FileResponse(stored.video, media_type="video/mp4")


async def mask(request: Request) -> Response:
    """The class indices as they are shown."""
    stored, task = _stored_task(request)
    return Response(await _service(request).in_thread(shown_mask, stored, task), media_type="image/png")


async def confidence(request: Request) -> Response:
    """The confidence as it is shown."""
    stored, task = _stored_task(request)
    return Response(await _service(request).in_thread(shown_confidence, stored, task), media_type="image/png")


async def download(request: Request) -> Response:
    """An output of predict."""
    stored, task = _stored_task(request)
    return await _output(request, stored, task, request.path_params["kind"], _options(request))


async def explain(request: Request) -> Response:
    """Why a pixel has its class."""
    stored, query, service = _stored(request), request.query_params, _service(request)
    _check_image(stored)
    task = _task(stored, query.get("task", "0"))
    try:
        x, y = (int(query[name]) for name in ("x", "y"))
    except (KeyError, ValueError):
        raise RequestError(400, "give column and row of a pixel as whole numbers, such as x=320&y=200") from None
    with service.admitted():
        return JSONResponse(await service.explainer.pixel(stored, task, x, y))


async def health(_: Request) -> Response:
    """Whether the server answers."""
    return JSONResponse({"status": "ok", "version": version("feedbackward")})


async def count(request: Request) -> Response:
    """The counters, for Prometheus."""
    return Response(_service(request).metrics.text(), media_type=metrics.MEDIA_TYPE)


async def describe(_: Request) -> Response:
    """The description of the API."""
    return JSONResponse(openapi.DOCUMENT)


async def start(_: Request) -> Response:
    """Where to go from here, without the page."""
    return JSONResponse({"description": openapi.DOCUMENT["info"]["title"], "api": "/openapi.json"})


ROUTES = [
    Route("/", start),
    Route("/api/models", models),
    Route("/api/samples/{sample}", sample),
    Route("/api/segment", segment, methods=["POST"]),
    Route("/api/results/{result}", result),
    Route("/api/results/{result}", remove, methods=["DELETE"]),
    Route("/api/results/{result}/image", image),
    Route("/api/results/{result}/video", video),
    Route("/api/results/{result}/explain", explain),
    Route("/api/results/{result}/{task}/mask", mask),
    Route("/api/results/{result}/{task}/confidence", confidence),
    Route("/api/results/{result}/{task}/download/{kind}", download),
    Route("/openapi.json", describe),
    Route("/health", health),
    Route("/metrics", count),
]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _stored(request: Request) -> Stored:
    return _service(request).results.get(session_of(request), request.path_params["result"])


def _stored_task(request: Request) -> tuple[Stored, int]:
    stored = _stored(request)
    _check_image(stored)
    return stored, _task(stored, request.path_params["task"])


def _check_image(stored: Stored) -> None:
    if is_video(stored.name):
        raise RequestError(404, "this result is a video; see its description")


def _task(stored: Stored, task: str) -> int:
    """The index of a task, from its index or its name."""
    names: list[str] = [each["name"] for each in stored.description["tasks"]]
    indices = {str(index): index for index in range(len(names))} | {name: names.index(name) for name in names}
    if task in indices:
        return indices[task]
    known = ", ".join(filter(None, names)) or "0"
    raise RequestError(404, f"there is no task {task!r}; expected one of {known}")


def _check_output(kind: str, name: str) -> None:
    """Refuse an output of a request before its image is segmented; what depends on the classes is checked after it."""
    if is_video(name):
        raise RequestError(400, "output is for images; leave it out, and get the video of the result")
    if kind not in OUTPUTS:
        raise RequestError(404, f"there is no output {kind!r}; {nearest(kind, OUTPUTS)}")


async def _output(request: Request, stored: Stored, task: int, kind: str, options: OutputOptions) -> Response:
    output, content = await _service(request).in_thread(output_of, stored, task, kind, options)
    parts = [Path(stored.name).stem, stored.description["tasks"][task]["name"], output.name]
    name = "-".join(filter(None, parts)) + output.suffix
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
    media_type = MEDIA_TYPES.get(output.suffix, "application/octet-stream")
    return Response(content, media_type=media_type, headers=headers)


def _options(request: Request) -> OutputOptions:
    """The options of an output in a query.

    Raises:
        RequestError: 400 if they are not understood.
        InputError: If they are out of range.
    """
    query = request.query_params
    try:
        alpha = float(query.get("alpha", OutputOptions.alpha))
    except ValueError:
        raise RequestError(400, f"alpha is {query['alpha']!r}; expected an opacity from 0 to 1") from None
    legend = query.get("legend", "true")
    if legend not in ("true", "false"):
        raise RequestError(400, f"legend is {legend!r}; expected true or false")
    return OutputOptions(alpha=alpha, legend=legend == "true", background=query.get("background"))
