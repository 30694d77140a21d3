"""Image files as they are on disk: their bytes, and whether a decoder gets to their end."""

import io
import warnings
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

MODES = {"L": False, "RGB": True}                                # 8-bit grey and RGB: what every decoder reads alike
INDEXED = ("P", "1")                                             # a decoder may read the indices for brightness


class Picture(NamedTuple):
    """One image file: its bytes, its size in pixels, and whether it has colours."""

    content: bytes
    height: int
    width: int
    color: bool


def read_picture(path: Path) -> Picture:
    """A file's bytes as they are. It is decoded to its end (of JPEG an eighth of the pixels), so that damage shows.

    Palette and black-and-white pictures alone become a PNG of the same pixels, since decoders differ on them.
    Raises ValueError, saying in words what is wrong with it.
    """
    try:
        content = path.read_bytes()
        if not content:
            raise ValueError("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content)) as image:
                (width, height), mode = image.size, image.mode
                image.draft(mode, (max(width // 8, 1), max(height // 8, 1)))
                image.load()
            if mode in INDEXED:
                mode = "L" if image.palette is None or is_grey(image) else "RGB"
                image.convert(mode).save(made := io.BytesIO(), "PNG")
                content = made.getvalue()
    except UnidentifiedImageError:
        raise ValueError("unreadable (no image of a known kind)") from None
    except Exception as error:  # on damaged bytes a decoder raises whatever it stumbles on
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ValueError(f"unreadable ({reason})") from None
    if mode not in MODES:
        raise ValueError(f"of the kind {mode}, wanted 8-bit grey or RGB")
    return Picture(content, height, width, MODES[mode])


def is_grey(image: Image.Image) -> bool:
    """Whether all colours of a palette are grey."""
    colours = image.getpalette("RGB") or []
    return colours[0::3] == colours[1::3] == colours[2::3]
