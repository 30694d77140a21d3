"""Faces: where they are, and clips cut out around them.

    clips = mer_jax.faces.aligned(clips, size=112)                             # from the landmarks that the data have
    clips = clips.replace(landmarks=mer_jax.faces.located(clips, "face_landmarker.task"))          # or first from a model
"""

from mer_jax.faces.aligned_clips import aligned
from mer_jax.faces.landmarker import located

__all__ = ["aligned", "located"]
