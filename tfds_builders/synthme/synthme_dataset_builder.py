"""Renders SynthME and stores it: one example a clip, one split `clips`, a config for each tier and for the composite.

The same version, tier and clip give the same script on every machine, and the same pixels on the same backend with the same
version of jax and number of devices; `mer_jax.synthetic.crowd` draws them.
"""

from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from mer_jax.progress_bar import ProgressBar
from mer_jax.synthetic.expressions import CLASSES3
from mer_jax.synthetic.stream import record, renderings
from mer_jax.synthetic.tiers import COMPOSITES, TIERS, Tier

VERSION = "1.0.0"


class Config(tfds.core.BuilderConfig):
    """A tier of `synthetic.tiers.TIERS`, or several that make a composite."""

    def __init__(self, name: str, tiers: tuple[Tier, ...]):
        does = "; ".join(f"{tier.subjects} people, {tier.clips} clips each, {tier.size}x{tier.size} pixels" for tier in tiers)
        super().__init__(name=name, version=tfds.core.Version(VERSION), description=does)
        self.tiers = tiers


class Builder(tfds.core.GeneratorBasedBuilder):
    """SynthME, rendered when it is first asked for; nothing is downloaded."""

    VERSION = tfds.core.Version(VERSION)
    RELEASE_NOTES = {
        "1.0.0": "Glasses, hair lines, gaze, macro-expressions as distractors; tiers like SAMM and SMIC, and the composite; no "
                 "two tiers share a person, and there are others under NAME_fresh and in easy_crowd. Motion is traced back to "
                 "the face at rest, one look-up a frame. Pixels stay as they are from here on.",
        "0.3.1": "Each clip's pixel_flow beside the true_flow: with the head's motion; a tier full_size. Pixels as in 0.3.0.",
        "0.3.0": "Every draw has a key of its own: in 0.2.0 the head's place went with the motion's strength.",
        "0.2.0": "The resting expression and the pose of the head differ from sitting to sitting and clip to clip, so that no "
                 "single frame of a stranger tells the class; landmarks are those of the onset frame.",
        "0.1.0": "First version: tiers easy and casme2_like. Pixels may change before 1.0.0.",
    }
    BUILDER_CONFIGS = [*(Config(name, (tier,)) for name, tier in TIERS.items()),
                       *(Config(name, tuple(TIERS[part] for part in parts)) for name, parts in COMPOSITES.items())]

    def _info(self) -> tfds.core.DatasetInfo:
        tiers, features = self.builder_config.tiers, tfds.features
        size, five = tiers[0].size, len(tiers) == 1 and tiers[0].label == "label5"
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
                **({"label5": features.ClassLabel(names=list(tiers[0].classes))} if five else {}),
                "skin": np.float32,
            }),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager):
        return {"clips": self._generate_examples()}

    def _generate_examples(self) -> Iterator[tuple[int, dict]]:
        tiers = self.builder_config.tiers
        with ProgressBar(sum(tier.subjects * tier.clips for tier in tiers), f"SynthME {self.builder_config.name}") as bar:
            clips = ((tier, *clip) for tier in tiers
                     for clip in renderings(tier, range(tier.first, tier.first + tier.subjects), range(tier.clips)))
            for number, clip in enumerate(clips):
                made = record(*clip)
                yield number, {key: made[key] for key in self.info.features}
                bar.advance()
