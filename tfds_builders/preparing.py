"""What becomes of a clip's frames before they are stored: nothing, faces cut out of them, or the motion from onset to apex."""

import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float32, UInt8
from PIL import Image

from mer_jax.data.resizing import Size, resized
from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.database import Database
from tfds_builders.gathering import Taken
from tfds_builders.licensed_copy.pictures import Picture
from tfds_builders.options import Options
from tfds_builders.own_landmarks import OwnLandmarks, is_table
from tfds_builders.records import Shown

FACE: Size = (112, 112)                                          # of the crops
MOVING: Size = (168, 144)                                        # that whole frames are brought to, to find their motion
SMALL = 0.05                                                     # of a picture's width: less is hardly a face that was filmed
AT_ONCE = 16                                                     # frames that are cut out by one call


class Prepared(NamedTuple):
    """Frames as they are stored, and features beside them."""

    shown: Shown
    features: dict[str, np.ndarray | str]


Finder = Callable[[Taken, Shown, Findings], Float32[np.ndarray, "68 2"] | None]
Preparation = Callable[[Taken, Shown, Findings], Prepared | None]


def preparation(options: Options, databases: Sequence[Database], taken: Sequence[Taken], findings: Findings) -> Preparation:
    """What a build with these options does with each clip; None of a clip that cannot be stored, which the findings say.

    taken: the clips. Raises UserMistake where the file of `options.faces` is no model and no table of landmarks.
    """
    find = finder(Path(options.faces), databases, taken, findings) if options.faces else None

    def prepared(one: Taken, shown: Shown, findings: Findings) -> Prepared | None:
        features: dict[str, np.ndarray | str] = {}
        if find:
            found = face(one, shown, find, options.size or FACE, findings)
            if found is None:
                return None
            shown, features = found
        if options.store == "flow":
            return Prepared(shown, {"flow": motion(shown, None if find else options.size or MOVING), "flow_coding": "minmax8"})
        return Prepared(shown, features)
    return prepared


def finder(file: Path, databases: Sequence[Database], taken: Sequence[Taken], findings: Findings) -> Finder:
    """What gives a clip's landmarks, of its onset frame: a table of one's own, or a landmarker's model, which is asked about
    the next frame where it finds no face in one. Rows of a table that are of no clip are said."""
    if not is_table(file):
        from mer_jax.faces.landmarker import opened

        return functools.partial(found_by_model, opened(file))
    own = OwnLandmarks(file, databases)
    if rows := own.unused([(one.database, one.clip.annotation) for one in taken]):
        more = f" and {len(rows) - 1} more" if rows[1:] else ""
        findings.problem(own.table.place(rows[0]) + more, "landmarks of no clip that is built: not used")

    def found(one: Taken, shown: Shown, findings: Findings) -> Float32[np.ndarray, "68 2"] | None:
        points = own.of(one.database, one.clip.annotation)
        if points is None:
            key = "/".join(one.clip.annotation.key)
            findings.problem(one.clip.place, f"{own.file} has no row of {key}: the clip is left out")
        return points
    return found


def found_by_model(find: Callable, one: Taken, shown: Shown, findings: Findings) -> Float32[np.ndarray, "68 2"] | None:
    for number, picture in shown.pictures.items():
        points = find(decoded(picture))
        if np.isfinite(points).all():
            if number != one.clip.marks[0]:
                findings.repair(one.clip.place, f"no face was found in its onset: that of frame {number} used")
            return points
    findings.problem(one.clip.place, "no face was found: the clip is left out")
    return None


def face(one: Taken, shown: Shown, find: Finder, size: Size, findings: Findings) -> Prepared | None:
    """A clip's frames with the face alone, by one transform, see `faces.aligned`, and its landmarks there."""
    from mer_jax.faces.alignment import clip_transforms, moved
    from mer_jax.faces.landmarks import check_landmarks, eye_centres

    points, (_, height, width) = find(one, shown, findings), shown.extent
    if points is None:
        return None
    try:
        check_landmarks(points, height, width, one.clip.place)
    except UserMistake as mistake:
        findings.problem(one.clip.place, f"{str(mistake).removeprefix(one.clip.place).lstrip(': ')}: the clip is left out")
        return None
    left, right = np.asarray(eye_centres(points))
    if (apart := np.linalg.norm(right - left)) < SMALL * width:
        findings.problem(one.clip.place, f"its eyes are {apart:.0f} pixels apart in a picture of {width}: landmarks of another "
                                         "size of pictures?")
    transform = clip_transforms(points, size[0])
    frames = np.stack([decoded(picture) for picture in shown.pictures.values()])
    crops = cut_out(frames, transform, size[0])
    pictures = dict(zip(shown.pictures, map(encoded, crops), strict=True))
    return Prepared(shown._replace(pictures=pictures), {"landmarks": np.asarray(moved(points, transform), np.float32)})


def cut_out(frames: UInt8[np.ndarray, "time height width channels"], transform: Float32[Array, "2 3"],
            size: int) -> UInt8[np.ndarray, "time size size channels"]:
    """The crops, AT_ONCE a call: one program for clips of every length."""
    from mer_jax.faces.aligned_clips import cropped
    from mer_jax.faces.alignment import look_ups

    calls = -(-len(frames) // AT_ONCE)
    filled = np.resize(frames, (calls, AT_ONCE, *frames.shape[1:]))
    fine = look_ups(transform)
    return np.concatenate([np.asarray(cropped(part, transform, size, fine)) for part in filled])[: len(frames)]


def motion(shown: Shown, size: Size | None) -> UInt8[np.ndarray, "28 28 3"]:
    """The flow between a clip's two frames as the picture that networks read. size: what they are brought to first."""
    from mer_jax.motion.flow_picture import field_between, picture_of

    frames = [decoded(picture) for picture in shown.pictures.values()]
    first, second = (frame if size is None else resized(frame, size) for frame in frames)
    return np.asarray(picture_of(field_between(first[None], second[None])[0]))


def decoded(picture: Picture) -> UInt8[np.ndarray, "height width channels"]:
    with Image.open(io.BytesIO(picture.content)) as image:
        return np.asarray(image).reshape(picture.height, picture.width, -1)


def encoded(frame: UInt8[np.ndarray, "height width channels"]) -> Picture:
    """A frame as a PNG, which loses nothing."""
    Image.fromarray(frame if frame.shape[2] == 3 else frame[..., 0]).save(made := io.BytesIO(), "PNG")
    return Picture(made.getvalue(), *frame.shape[:2], frame.shape[2] == 3)
