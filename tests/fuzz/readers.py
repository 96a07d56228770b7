"""Each reader of files from outside with a valid data set, of which one file is to be changed at random.

Whatever the bytes are, a reader returns something or raises an InputError of one line.
"""

import io
import itertools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from feedbackward.classes import ClassTable
from feedbackward.data.class_file import read_class_file
from feedbackward.errors import InputError
from feedbackward.exporting.metadata import TRIAL_SIZES, Metadata
from feedbackward.importing import recognize
from feedbackward.preprocessing import Preprocessing

HEIGHT, WIDTH = 4, 5


@dataclass(frozen=True)
class Reader:
    """A reader and what it reads.

    Args:
        read: Reads a folder, and raises an InputError if something is wrong with it.
        changed: The file that is changed, relative to the folder.
        files: Its valid content, and that of the other files.
    """

    read: Callable[[Path], object]
    changed: str
    files: Mapping[str, bytes] = field(repr=False)

    def create(self, folder: Path) -> None:
        """Write the valid files."""
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)

    def try_bytes(self, folder: Path, content: bytes) -> bool:
        """Read the folder with other content of the file; returns whether it was accepted.

        Raises:
            AssertionError: If the error has several lines.
            Exception: Any other of the reader.
        """
        path = folder / self.changed
        path.write_bytes(content)
        moment = next(_MOMENTS)  # a reader may remember files by the time of their last change
        os.utime(path, ns=(moment, moment))
        try:
            self.read(folder)
        except InputError as error:
            message = str(error)
        else:
            return True
        assert "\n" not in message, message
        return False


_MOMENTS = itertools.count(1, 1_000_000_000)


def _draw_all(root: Path) -> None:
    """Find the samples of a folder, and draw their masks."""
    for sample in recognize(root).samples:
        if not isinstance(sample.mask, Path):
            mask = sample.mask.draw(HEIGHT, WIDTH)
            assert mask.shape == (HEIGHT, WIDTH)


def _png(mode: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (WIDTH, HEIGHT)).save(file, "PNG")
    return file.getvalue()


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def _metadata() -> bytes:
    table = ClassTable(("road", "sky"), ((128, 64, 128), (70, 130, 180)))
    config = {"classes": 2, "preprocessing": Preprocessing.identity("RGB").to_dict()}
    whole = Metadata(config, table, 3, "logits", None, 32, TRIAL_SIZES)
    return whole.to_json().encode()


def _read_metadata(folder: Path) -> None:
    try:
        text = (folder / "metadata.json").read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # runtimes return text
    again = Metadata.from_json(text, path="network.onnx").to_json()
    assert Metadata.from_json(again, path="network.onnx").to_json() == again


CLASSES_YAML = b"""masks: indices
ignore: [255, 254]
classes:
  - road
  - {name: car, value: 7, color: [0, 0, 142]}
  - &one {name: person, value: [24, 25]}
"""
COLORS_YAML = b"""masks: colors
ignore: [0, 0, 0]
classes:
  - {name: car, color: [0, 0, 142]}
  - {name: person, color: [[220, 20, 60], [255, 0, 0]]}
"""
SOFT_JSON = _json({"masks": "indices", "threshold": 128, "classes": ["off", {"name": "on", "color": [1, 2, 3]}]})
LAYERS_YAML = b"masks: layers\nignore: 9\nclasses: [road, {name: crack, color: [9, 9, 9]}]\n"

