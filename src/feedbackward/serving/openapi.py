"""The description of the API as data (OpenAPI 3.1). A test compares it with the routes and with their answers."""

from importlib.metadata import version
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _parameter(name: str, description: str, schema: Json, *, where: str = "query") -> Json:
    return {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}


def _answer(description: str, kind: str, schema: Json) -> Json:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _operation(name: str, summary: str, *parameters: Json, errors: str = "", **answers: Json) -> Json:
    """An operation; answers are named like ok, and errors are the statuses that it may have."""
    failures = {status: {"$ref": "#/components/responses/error"} for status in ["403", *errors.split()]}
    responses = {"204" if status == "no_content" else "200": answer for status, answer in answers.items()}
    return {"operationId": name, "summary": summary, "parameters": list(parameters), "responses": responses | failures}


STRING: Json = {"type": "string"}
INTEGER: Json = {"type": "integer", "minimum": 0}
SIGNED: Json = {"type": "integer"}
NUMBER: Json = {"type": "number", "minimum": 0}
SHARE: Json = {"type": "number", "minimum": 0, "maximum": 1}
BINARY: Json = {"type": "string", "format": "binary"}
URL: Json = {"type": "string", "format": "uri-reference"}
NULLABLE_URL: Json = {"type": ["string", "null"], "format": "uri-reference"}
NULLABLE_INDEX: Json = {"type": ["integer", "null"], "minimum": 0}

RESULT = _parameter("result", "The id of a result of this session.", STRING, where="path")
TASK = _parameter("task", "The index or the name of a task.", STRING, where="path")
SHOWN = "at most 4096 pixels a side"
OUTPUT_OPTIONS = [
    _parameter("alpha", "The opacity of the colors of overlays (0.5).", SHARE),
    _parameter("legend", "Whether overlays and contours have a legend (true).", {"type": "boolean"}),
    _parameter("background", "The class that is left unpainted and has no polygons; none for no class.", STRING),
]
CLASS = {"index": INTEGER, "name": STRING, "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"}}
SPECIAL = {"ignore_index": SIGNED, "background": NULLABLE_INDEX}

SCHEMAS: Json = {
    "Error": _object(error=STRING),
    "Class": _object(**CLASS),
    "Task": _object(name=STRING, classes=_array(_ref("Class")), **SPECIAL),
    "Model": _object(
        id=STRING,
        title=STRING,
        kind={"enum": ["network", "adapter", "adapters"]},
        tasks={"type": ["array", "null"], "items": _ref("Task"), "description": "null until the model is loaded"},
    ),
    "Models": _object(
        models=_array(_ref("Model")),
        samples=_array(_object(id=STRING, title=STRING, url=URL)),
        limits=_object(bytes=INTEGER, megapixels=NUMBER, video_seconds=NUMBER, video_frames=INTEGER),
    ),
    "ImageTask": _object(
        name=STRING,
        classes=_array(_object(**CLASS, pixels=INTEGER, share=SHARE)),
        **SPECIAL,
        mask=URL,
        confidence=NULLABLE_URL,
        downloads={"type": "object", "additionalProperties": URL},
    ),
    "ImageResult": _object(
        id=STRING,
        kind={"const": "image"},
        model=STRING,
        name=STRING,
        width=INTEGER,
        height=INTEGER,
        batch={**INTEGER, "description": "the images that were segmented together with this one, itself included"},
        seconds=_object(decode=NUMBER, network=NUMBER, total=NUMBER),
        shown=_object(width=INTEGER, height=INTEGER),
        image=URL,
        tasks=_array(_ref("ImageTask")),
    ),
    "VideoResult": _object(
        id=STRING,
        kind={"const": "video"},
        model=STRING,
        name=STRING,
        width=INTEGER,
        height=INTEGER,
        frames=INTEGER,
        seconds=_object(network=NUMBER, total=NUMBER),
        tasks=_array(_ref("Task")),
        video=URL,
        downloads={"type": "object", "additionalProperties": URL},
    ),
    "Result": {"oneOf": [_ref("ImageResult"), _ref("VideoResult")]},
    "PixelExplanation": _object(
        x=INTEGER,
        y=INTEGER,
        size=_object(height=INTEGER, width=INTEGER),
        **{"class": STRING},
        probabilities=_array(_object(name=STRING, probability=SHARE)),
        skips=_array(_object(path=STRING, stride=NULLABLE_INDEX, change=SHARE)),
        grad_cam=_object(feature=URL, signal=URL),
        depths=_array(_object(stride=INTEGER, feature=URL, signal=URL)),
    ),
    "Line": {
        "oneOf": [
            _object(stage={"enum": ["loading", "decoding", "waiting", "segmenting", "writing"]}, progress=SHARE),
            _object(result=_ref("Result")),
            _object(error=STRING, status=INTEGER),
        ]
    },
}

