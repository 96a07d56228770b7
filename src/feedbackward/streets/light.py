"""Light and lens: time of day, sky, haze, exposure, blur and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from feedbackward.streets.canvas import Canvas
from feedbackward.streets.colors import RGB, dim
from feedbackward.streets.labels import SKY
from feedbackward.streets.textures import Array, noise, tinted


@dataclass(frozen=True)
class Hour:
    """The light at a time of day: colors of sky and light, hardness of shadows, brightness, fraction of lit windows."""

    zenith: RGB
    horizon: RGB
    tint: RGB
    hardness: float
    brightness: float
    lamps: float


_HOURS = (
    Hour((0.26, 0.46, 0.80), (0.70, 0.81, 0.92), (1.0, 0.99, 0.95), 0.9, 1.0, 0.02),  # clear
    Hour((0.64, 0.67, 0.71), (0.83, 0.85, 0.87), (0.94, 0.98, 1.0), 0.15, 0.92, 0.06),  # clouds
    Hour((0.52, 0.54, 0.70), (0.98, 0.84, 0.68), (1.08, 0.95, 0.80), 0.7, 0.85, 0.10),  # evening
    Hour((0.17, 0.21, 0.36), (0.50, 0.47, 0.53), (0.84, 0.89, 1.05), 0.0, 0.70, 0.35),  # dusk
)


@dataclass(frozen=True)
class Light:
    """The light of a scene, and the camera's response to it.

    Args:
        hour: The time of day.
        sun: Length in meters of the shadow of an object of one meter; to the right if positive.
        clouds: Strength of the clouds.
        haze: Fraction of the contrast lost per meter.
        gain: Exposure.
        gamma: Exponent of the tone curve.
        blur: Radius of the blur in picture widths.
        grain: Standard deviation of the noise.
    """

    hour: Hour
    sun: float
    clouds: float
    haze: float
    gain: float
    gamma: float
    blur: float
    grain: float

    @property
    def shadow(self) -> float:
        """The fraction of the light that reaches the shade."""
        return 1 - 0.55 * self.hour.hardness

    def on_wall(self, side: int) -> float:
        """The light on a wall to the left (-1) or right (1) of the street; the sun shines from the opposite side."""
        return 1 + 0.15 * self.hour.hardness if self.sun * side > 0 else 1 - 0.35 * self.hour.hardness


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a random light."""
    hour = _HOURS[rng.choice(len(_HOURS), p=(0.36, 0.32, 0.18, 0.14))]
    return Light(
        hour=hour,
        sun=int(rng.choice((-1, 1))) * rng.uniform(0.3, 1.6),
        clouds=rng.uniform(0.0, 0.16),
        haze=float(rng.choice((0.002, 0.004, 0.008, 0.016), p=(0.3, 0.35, 0.25, 0.1))),
        gain=rng.uniform(0.9, 1.3) * hour.brightness,
        gamma=rng.uniform(0.85, 1.15),
        blur=rng.uniform(0.0, 0.0016),
        grain=rng.uniform(0.003, 0.014) / hour.brightness,
    )


def paint_sky(canvas: Canvas, light: Light, *, offset: float) -> None:
    """Fill the sky down to the ground; objects at the horizon are drawn in front of it."""
    camera = canvas.camera
    end = min(camera.size[0], camera.ground_row)
    rows = np.arange(end, dtype=np.float32)[:, None]
    elevation = (camera.horizon_row - rows).clip(0) / camera.scale  # (end, 1)
    rise = np.clip(elevation * 2.2, 0, 1)
    sky = tinted(light.hour.horizon, 1 - rise) + tinted(light.hour.zenith, rise)
    reach = 1 / (elevation + 0.12)  # clouds lie in a plane, so they crowd toward the horizon
    clouds = noise(camera.slopes()[None] * reach * 0.6 + offset, reach * 0.6 + offset, roughness=1.5)
    sky = sky + light.clouds * np.clip(clouds + 0.2, -0.4, 1.6) * (1.05 - sky)
    window = (slice(0, end), slice(0, camera.size[1]))
    canvas.put(window, np.ones((end, camera.size[1]), np.bool_), sky, np.inf, SKY)


def develop(canvas: Canvas, light: Light, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture (h, w, 3) that the camera takes of the canvas, with haze, exposure, blur and noise."""
    height, width = canvas.camera.size
    clear = np.exp(-light.haze * canvas.depth)
    clear[np.isinf(canvas.depth)] = 1  # the sky already has its haze
    image = canvas.image * tinted(light.hour.tint, clear)
    image += tinted(dim(light.hour.horizon, 1 / light.hour.brightness), 1 - clear)
    away = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2 + np.linspace(-1, 1, width, dtype=np.float32) ** 2
    image *= light.gain * (1 - 0.10 * away)
    tones = [round(255 * (tone / 255) ** light.gamma) for tone in range(256)]
    sharp = Image.fromarray(np.ascontiguousarray(_to_bytes(image).transpose(1, 2, 0)))
    blurred = sharp.filter(ImageFilter.GaussianBlur(light.blur * width)).point(tones * 3)
    grain: Array = rng.standard_normal((height, width, 3), dtype=np.float32)
    return _to_bytes(np.asarray(blurred, np.float32) * np.float32(1 / 255) + np.float32(light.grain) * grain)


def _to_bytes(image: Array) -> NDArray[np.uint8]:
    return np.asarray(np.clip(image * 255 + 0.5, 0, 255), np.uint8)
