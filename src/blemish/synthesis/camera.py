"""A camera: optics, exposure, sensor, tone curve, compression.

Noise follows the photon transfer model of EMVA 1288: a shot part whose variance grows with the
signal, and a read part that does not.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blemish.damage.noise import Field, as_field, blur, choose, grain


@dataclass(frozen=True)
class Camera:
    """One camera, set up once for one image.

    Attributes:
        defocus: Deviation of the blur of lens and focus, px.
        motion: Kernel of the motion blur; None where the part stood still.
        resample: Factor by which the image was stored smaller and enlarged again; 1 for neither.
        level: Where the mean of the part is exposed to, as a part of full scale.
        gamma: Exponent of the tone curve.
        black: Black level, as a part of full scale.
        shot: Variance of the noise at full scale that grows with the signal.
        read: Deviation of the noise that does not.
        jpeg: Quality of the JPEG that the image went through; None for none.
        columns: Whether single columns of the sensor are dead or off.
    """

    defocus: float
    motion: Field | None
    resample: float
    level: float
    gamma: float
    black: float
    shot: float
    read: float
    jpeg: int | None
    columns: bool

    def see(self, scene: Field, gain: float) -> Field:
        """Return the noiseless signal of a scene, in grey levels 0 to 255, float32.

        Args:
            scene: Light from each pixel, shape ``(H, W)``.
            gain: Exposure; see :meth:`expose`.
        """
        light = blur(scene, self.defocus)
        if self.motion is not None:
            light = np.asarray(cv2.filter2D(light, -1, self.motion), dtype=np.float32)
        if self.resample < 1:
            small = cv2.resize(
                light, None, fx=self.resample, fy=self.resample, interpolation=cv2.INTER_AREA
            )
            light = np.asarray(
                cv2.resize(small, light.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32
            )
        signal = np.clip(light * np.float32(gain), 0, 1)
        if abs(self.gamma - 1) > 0.02:
            cv2.pow(signal, self.gamma, signal)
        return as_field((signal * np.float32(1 - self.black) + np.float32(self.black)) * 255)

    def expose(self, scene: Field, part: Field | None = None) -> float:
        """Return the gain that brings the mean of the part to the level chosen.

        Args:
            scene: Light from each pixel, shape ``(H, W)``.
            part: Share of the part in each pixel, same shape; None where it fills the image.
        """
        mean = float(scene.mean() if part is None else (scene * part).mean() / part.mean())
        above_black = max(self.level - self.black, 0.02) / (1 - self.black)
        return float(above_black ** (1 / self.gamma) / max(mean, 1e-3))

    def deviation(self, signal: Field) -> Field:
        """Return the standard deviation of the noise for a signal, both in grey levels."""
        variance = np.float32(self.shot / 255) * signal + np.float32(self.read**2)
        return (
            np.sqrt(variance) * np.float32(255)
            if self.shot > 0
            else np.full_like(signal, self.read * 255)
        )

    def capture(self, rng: np.random.Generator, signal: Field) -> NDArray[np.uint8]:
        """Return the stored image, uint8: noise, faulty columns, rounding, compression."""
        noisy = signal + self.deviation(signal) * grain(rng, (signal.shape[0], signal.shape[1]))
        if self.columns:
            _spoil_columns(rng, noisy)
        image = np.clip(noisy + np.float32(0.5), 0, 255).astype(np.uint8)
        if self.jpeg is None:
            return image
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])
        return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _spoil_columns(rng: np.random.Generator, noisy: Field) -> None:
    """Give the columns of a line camera their own gains, and kill one now and then; in place."""
    width = noisy.shape[1]
    noisy *= 1 + np.float32(rng.uniform(0, 0.02)) * rng.standard_normal(width, dtype=np.float32)
    for column in rng.integers(width, size=int(rng.integers(0, 3))):
        noisy[:, column] += np.float32(rng.choice([-1, 1]) * rng.uniform(2, 10))


def choose_camera(rng: np.random.Generator, unit: float) -> Camera:
    """Set up a camera.

    Args:
        rng: Chooses it.
        unit: Magnification of the drawing: a larger image of the same thing is also softer.
    """
    motion = None
    if rng.random() < 0.08:
        motion = _motion_kernel(rng.uniform(1.5, 6), float(rng.uniform(0, np.pi)))
    dark = rng.random()
    if dark < 0.15:
        level = rng.uniform(0.05, 0.22)
    else:
        level = (
            rng.uniform(0.65, 0.92) if dark > 0.92 else np.clip(rng.normal(0.46, 0.13), 0.15, 0.8)
        )
    return Camera(
        defocus=float(max(0.0, rng.normal(0.55, 0.35)) * max(unit, 0.7) ** 0.7),
        motion=motion,
        resample=float(rng.uniform(0.5, 0.95)) if rng.random() < 0.18 else 1.0,
        level=float(level),
        gamma=choose(rng, 0.6, 1.5) if rng.random() < 0.7 else 1.0,
        black=float(rng.uniform(0, 0.06)),
        shot=choose(rng, 0.00003, 0.0012),
        read=choose(rng, 0.0015, 0.015),
        jpeg=int(rng.integers(45, 96)) if rng.random() < 0.4 else None,
        columns=bool(rng.random() < 0.04),
    )


def _motion_kernel(length: float, angle: float) -> Field:
    """Return the track of a point that moves ``length`` px while the shutter is open."""
    radius = int(np.ceil(length / 2)) + 1
    kernel = np.zeros((2 * radius + 1, 2 * radius + 1), dtype=np.float32)
    for share in np.linspace(-0.5, 0.5, 33):
        x, y = radius + share * length * np.cos(angle), radius + share * length * np.sin(angle)
        kernel[round(float(y)), round(float(x))] += 1
    return as_field(kernel / kernel.sum())