COCO = _json(
    {
        "images": [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog", "supercategory": "animal"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 3,
                "segmentation": [[1, 1, 4, 1, 4, 3.5, 1, 3]],
                "bbox": [1, 1, 3, 2],
            },
            {"id": 2, "image_id": 1, "category_id": 7, "segmentation": {"size": [4, 5], "counts": [3, 5, 12]}},
            {"id": 3, "image_id": 1, "category_id": 7, "iscrowd": 1, "segmentation": {"size": [4, 5], "counts": "35<"}},
        ],
    }
)
LABELME = _json(
    {
        "version": "5.4.1",
        "shapes": [
            {"label": "road", "points": [[0, 0], [4.5, 0], [4, 3]], "shape_type": "polygon", "group_id": None},
            {"label": "dot", "points": [[2, 2]], "shape_type": "point"},
            {"label": "disk", "points": [[2, 2], [3, 3]], "shape_type": "circle"},
            {"label": "box", "points": [[0, 0], [2, 2]], "shape_type": "rectangle"},
            {"label": "__ignore__", "points": [[0, 1], [3, 3]], "shape_type": "linestrip"},
        ],
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }
)
CVAT = b"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><labels><label><name>road</name></label><label><name>car</name></label>
</labels></task></meta>
<image id="0" name="a.png" width="5" height="4" subset="train">
<polygon label="road" points="0.0,0.0;4.5,0;4,3" z_order="1"></polygon>
<box label="car" xtl="1" ytl="1" xbr="3" ybr="3" rotation="30" z_order="0"></box>
<ellipse label="car" cx="2" cy="2" rx="1.5" ry="1" rotation="10"></ellipse>
<mask label="road" rle="1, 3" left="1" top="1" width="2" height="2"></mask>
<tag label="road"></tag>
</image></annotations>
"""
YOLO_YAML = b"path: .\ntrain: images/train\nval: images/val\nnames:\n  0: road\n  1: car\n"
YOLO_LINES = b"0 0.1 0.1 0.9 0.1 0.5 0.8\n1 0 0 1 0 1 1 0 1\n"


# As label-studio-converter writes a brush.
BRUSH = [0, 0, 0, 80, 57, 27, 254, 23, 0, 183, 255, 108, 2, 60, 137, 192, 35, 100, 190, 0]


def _region(kind: str, **value: object) -> dict[str, object]:
    return {"type": kind, "original_height": HEIGHT, "original_width": WIDTH, "value": value}


LABEL_STUDIO = _json(
    [
        {
            "id": 7,
            "data": {"image": "/data/upload/1/0123abcd-a.png", "note": "text"},
            "annotations": [
                {
                    "result": [
                        _region(
                            "rectanglelabels", x=20, y=25, width=60, height=50, rotation=0, rectanglelabels=["cat"]
                        ),
                        _region("polygonlabels", points=[[40, 0], [100, 0], [100, 50]], polygonlabels=["dog"]),
                        _region("brushlabels", format="rle", rle=BRUSH, brushlabels=["cat"]),
                        {"type": "choices", "value": {"choices": ["good"]}},
                    ]
                }
            ],
        }
    ]
)


def _annotations(name: str, content: bytes) -> Reader:
    return Reader(_draw_all, name, {name: content, "a.png": _png("RGB")})


def _class_file(name: str, content: bytes) -> Reader:
    return Reader(lambda folder: read_class_file(folder / name), name, {name: content})


_YOLO = {"images/train/a.png": _png("RGB"), "images/val/b.png": _png("RGB"), "labels/train/a.txt": YOLO_LINES}
_VOC = {
    "JPEGImages/a.png": _png("RGB"),
    "JPEGImages/b.png": _png("RGB"),
    "SegmentationClass/a.png": _png("RGB"),
    "SegmentationClass/b.png": _png("RGB"),
    "ImageSets/Segmentation/train.txt": b"a\n",
    "ImageSets/Segmentation/val.txt": b"b\n",
    "labelmap.txt": b"# label:color_rgb:parts:actions\nroad:0,0,0::\ncar:128,0,0::\n",
}

READERS: dict[str, Reader] = {
    "class file of indices": _class_file("classes.yaml", CLASSES_YAML),
    "class file of colors": _class_file("classes.yaml", COLORS_YAML),
    "class file of soft edges": _class_file("classes.json", SOFT_JSON),
    "class file of layers": _class_file("classes.yaml", LAYERS_YAML),
    "metadata": Reader(_read_metadata, "metadata.json", {"metadata.json": _metadata()}),
    "coco": _annotations("coco.json", COCO),
    "labelme": _annotations("a.json", LABELME),
    "cvat": _annotations("annotations.xml", CVAT),
    "label studio": _annotations("export.json", LABEL_STUDIO),
    "yolo labels": Reader(_draw_all, "labels/train/a.txt", {"data.yaml": YOLO_YAML, **_YOLO}),
    "yolo yaml": Reader(_draw_all, "data.yaml", {"data.yaml": YOLO_YAML, **_YOLO}),
    "voc lists": Reader(_draw_all, "ImageSets/Segmentation/train.txt", _VOC),
    "voc classes": Reader(_draw_all, "labelmap.txt", _VOC),
}
