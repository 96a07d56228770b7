"""Polygons of the connected regions in GeoJSON (RFC 7946), in pixel coordinates."""

from typing import IO, Any

from numpy.typing import NDArray

from feedbackward.segmenters.outputs.output import Output, OutputOptions
from feedbackward.segmenters.outputs.records import write_record
from feedbackward.segmenters.polygons import Polygon
from feedbackward.segmenters.result import Result


def _write(result: Result, options: OutputOptions, file: IO[bytes]) -> None:
    polygons = result.polygons(options.background, options.tolerance)
    write_record(file, {"type": "FeatureCollection", "features": [_feature(polygon) for polygon in polygons]})


def _feature(polygon: Polygon) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"class": polygon.name, "index": polygon.index, "area": polygon.area},
        "geometry": {"type": "Polygon", "coordinates": [_closed(ring) for ring in (polygon.exterior, *polygon.holes)]},
    }


def _closed(ring: NDArray[Any]) -> list[list[float]]:
    points: list[list[float]] = ring.tolist()
    return [*points, points[0]]


POLYGONS = Output(
    name="polygons",
    suffix=".geojson",
    content="a GeoJSON polygon for each connected region, with its `class`, `index` and `area` in pixels",
    write=_write,
)
