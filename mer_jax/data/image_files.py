"""Images and flow arrays from files below one folder: 8 bits a channel, whole, and of a kind that cannot be misread."""

import re
import warnings
from pathlib import Path, PureWindowsPath

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from mer_jax.mistakes import UserMistake

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
MODES = {"1": "black and white", "L": "8-bit grey", "LA": "grey with alpha", "P": "a palette image", "PA": "a palette "
         "image with alpha", "RGBA": "RGB with alpha", "CMYK": "CMYK", "I": "32-bit grey", "F": "float grey"}


def path_below(folder: Path, cell: str, place: str) -> Path:
    """`folder / cell`, refused where it names or leads, by a link too, to anything outside of `folder`.

    An absolute cell is taken where it names something in the folder.
    """
    named = PureWindowsPath(cell)
    try:
        path, root = folder / cell, folder.resolve()
        target = path.resolve()
        path.exists()
    except (OSError, ValueError, RuntimeError) as error:
        raise UserMistake(f"{place}: {cell!r} is no usable path ({error}); wanted one relative to {folder}") from None
    absolute = Path(cell).is_absolute()
    elsewhere = ".." in named.parts or named.drive or (named.root and not absolute)
    if elsewhere or not target.is_relative_to(root):
        link = "" if elsewhere or absolute else f", through a link to {target}"
        raise UserMistake(f"{place}: {cell!r} leads out of the folder {folder}{link}; wanted a path in it without '..', "
                          "or another folder to start from as root (--config.data.root=FOLDER)")
    return folder / target.relative_to(root) if absolute else path


def _kind(image: Image.Image) -> str:
    """What an opened image holds, in words: "8-bit RGB", "8-bit grey", or a kind that no reader takes."""
    raw = str([tile[3] for tile in image.tile])
    if "16" in image.mode or ";16" in raw or "65535" in raw:
        return "16-bit"
    if getattr(image, "n_frames", 1) > 1:
        return "several images in one file"
    if "transparency" in image.info and image.mode in ("L", "RGB"):
        return f"{image.mode} with alpha (a transparent colour)"
    return "8-bit RGB" if image.mode == "RGB" else MODES.get(image.mode, f"of mode {image.mode}")


def read_image(path: Path, place: str, kinds: tuple[str, ...] = ("8-bit RGB",)) -> UInt8[np.ndarray, "h w c"]:
    """One image file as (H, W, 3), or (H, W, 1) if "8-bit grey" is among `kinds` and the file is.

    Raises UserMistake, naming `place`, for a file that is missing, unreadable, truncated, too large or of another kind.
    """
    if not path.is_file():
        raise UserMistake(f"{place}: no file {str(path)!r}; wanted an image")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(path) as image:
                kind = _kind(image)
                pixels = np.asarray(image, np.uint8) if kind in kinds else None
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            raise UserMistake(f"{place}: {str(path)!r} has more than {Image.MAX_IMAGE_PIXELS} pixels; "
                              "wanted at most as many") from None
        except Exception as error:  # on damaged bytes a decoder raises whatever it stumbles on
            reason = str(error).replace(str(path), path.name)
            raise UserMistake(f"{place}: {str(path)!r} is unreadable ({reason}); wanted a whole image file") from None
    if pixels is None:
        raise UserMistake(f"{place}: {str(path)!r} is {kind}; wanted {' or '.join(kinds)}")
    return pixels if pixels.ndim == 3 else pixels[..., None]


def read_flow_array(path: Path, place: str) -> Float32[np.ndarray, "h w 3"]:
    """One .npy file of float flow (H, W, 3) in pixels: horizontal, vertical, optical strain. It never unpickles."""
    if not path.is_file():
        raise UserMistake(f"{place}: no file {str(path)!r}; wanted a .npy array")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except Exception as error:  # the header of a damaged file is parsed as Python and may fail as anything
            raise UserMistake(f"{place}: {str(path)!r} is unreadable ({error}); wanted a whole .npy array") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.ndim != 3 or array.shape[2] != 3:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "an archive of arrays"
        raise UserMistake(f"{place}: {str(path)!r} is {found}; wanted floats of shape (height, width, 3)")
    with np.errstate(over="ignore"):
        flow = np.array(array, np.float32)
    if not np.isfinite(flow).all() or not flow.size:
        raise UserMistake(f"{place}: {str(path)!r} is empty or holds nan or inf; wanted finite flow in pixels")
    return flow


def numbered_frames(folder: Path, cell: str, place: str) -> dict[int, Path]:
    """The image files of a folder, or of a pattern such as `s1/*.jpg`, by the last integer of their names, ascending.

    Raises UserMistake, naming `place`, where there are none, and for names without a number or with the same one.
    """
    path = path_below(folder, cell, place)
    try:
        pattern = str(path.relative_to(folder)) if re.search(r"[*?\[]", cell) else None
        files = path.iterdir() if path.is_dir() else folder.glob(pattern) if pattern else None
        images = None if files is None else sorted(
            f for f in files if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith("."))
    except (OSError, ValueError, NotImplementedError) as error:
        raise UserMistake(f"{place}: frames {cell!r} cannot be listed ({error}); wanted a folder or pattern") from None
    if not images:
        reason = "is no folder" if images is None else "holds no images" if path.is_dir() else "matches no images"
        raise UserMistake(f"{place}: frames {cell!r} {reason}; wanted a folder of images, "
                          "or a pattern such as 's1/*.jpg'")
    numbered: dict[int, Path] = {}
    for image in images:
        path_below(folder, str(image.relative_to(folder)), place)
        digits = re.findall(r"[0-9]+", image.stem)
        if not digits:
            raise UserMistake(f"{place}: frame {image.name!r} has no number in its name; wanted one, as in 'img12.jpg'")
        if int(digits[-1]) in numbered:
            raise UserMistake(f"{place}: frames {numbered[int(digits[-1])].name!r} and {image.name!r} have the same "
                              "number; wanted one image a number")
        numbered[int(digits[-1])] = image
    return dict(sorted(numbered.items()))
