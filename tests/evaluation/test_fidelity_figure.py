"""One clip beside the means: what is shown is what was measured, and nobody's face is shown whose face is not free."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from mer_jax.evaluation.enhancers_compared import compare_enhancers
from mer_jax.evaluation.fidelity_examples import best_of, example_of, eye_factor
from mer_jax.evaluation.fidelity_figure import fidelity_figure, flow_colours, key_picture
from mer_jax.evaluation.motion_summary import CEILING, CLEAN
from mer_jax.light.camera import LEVELS, darken

LEVELS_SHOWN = ("L1", "L4")


@pytest.fixture(scope="module")
def alike(acting):
    """Four times the same rendered clip, so that every mean over clips is that of each."""
    one = np.zeros(4, int)
    same = acting.replace(datasets=("synthme",), ids=acting.ids[:1] * 4,
                          **{name: getattr(acting, name)[one] for name in ("frames", "true_flow", "pixel_flow", "landmarks")})
    found = compare_enhancers(same, LEVELS_SHOWN, ("gain", "compensated"))
    return same, found, example_of(same, found)


def test_what_is_shown_is_what_was_measured(alike):
    clips, found, example = alike
    names = ("none", "t5", example.best, CEILING)
    assert list(example.shown) == [(CLEAN, "L0"), *((name, level) for level in LEVELS_SHOWN for name in names)]
    for row in found["rows"]:
        if shown := example.shown.get((row["enhancer"], row["level"])):
            assert shown.error == pytest.approx(row["TV-L1"]["error"][0], rel=1e-4)
            apart = np.linalg.norm(shown.flow - example.reference, axis=-1)
            assert apart[example.moves].mean() == pytest.approx(shown.error, rel=1e-5)
    clean = np.asarray(clips.frames[0, 18:23], np.float32).mean(0) / 255                 # the window around the apex
    np.testing.assert_allclose(example.shown[CLEAN, "L0"].picture, clean, atol=1e-6)
    assert not (example.moves & ~example.face).any() and example.moves.any()


def test_the_best_has_the_least_error_over_all_levels_and_is_none_of_the_others_shown():
    def row(name, *errors):
        return [{"enhancer": name, "level": f"L{number}", "TV-L1": {"error": (error, None)}}
                for number, error in enumerate(errors)]

    shown_anyway = [line for name in (CLEAN, "none", "t5", CEILING) for line in row(name, 0.0, 0.0)]
    assert best_of({"rows": shown_anyway}) is None
    assert best_of({"rows": shown_anyway + row("gain", 0.1, 0.5) + row("nlm", 0.2, 0.3)}) == "nlm"


def test_frames_are_shown_of_rendered_clips_alone(alike, acting, found):
    for shown in alike[2].shown.values():
        assert shown.picture.shape == alike[0].frames.shape[2:]
    example = example_of(acting, found)                                # a true flow alone makes no face free
    assert all(shown.picture is None for shown in example.shown.values())
    named = acting.replace(datasets=("synthme",), true_flow=None, pixel_flow=None)              # nor does a name alone
    assert all(shown.picture is None for shown in example_of(named, found).shown.values())


@pytest.mark.parametrize("level", ["L1", "L4"])
def test_a_dark_frame_is_as_bright_to_the_eye_as_in_good_light(level):
    frame = jnp.full((1, 8, 8, 3), 0.6)
    silent = LEVELS[level]._replace(shot=0.0, read=0.0, row=0.0)
    dark = darken(frame, silent, jax.random.key(0))
    np.testing.assert_allclose(eye_factor(level) * dark, frame, atol=0.5 * eye_factor(level) / 255 + 0.01)


def test_a_colour_is_a_motion():
    motions = np.array([[[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [5.0, 0.0], [0.5, 0.0]]])
    still, right, left, down, up, far, slow = flow_colours(motions, 1.0)[0]
    assert (still == 1).all() and (far == right).all()
    apart = np.linalg.norm(np.array([right, left, down, up])[:, None] - np.array([right, left, down, up]), axis=-1)
    assert (apart + np.eye(4) > 0.5).all()
    assert (right < slow + 1e-9).all() and (slow < still + 1e-9).all() and (slow != right).any()
    key = key_picture((40, 60), 2.0)
    np.testing.assert_allclose(key[20, 46], flow_colours(np.array([[[2.0, 0.0]]]), 2.0)[0, 0], atol=0.1)
    np.testing.assert_allclose(key[36, 30], flow_colours(np.array([[[0.0, 2.0]]]), 2.0)[0, 0], atol=0.1)
    assert (key[:, :10] == 1).all()


def test_the_figure_is_drawn_with_faces_and_without(alike, tmp_path):
    _, found, example = alike
    flow_alone = example._replace(shown={key: shown._replace(picture=None) for key, shown in example.shown.items()})
    grey = example._replace(shown={key: shown._replace(picture=shown.picture[..., :1]) for key, shown in example.shown.items()})
    sizes = []
    for number, drawn in enumerate((example, flow_alone, grey, example)):
        fidelity_figure(found, drawn, tmp_path / f"{number}.png")
        with Image.open(tmp_path / f"{number}.png") as picture:
            sizes.append(picture.size)
    assert sizes[0] == sizes[2] and sizes[0][1] > sizes[0][0] / 2
    contents = [(tmp_path / f"{number}.png").read_bytes() for number in range(4)]
    assert contents[0] == contents[3] and len(set(contents)) == 3
