"""Counters of a server in the text format of Prometheus, which is short enough to be written here."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from threading import Lock

SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Counts values up to each of some bounds.

    Args:
        bounds: The bounds, ascending.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: str) -> Iterator[str]:
        """The lines of the text format; labels are those of `_labels`."""
        total = 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{labels},le="{bound}"}} {total}'
        yield f"{name}_sum{{{labels}}} {self._sum:.6g}"
        yield f"{name}_count{{{labels}}} {total}"


class Metrics:
    """What a server counts. Its methods may be called from any thread.

    Args:
        waiting: The number of images that wait, by model.
        stored: The bytes of uploads and results.
    """

    def __init__(self, waiting: Callable[[], dict[str, int]], stored: Callable[[], int]) -> None:
        self._waiting, self._stored = waiting, stored
        self._lock = Lock()
        self._requests = Counter[tuple[str, str, int]]()
        self._seconds = defaultdict[str, Histogram](lambda: Histogram(SECONDS))
        self._batches = defaultdict[str, Histogram](lambda: Histogram(BATCHES))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is a path of the API with its parameters unfilled."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds[route].observe(seconds)

    def batch(self, model: str, images: int) -> None:
        """Count a batch."""
        with self._lock:
            self._batches[model].observe(images)

    def text(self) -> str:
        """All counters."""
        with self._lock:
            return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield from _head("feedbackward_requests_total", "counter", "Requests by route and status.")
        for (method, route, status), count in sorted(self._requests.items()):
            labels = _labels(method=method, route=route, status=str(status))
            yield f"feedbackward_requests_total{{{labels}}} {count}"
        yield from _head("feedbackward_request_seconds", "histogram", "Seconds until the end of the answer.")
        for route, seconds in sorted(self._seconds.items()):
            yield from seconds.lines("feedbackward_request_seconds", _labels(route=route))
        yield from _head("feedbackward_batch_images", "histogram", "Images of a batch; the sum is that of all.")
        for model, images in sorted(self._batches.items()):
            yield from images.lines("feedbackward_batch_images", _labels(model=model))
        yield from _head("feedbackward_waiting_images", "gauge", "Images that wait for a network.")
        for model, count in self._waiting().items():
            yield f"feedbackward_waiting_images{{{_labels(model=model)}}} {count}"
        yield from _head("feedbackward_stored_bytes", "gauge", "Bytes of uploads and results on the disk.")
        yield f"feedbackward_stored_bytes {self._stored()}"


def _head(name: str, kind: str, description: str) -> Iterator[str]:
    yield f"# HELP {name} {description}"
    yield f"# TYPE {name} {kind}"


def _labels(**labels: str) -> str:
    r"""Labels of the text format.

    Example:
        >>> print(_labels(model='a "b"'))
        model="a \"b\""
    """
    return ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items())
