"""Draws docs/images/app.jpg and app_dark.jpg: the page with a synthetic street, in Chromium.

python docs/make_app_pictures.py ADDRESS, where `feedbackward app runs/demo/model` is running
"""

import io
import shutil
from argparse import ArgumentParser
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
SAMPLE = "Cyclists"
PLACE = (0.72, 0.3)
"""Where the pointer is, in parts of the picture's width and height."""


def main() -> None:
    """Draw both pictures."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("address", help="what `feedbackward app MODEL` prints, such as http://127.0.0.1:8000/")
    address = parser.parse_args().address
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 760})
        for _ in range(2):  # the first time the model is loaded
            page.goto(address)
            page.get_by_role("button", name=SAMPLE).click()
            page.get_by_role("heading", name=SAMPLE).wait_for(timeout=120_000)
        draw(page, "app.jpg")
        page.emulate_media(color_scheme="dark")
        page.get_by_role("radio", name="Confidence").check()
        draw(page, "app_dark.jpg")
        browser.close()


def draw(page: Page, name: str) -> None:
    """Write what the page shows, with the pointer on the picture."""
    canvas = page.locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.hover(position={"x": PLACE[0] * box["width"], "y": PLACE[1] * box["height"]})
    page.wait_for_timeout(500)  # transitions
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(IMAGES / name, quality=84, optimize=True)


if __name__ == "__main__":
    main()
