"""Self-contained HTML pages from templates, all in the style of page.css."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

from feedbackward.viz.pictures import Picture

VIEWER = Path(__file__).with_name("viewer")
"""The viewer of masks for pages in a browser: modules of JavaScript that know no server, their styles and the icon."""


def render_page(template: Path, **content: Any) -> str:
    """Render a template; text is escaped, and a name that it uses must be given.

    Args:
        template: Its file, which may include page.css.
        content: What it shows.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template.name).render(**content)


def duration(seconds: float) -> str:
    """A time as text.

    Example:
        >>> duration(59.6), duration(3700)
        ('1 min 0 s', '1 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def inline(picture: Picture, kind: str) -> str:
    """Encode a picture as a data: URL: photographs as JPEG; masks as PNG, which is smaller and keeps their colors."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, quality=85, optimize=True)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
