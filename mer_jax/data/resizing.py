"""Frames of any size brought to one, and what is measured in their pixels with them."""

import re

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from mer_jax.mistakes import UserMistake

Size = tuple[int, int]                                            # height, width
LARGEST = 4096


def size_of(given: object, option: str) -> Size:
    """"112x112", or (112, 112), as (height, width). Raises UserMistake, naming the option, where it is no size."""
    text = "x".join(map(str, given)) if isinstance(given, tuple | list) else str(given)
    found = re.fullmatch(r"([0-9]{1,5})[x×]([0-9]{1,5})", text.strip())
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(4 <= side <= LARGEST for side in size):
        raise UserMistake(f"{option}={given!r}: wanted HEIGHTxWIDTH of 4 to {LARGEST} pixels each, such as 112x112")
    return size


def resized(frame: UInt8[np.ndarray, "h w c"], size: Size) -> UInt8[np.ndarray, "height width c"]:
    """A frame in another size: bilinear, and where it becomes smaller a mean over the triangle that a new pixel covers.

    Height and width are scaled by themselves: a size of other proportions than the frame's stretches the face.
    """
    if frame.shape[:2] == size:
        return frame
    picture = Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame)
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR)).reshape(*size, -1)


def scaled_points(points: Float[np.ndarray, "n 2"], before: Size, size: Size) -> Float[np.ndarray, "n 2"]:
    """Points (x, y), counted from the middle of the first pixel, in a frame that was brought from one size to another."""
    factor = np.array([size[1] / before[1], size[0] / before[0]])
    return ((points + 0.5) * factor - 0.5).astype(np.float32)


def scaled_field(field: Float[np.ndarray, "h w 2"], size: Size) -> Float[np.ndarray, "height width 2"]:
    """A motion in pixels (right, down) for frames of another size, in their pixels."""
    planes = [Image.fromarray(np.ascontiguousarray(field[..., axis], np.float32)).resize(size[::-1], Image.Resampling.BILINEAR)
              for axis in (0, 1)]
    factor = np.array([size[1] / field.shape[1], size[0] / field.shape[0]], np.float32)
    return np.stack([np.asarray(plane) for plane in planes], -1) * factor
