"""Draws CamVid frames for docs/results.md: image, truth, prediction of a trained network, errors.

python docs/make_pictures.py MODEL CAMVID NAME NAME ...    # into docs/images/camvid_NAME.jpg
"""

from argparse import ArgumentParser
from pathlib import Path

from PIL import Image

from feedbackward.data import CAMVID, CamVidData
from feedbackward.loading import load
from feedbackward.viz import pictures

WIDTH = 1100


def main() -> None:
    """Draw the frames named on the command line."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("root", type=Path)
    parser.add_argument("names", nargs="+")
    arguments = parser.parse_args()
    predictor = load(arguments.model, probabilities=False)
    for item in CamVidData(root=arguments.root).dataset("val"):
        if item["name"] in arguments.names:
            image = (item["image"] * 255).round().byte().permute(1, 2, 0).numpy()
            mask, prediction = item["mask"].numpy(), predictor.predict(image)
            masks = [pictures.paint(each, CAMVID) for each in (mask, prediction)]
            panels = [image, *masks, pictures.errors(prediction, mask, CAMVID)]
            row = pictures.side_by_side(panels, ["image", "truth", "prediction", "errors"])
            picture = Image.fromarray(pictures.with_legend(row, CAMVID, pictures.present(CAMVID, mask, prediction)))
            picture = picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.Resampling.LANCZOS)
            picture.save(Path(__file__).parent / "images" / f"camvid_{item['name']}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