_SEGMENT = _operation(
    "segment",
    "Segment an image or a video.",
    _parameter("model", "The id of a model; the first one if left out.", STRING),
    _parameter("name", "The name of the file; its suffix tells a video.", STRING),
    _parameter("output", "Answer with this output of the image, and keep nothing: masks, overlays, ...", STRING),
    _parameter("task", "The task of the output (0).", STRING),
    *OUTPUT_OPTIONS,
    errors="400 404 408 413 415 422 500 503",
    ok={
        "description": "The result; or, if the request accepts application/x-ndjson, a line of JSON for each progress, "
        "and the result or the error in the last one; or the output.",
        "content": {
            "application/json": {"schema": _ref("Result")},
            "application/x-ndjson": {"schema": _ref("Line")},
            "image/png": {"schema": BINARY},
            "image/jpeg": {"schema": BINARY},
            "application/geo+json": {"schema": {"type": "object"}},
        },
    },
) | {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": BINARY}}}}

DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "Segmentation with feedbackward networks",
        "version": version("feedbackward"),
        "description": "Results belong to a session, a cookie that the first answer sets, and are removed after a "
        "while, when there are too many, and with the server.",
    },
    "paths": {
        "/": {
            "get": _operation("start", "Where to go from here; or the page.", ok=_answer("It.", "application/json", {}))
        },
        "/api/models": {
            "get": _operation(
                "models",
                "The models, images to try them on, and the limits of uploads.",
                ok=_answer("The models.", "application/json", _ref("Models")),
            )
        },
        "/api/samples/{sample}": {
            "get": _operation(
                "sample",
                "An image to try a model on.",
                _parameter("sample", "The id of a sample.", STRING, where="path"),
                errors="404",
                ok=_answer("The image.", "image/jpeg", BINARY),
            )
        },
        "/api/segment": {"post": _SEGMENT},
        "/api/results/{result}": {
            "get": _operation(
                "result", "A result again.", RESULT, errors="404", ok=_answer("It.", "application/json", _ref("Result"))
            ),
            "delete": _operation(
                "remove", "Remove a result.", RESULT, errors="404", no_content={"description": "It is removed."}
            ),
        },
        "/api/results/{result}/image": {
            "get": _operation(
                "image", f"The image, {SHOWN}.", RESULT, errors="404", ok=_answer("It.", "image/jpeg", BINARY)
            )
        },
        "/api/results/{result}/video": {
            "get": _operation(
                "video", "The overlay of a video.", RESULT, errors="404", ok=_answer("It.", "video/mp4", BINARY)
            )
        },
        "/api/results/{result}/explain": {
            "get": _operation(
                "explain",
                "Why a pixel has its class: probabilities, skip connections, Grad-CAM and signals.",
                RESULT,
                _parameter("task", "The index or the name of a task (0).", STRING),
                _parameter("x", "The column of the pixel in the image.", INTEGER) | {"required": True},
                _parameter("y", "Its row.", INTEGER) | {"required": True},
                errors="400 404 422 503",
                ok=_answer("It; pictures are data: URLs.", "application/json", _ref("PixelExplanation")),
            )
        },
        "/api/results/{result}/{task}/mask": {
            "get": _operation(
                "mask",
                f"The index of each pixel's class in gray, {SHOWN}.",
                RESULT,
                TASK,
                errors="404",
                ok=_answer("8 bits; 16 for more than 254 classes.", "image/png", BINARY),
            )
        },
        "/api/results/{result}/{task}/confidence": {
            "get": _operation(
                "confidence",
                f"The probability of each pixel's class in gray, {SHOWN}.",
                RESULT,
                TASK,
                errors="404",
                ok=_answer("255 times the probability.", "image/png", BINARY),
            )
        },
        "/api/results/{result}/{task}/download/{kind}": {
            "get": _operation(
                "download",
                "An output of `feedbackward predict`, at the size of the image.",
                RESULT,
                TASK,
                _parameter("kind", "The kind of output.", STRING, where="path"),
                *OUTPUT_OPTIONS,
                errors="400 404 422",
                ok=_answer("It.", "application/octet-stream", BINARY),
            )
        },
        "/openapi.json": {
            "get": _operation("describe", "This document.", ok=_answer("It.", "application/json", {"type": "object"}))
        },
        "/health": {
            "get": _operation(
                "health",
                "Whether the server answers.",
                ok=_answer("It does.", "application/json", _object(status={"const": "ok"}, version=STRING)),
            )
        },
        "/metrics": {
            "get": _operation(
                "count", "Counters in Prometheus' text format.", ok=_answer("They.", "text/plain", STRING)
            )
        },
    },
    "components": {
        "schemas": SCHEMAS,
        "responses": {
            "error": _answer(
                "What was found, what was expected and what to do, in one line.", "application/json", _ref("Error")
            )
        },
    },
}
