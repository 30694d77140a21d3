"""The real clips, where there are any: how many, whose, and of what."""

from collections import Counter

from mer_jax import load


def test_real_clips(real_clips_folder):
    clips = load(real_clips_folder / "clips.csv")
    assert len(clips) == 309 and len(clips.subjects) == 40 and clips.datasets == ("casme2", "smic")
    assert Counter(clips.classes[i] for i in clips.label) == {"negative": 158, "positive": 83, "surprise": 68}
    assert clips.flow.shape == (309, 28, 28, 3) and clips.flow_coding == "minmax8"
