"""Pages from templates: escaped, in the common style, and complete."""

import base64
import io
from pathlib import Path

import jinja2
import numpy as np
import pytest
from PIL import Image

from feedbackward.viz.pages import inline, render_page


def test_a_template_of_another_folder_has_the_common_style(tmp_path: Path) -> None:
    template = tmp_path / "mine.html.jinja"
    template.write_text('<style>{% include "page.css" %}</style>{{ text }}')
    page = render_page(template, text="<b>")
    assert "--accent" in page
    assert page.endswith("&lt;b&gt;")
    with pytest.raises(jinja2.UndefinedError, match="'text' is undefined"):
        render_page(template)


def test_a_png_keeps_its_colors() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    start, _, data = inline(picture, "png").partition(",")
    assert start == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))), picture)
