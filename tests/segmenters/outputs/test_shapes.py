"""Polygons in GeoJSON and COCO's format, read by Shapely and pycocotools."""

import json
from pathlib import PurePath

import numpy as np
import pytest
import shapely
from pycocotools.coco import COCO

from feedbackward.classes import ClassTable
from feedbackward.segmenters.outputs import OUTPUTS, OutputOptions
from feedbackward.segmenters.outputs.files import gather, plan
from feedbackward.segmenters.result import Result
from feedbackward.segmenters.sources import Item

TABLE = ClassTable(("background", "crack", "stain"), ((0, 0, 0), (200, 0, 0), (0, 200, 0)))


def random_result(seed, shape=(17, 23)):
    mask = np.random.default_rng(seed).choice([0, 1, 1, 2, 255], shape).astype(np.uint8)
    return Result(np.zeros((*shape, 3), np.uint8), mask, TABLE)


def run(results, kind, folder, **options):
    """Write the files of a run and gather them; None is an image that failed."""
    stems = [f"day/{index}" for index in range(len(results))]
    items = [Item(folder / "in" / f"{stem}.jpg", PurePath(f"{stem}.jpg"), stem) for stem in stems]
    jobs = plan(items, [OUTPUTS[kind]], folder)
    for job, result in zip(jobs, results, strict=True):
        if result is not None:
            job.write(result, [OUTPUTS[kind]], OutputOptions(**options))
    done = [job for job, result in zip(jobs, results, strict=True) if result is not None]
    gather(done, [OUTPUTS[kind]], TABLE, folder)


def test_geojson_contains_every_pixel(written):
    result = random_result(0)
    collection = json.load(written("polygons", result))
    assert collection["type"] == "FeatureCollection"
    y, x = np.mgrid[:17, :23] + 0.5
    filled = np.zeros((17, 23), int)
    for feature in collection["features"]:
        shape = shapely.from_geojson(json.dumps(feature["geometry"]))
        assert shape.exterior.is_ccw
        assert feature["properties"]["class"] == TABLE.names[feature["properties"]["index"]]
        assert feature["properties"]["area"] == shape.area
        assert all(ring[0] == ring[-1] for ring in feature["geometry"]["coordinates"])
        filled[shapely.contains_xy(shape, x, y)] += feature["properties"]["index"]
    np.testing.assert_array_equal(filled, np.where(result.mask == 255, 0, result.mask))


def test_geojson_has_the_options(written):
    result = random_result(1)
    every = json.load(written("polygons", result, background="none"))["features"]
    assert {feature["properties"]["class"] for feature in every} == {"background", "crack", "stain"}
    simple = json.load(written("polygons", result, background="none", tolerance=2))["features"]
    assert len(simple) == len(every)
    assert len(json.dumps(simple)) != len(json.dumps(every))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools' own
def test_coco_contains_every_pixel(tmp_path, capsys):
    results = [random_result(2), None, random_result(3, (30, 11)), random_result(4, (1, 1))]
    run(results, "coco", tmp_path)
    coco = COCO(tmp_path / "coco.json")
    capsys.readouterr()  # pycocotools prints what it does
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == [
        "day/0.jpg",
        "day/2.jpg",
        "day/3.jpg",
    ]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == list(TABLE.names)
    annotations = coco.loadAnns(coco.getAnnIds())
    assert len({annotation["id"] for annotation in annotations}) == len(annotations)
    assert {type(annotation["segmentation"]) for annotation in annotations} == {list, dict}  # dict: with holes
    for image_id, result in zip(coco.getImgIds(), filter(None, results), strict=True):
        filled = np.zeros(result.mask.shape, int)
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image_id)):
            inside = coco.annToMask(annotation)
            rows, columns = np.nonzero(inside)
            size = [columns.max() - columns.min() + 1, rows.max() - rows.min() + 1]
            assert annotation["bbox"] == [columns.min(), rows.min(), *size]
            assert annotation["area"] == inside.sum()
            filled += inside * (annotation["category_id"] - 1)
        np.testing.assert_array_equal(filled, np.where(result.mask == 255, 0, result.mask))


def test_shares_of_all_images(tmp_path):
    mask = np.array([[0, 1, 1, 255], [0, 1, 1, 1]], np.uint8)
    run([Result(mask[..., None], mask, TABLE), None, random_result(5)], "shares", tmp_path)
    csv = (tmp_path / "shares.csv").read_text(encoding="utf-8").splitlines()
    assert csv[:3] == ["image,class,area,share", "day/0.jpg,crack,5,0.625", "day/0.jpg,background,2,0.25"]
    assert csv[3].startswith("day/2.jpg,")
    first, second = json.loads((tmp_path / "shares.json").read_text())["images"]
    classes = {"crack": {"area": 5, "share": 0.625}, "background": {"area": 2, "share": 0.25}}
    assert first == {"image": "day/0.jpg", "height": 2, "width": 4, "classes": classes}
    assert second["image"] == "day/2.jpg"


@pytest.mark.parametrize(("kind", "key"), [("shares", "images"), ("coco", "annotations")])
def test_a_run_without_a_result(tmp_path, kind, key):
    run([None], kind, tmp_path)
    assert json.loads((tmp_path / f"{kind}.json").read_text())[key] == []
