"""Does AGMENet read motion? The main job again with clips in which there is none, or none in order.

Command:  python experiments/studies/agmenet_controls.py [--json] [--config.key=value ...]
Controls: `frozen`: every frame is the onset's, so only who it is remains; `shuffled`: each clip's frames in a random
          order, trained and tested so. UF1 at L0 and L2: .798 .598 in order, .255 .220 frozen, .431 .261 shuffled; about eight
          minutes on two CPU cores.
"""

import json
import sys
from pathlib import Path

import numpy as np
from called import called

import mer_jax
from mer_jax.backend import start_jax
from mer_jax.config_reading import read_config
from mer_jax.evaluation.run_folder import make_folds
from mer_jax.settings import settings_of

MAIN_JOB = Path(__file__).parents[1] / "agmenet_synthme.py"


def frozen(clips: mer_jax.Clips) -> mer_jax.Clips:
    """Every frame is the clip's onset, with its noise, so that nothing at all moves."""
    onset = np.asarray(clips.frames)[np.arange(len(clips)), clips.onset]
    return clips.replace(frames=np.broadcast_to(onset[:, None], clips.frames.shape).copy())


def shuffled(clips: mer_jax.Clips) -> mer_jax.Clips:
    """The frames of each clip in an order of its own."""
    rng, frames = np.random.default_rng(0), np.array(clips.frames)
    for row, length in enumerate(clips.length):
        frames[row, :length] = frames[row, rng.permutation(length)]
    return clips.replace(frames=frames)


def main() -> None:
    if "--help" in sys.argv:
        print(__doc__)
        return
    words = [word for word in sys.argv[1:] if word != "--json"]
    settings = settings_of(*read_config([f"--config={MAIN_JOB}", *words]))
    start_jax(settings.platform)                           # every core a device, as the command has it
    clips, found = mer_jax.load(settings.source, settings.classes, **dict(settings.data_options)), {}
    for name, change in (("in order", lambda clips: clips), ("frozen", frozen), ("shuffled", shuffled)):
        seen = change(clips)
        network = mer_jax.models.create(settings.network, len(clips.classes), settings.variant, settings.off,
                                        **dict(settings.network_options))
        table = mer_jax.benchmark(network, seen, make_folds(settings, seen), settings.recipe, seeds=settings.seeds,
                                  selection=settings.selection, light=settings.light, allow_leak=settings.allow_leak,
                                  allow_absent_class=settings.allow_absent_class)
        levels = mer_jax.score(table)["by_light"]
        found[name] = {level: {"uf1": part["uf1"], "interval": part["interval_subjects"]["uf1"]}
                       for level, part in levels.items()}
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for name, levels in found.items():
        for level, part in levels.items():
            print(f"{name:10} {level}  UF1 {part['uf1']:.3f} [{part['interval'][0]:.2f}, {part['interval'][1]:.2f}]")


if __name__ == "__main__":
    called("agmenet_controls", main, goes_on=False)
