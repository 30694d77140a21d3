"""The 68 points of a face in the order of iBUG 300-W (Sagonas et al., ICCV workshops 2013): what they are, and whether they
can be. In pixels (x, y), (0, 0) the middle of the first; left and right are those of the image, not of the person."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from mer_jax.mistakes import UserMistake

COUNT = 68
JAW, LEFT_BROW, RIGHT_BROW, NOSE = slice(0, 17), slice(17, 22), slice(22, 27), slice(27, 36)
LEFT_EYE, RIGHT_EYE, MOUTH = slice(36, 42), slice(42, 48), slice(48, 68)
LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS, NOSE_TIP, MOUTH_CORNERS = (36, 39), (42, 45), 30, (48, 54)
LEAST_APART = 4.0                                             # pixels between the eyes

# Of each of the 68, the point of MediaPipe's Face Landmarker (478). Its points have no names, but the chains that they form
# are published (FaceLandmarksConnections: FACE_OVAL, RIGHT_EYEBROW, NOSE, RIGHT_EYE, LIPS ..., right being the person's). Of
# the chain of a part, those are taken that lie nearest to where the 68 have theirs on its canonical face: at equal steps
# from eye height to the chin on the oval and from the root to the tip of the nose, at thirds of the lids, at .4 and .7 from
# the corner of the mouth to its middle. The oval is not quite the 300-W's jaw: at the ears it lies further back.
FROM_MEDIAPIPE = np.array([
    127, 234, 93, 58, 172, 136, 149, 176, 152, 400, 378, 365, 397, 288, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 195, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87])


def eye_centres(landmarks: Float[Array | np.ndarray, "*n 68 2"]) -> Float[Array, "*n 2 2"]:
    """The left one and the right one: half-way between the corners of each, so that lids that close do not move them."""
    return jnp.stack([landmarks[..., list(pair), :].mean(-2) for pair in (LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS)], -2)


def anchors(landmarks: Float[Array | np.ndarray, "*n 68 2"]) -> Float[Array, "*n 5 2"]:
    """What a face is aligned by: both eye centres, the tip of the nose, both corners of the mouth, left before right."""
    return jnp.concatenate([eye_centres(landmarks), landmarks[..., [NOSE_TIP, *MOUTH_CORNERS], :]], -2)


def check_landmarks(landmarks: Float[np.ndarray, "*time 68 2"], height: int, width: int, where: str) -> None:
    """Raises UserMistake, beginning with `where`, unless the points can be those of a face in a picture of that size:
    finite, the eyes inside and apart, not in the order of a mirrored picture. The rest of a face may be cut off.

    Of points in many frames, some may be nan: the frames in which no face was found.
    """
    known = landmarks[np.isfinite(landmarks).all((-2, -1))]
    if not known.size or np.isinf(landmarks).any():
        raise UserMistake(f"{where}: {int((~np.isfinite(landmarks)).any(-1).sum())} of {landmarks[..., 0].size} landmarks are "
                          "not finite; wanted (x, y) in pixels, and a face in at least one frame")
    eyes = np.asarray(eye_centres(known)).reshape(-1, 2, 2)
    outside = ((eyes < -0.5) | (eyes > np.array([width, height]) - 0.5)).any(-1)
    if outside.any():
        x, y = eyes[outside][0]
        raise UserMistake(f"{where}: an eye at ({x:.1f}, {y:.1f}) lies outside of the picture of {width} x {height} pixels")
    across = eyes[:, 1] - eyes[:, 0]
    if (apart := np.linalg.norm(across, axis=-1)).min() < LEAST_APART:
        raise UserMistake(f"{where}: the eyes are {apart.min():.2f} pixels apart; wanted {LEAST_APART:g} or more, landmarks in "
                          "pixels and not in shares of the picture")
    down = known[..., NOSE_TIP, :].reshape(-1, 2) - eyes.mean(1)
    if (across[:, 0] * down[:, 1] < across[:, 1] * down[:, 0]).any():
        raise UserMistake(f"{where}: the landmarks run the wrong way round, as in a mirrored picture; wanted the order of iBUG "
                          "300-W, the eye at the image's left first")
