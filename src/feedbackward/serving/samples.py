"""Images to try a network on. They are drawn here, so that the package contains no photographs."""

from functools import cache
from io import BytesIO

from PIL import Image

from feedbackward.serving.request_error import RequestError
from feedbackward.streets.scene import draw_scene

TITLES = {"street-1": "People", "street-2": "Cyclists", "street-3": "Evening"}
SEEDS = {"street-1": 3, "street-2": 11, "street-3": 27}
SIZE = (256, 512)
"""Height and width: as `feedbackward demo` predicts them."""


@cache
def draw_sample(sample: str) -> bytes:
    """A sample as JPEG.

    Raises:
        RequestError: 404 if there is none of that name.
    """
    if sample not in TITLES:
        raise RequestError(404, f"there is no sample {sample!r}; expected one of {', '.join(TITLES)}")
    file = BytesIO()
    Image.fromarray(draw_scene(SEEDS[sample], SIZE).image).save(file, "JPEG", quality=90)
    return file.getvalue()
