"""Renders SynthME and stores it: one example a clip, one split `clips`, a config for each tier.

The same version, tier and clip give the same script on every machine, and the same pixels on the same backend and jax
version. Keys: fold_in(key(SEED), subject) splits into the person's own, that of the clips and that of the sittings.
Each class of a person is one sitting, as if one film elicited it, and its clips share half of what is held: so a single
frame of a known person tells the class, of a stranger it does not. The size of that leak is chosen, not measured.
"""

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import tensorflow_datasets as tfds

from mer_jax.progress_bar import ProgressBar
from mer_jax.synthetic.act import RATE, draw_act, draw_label
from mer_jax.synthetic.action_units import NUMBERS
from mer_jax.synthetic.face import Face, draw_face
from mer_jax.synthetic.portrait import REACH
from mer_jax.synthetic.scene import TEXTURE_PER_PIXEL, VIEW, Clip, render
from mer_jax.synthetic.tiers import CLASSES3, CLASSES5, LABEL3_OF_5, TIERS, Tier

SEED = 20260300                                                 # of versions 0.3.x


class Config(tfds.core.BuilderConfig):
    """A tier of `synthetic.tiers.TIERS`."""

    def __init__(self, tier: Tier):
        does = f"{tier.subjects} people, {tier.clips} clips each, {tier.size}x{tier.size} pixels"
        super().__init__(name=tier.name, version=tfds.core.Version("0.3.1"), description=does)
        self.tier = tier


class Builder(tfds.core.GeneratorBasedBuilder):
    """SynthME, rendered when it is first asked for; nothing is downloaded."""

    VERSION = tfds.core.Version("0.3.1")
    RELEASE_NOTES = {
        "0.3.1": "Each clip's pixel_flow beside the true_flow: with the head's motion; a tier full_size. Pixels as in 0.3.0.",
        "0.3.0": "Every draw has a key of its own: in 0.2.0 the head's place went with the motion's strength.",
        "0.2.0": "The resting expression and the pose of the head differ from sitting to sitting and clip to clip, so that no "
                 "single frame of a stranger tells the class; landmarks are those of the onset frame.",
        "0.1.0": "First version: tiers easy and casme2_like. Pixels may change before 1.0.0.",
    }
    BUILDER_CONFIGS = [Config(tier) for tier in TIERS.values()]

    def _info(self) -> tfds.core.DatasetInfo:
        size, features = self.builder_config.tier.size, tfds.features
        return self.dataset_info_from_configs(
            features=features.FeaturesDict({
                "frames": features.Tensor(shape=(None, size, size, 3), dtype=np.uint8, encoding="zlib"),
                "flow": features.Tensor(shape=(28, 28, 3), dtype=np.uint8),
                "true_flow": features.Tensor(shape=(size, size, 2), dtype=np.float32),
                "pixel_flow": features.Tensor(shape=(size, size, 2), dtype=np.float32),
                "landmarks": features.Tensor(shape=(68, 2), dtype=np.float32),
                "action_units": features.Sequence(np.int32),
                "strengths": features.Sequence(features.Tensor(shape=(2,), dtype=np.float32)),
                "onset_index": np.int32, "apex_index": np.int32, "offset_index": np.int32, "fps": np.float32,
                "dataset": features.Text(), "subject": features.Text(), "clip": features.Text(),
                "label3": features.ClassLabel(names=list(CLASSES3)),
                "label5": features.ClassLabel(names=list(CLASSES5)),
                "skin": np.float32,
            }),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"clips": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict]]:
        tier = self.builder_config.tier
        for number, (subject, clip, face, rendered) in enumerate(clips_of(tier)):
            yield number, example(tier, subject, clip, face, rendered)


def painters(tier: Tier) -> tuple[Callable, Callable]:
    """(key -> Face, (keys of the habits, the clips and the sittings, face, number of the clip) -> Clip), compiled."""
    texture = round(TEXTURE_PER_PIXEL * tier.size * 2 * REACH / VIEW)

    @jax.jit
    def clip_of(keys, face, number):
        person, clips, sittings = keys
        label_key, act_key, render_key = jax.random.split(jax.random.fold_in(clips, number), 3)
        label = draw_label(label_key, person, tier, number)
        act = draw_act(act_key, jax.random.fold_in(sittings, label), tier, label, face)
        return render(render_key, face, act, tier.size)

    return jax.jit(functools.partial(draw_face, size=texture)), clip_of


def clips_of(tier: Tier) -> Iterator[tuple[int, int, Face, Clip]]:
    """(subject, clip, person, rendering) of a whole tier, person by person, as numpy arrays."""
    face_of, clip_of = painters(tier)
    with ThreadPoolExecutor(os.cpu_count()) as pool, ProgressBar(tier.subjects * tier.clips, f"SynthME {tier.name}") as bar:
        for subject in range(tier.subjects):
            looks, *keys = jax.random.split(jax.random.fold_in(jax.random.key(SEED), subject), 4)
            face = face_of(looks)
            rendered = pool.map(lambda clip, keys=keys, face=face: jax.device_get(clip_of(keys, face, clip)), range(tier.clips))
            for clip, rendering in enumerate(rendered):
                bar.advance()
                yield subject, clip, face, rendering


def example(tier: Tier, subject: int, clip: int, face: Face, rendered: Clip) -> dict:
    """The stored features of one rendering."""
    act, shown = rendered.act, rendered.act.units >= 0
    return {
        "frames": rendered.frames[: int(act.length)],
        "flow": rendered.small_flow,
        "true_flow": rendered.flow.astype(np.float32), "pixel_flow": rendered.pixel_flow.astype(np.float32),
        "landmarks": rendered.landmarks.astype(np.float32),
        "action_units": [NUMBERS[unit] for unit in act.units[shown]],
        "strengths": list(act.strength[shown].astype(np.float32) * tier.size / VIEW),
        "onset_index": int(act.onset), "apex_index": int(act.apex), "offset_index": int(act.offset), "fps": RATE,
        "dataset": "synthme", "subject": f"s{subject:02d}", "clip": f"c{clip:03d}",
        "label3": LABEL3_OF_5[int(act.label5)], "label5": int(act.label5), "skin": float(face.skin),
    }
