"""SynthME by its people's numbers, rendered as it is asked for: what the data set stores, or clips that never touch a disk.

    from mer_jax.synthetic.crowd import ONES_OWN
    from mer_jax.synthetic.stream import streamed

    clips = streamed("easy", range(ONES_OWN, ONES_OWN + 20))        # twenty people who are in no tier, 15 clips each
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np

from mer_jax.data.clips import Clips, clips_of
from mer_jax.mistakes import UserMistake, nearest
from mer_jax.progress_bar import ProgressBar
from mer_jax.synthetic.action_units import NUMBERS
from mer_jax.synthetic.crowd import painters
from mer_jax.synthetic.expressions import CLASSES3, label3_of
from mer_jax.synthetic.face import Face
from mer_jax.synthetic.scene import Clip
from mer_jax.synthetic.tiers import Tier, known_tier

LABELS = ("label3", "label5")


def renderings(tier: Tier, people: Iterable[int], numbers: Iterable[int]) -> Iterator[tuple[int, int, Face, Clip]]:
    """(person, number of the clip, looks, rendering), person by person, as numpy arrays; one clip a core at a time."""
    face_of, clip_of = painters(tier)
    numbers = tuple(numbers)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for person in people:
            face = face_of(person)

            def rendering(number: int, person: int = person, face: Face = face) -> Clip:
                return jax.device_get(clip_of(person, face, number))

            for number, rendered in zip(numbers, pool.map(rendering, numbers), strict=True):
                yield person, number, face, rendered


def record(tier: Tier, person: int, number: int, face: Face, rendered: Clip) -> dict:
    """What is kept of one rendering, as the data set has it."""
    act, name = rendered.act, tier.classes[int(rendered.act.label)]
    shown = act.units >= 0
    return {
        "frames": rendered.frames[: int(act.length)], "flow": rendered.small_flow,
        "true_flow": rendered.flow.astype(np.float32), "pixel_flow": rendered.pixel_flow.astype(np.float32),
        "landmarks": rendered.landmarks.astype(np.float32),
        "action_units": [NUMBERS[unit] for unit in act.units[shown]],
        "strengths": list(rendered.strength[shown].astype(np.float32)),
        "onset_index": int(act.onset), "apex_index": int(act.apex), "offset_index": int(act.offset), "fps": float(tier.rate),
        "dataset": f"synthme_{tier.name}", "subject": f"s{person:04d}", "clip": f"c{number:03d}",
        "label3": label3_of(name), "label5": name, "skin": float(face.skin)}


def streamed(tier: str | Tier, people: Iterable[int], numbers: Iterable[int] | None = None, label: str = "label3") -> Clips:
    """The clips of these people in memory, equal to those that the data set of the tier has of them.

    numbers: of each person's clips; as many as the tier has where None, and any more can be asked for. label: "label3", which
    leaves out what the composite does, or "label5", the tier's own classes. Raises UserMistake where there is no such tier or
    label, where somebody or a number is asked for twice, and where nothing is left.
    """
    tier = known_tier(tier) if isinstance(tier, str) else tier
    if label not in LABELS:
        raise UserMistake(f"label {label!r} is not known{nearest(label, LABELS)}; there are: {', '.join(LABELS)}")
    people, numbers = tuple(people), tuple(range(tier.clips) if numbers is None else numbers)
    for name, given in (("people", people), ("numbers", numbers)):
        if len(set(given)) < len(given):
            raise UserMistake(f"{name}: {max(given, key=given.count)} is asked for more than once; wanted each once")
    classes = CLASSES3 if label == "label3" else tier.classes
    kept = []
    with ProgressBar(len(people) * len(numbers), f"SynthME {tier.name}") as bar:
        for person, number, face, rendered in renderings(tier, people, numbers):
            made = record(tier, person, number, face, rendered)
            if label == "label5" or made["label3"] >= 0:
                kept.append({**made, "emotion": made["label5"] if label == "label5" else CLASSES3[made["label3"]]})
            bar.advance()
    if not kept:
        raise UserMistake(f"{len(people)} people with {len(numbers)} clips each: none is left with {label}, wanted some")
    longest = max(len(made["frames"]) for made in kept)
    frames = np.zeros((len(kept), longest, *kept[0]["frames"].shape[1:]), np.uint8)
    for row, made in zip(frames, kept, strict=True):
        row[: len(made["frames"])] = made["frames"]
    marks = {name: np.array([made[f"{name}_index"] for made in kept], np.int32) for name in ("onset", "apex", "offset")}
    stacked = {name: np.stack([made[name] for made in kept]) for name in ("flow", "true_flow", "pixel_flow", "landmarks")}
    return clips_of([(made["dataset"], made["subject"], made["clip"]) for made in kept], [made["emotion"] for made in kept],
                    tuple(classes), frames=frames, length=np.array([len(made["frames"]) for made in kept], np.int32),
                    fps=np.array([made["fps"] for made in kept], np.float32), flow_coding="minmax8", **marks, **stacked)
