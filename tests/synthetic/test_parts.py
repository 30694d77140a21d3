"""The parts of SynthME by themselves: action units, the mean face, courses, glasses, glances, classes and tiers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from mer_jax.synthetic.act import course, draw_label
from mer_jax.synthetic.action_units import BUMPS, NUMBERS, displacement, standard_bumps
from mer_jax.synthetic.expressions import CASME2, COMPOSITE, RULES, SAMM, SMIC
from mer_jax.synthetic.eyes import looking
from mer_jax.synthetic.face import CENTRE, mean_landmarks
from mer_jax.synthetic.glasses import covered, draw_glasses, wear
from mer_jax.synthetic.scene import VIEW, from_upright, pixel_places, to_upright
from mer_jax.synthetic.tiers import COMPOSITES, TIERS

SIZE, TIER = 48, TIERS["easy"]
LENGTH = TIER.length
POSE = jnp.array([0.06, -0.05, np.deg2rad(8.0), 0.06])


def test_action_units_are_mirror_images_and_reach_their_strength():
    bumps = jax.tree.map(jnp.asarray, standard_bumps())
    points = jnp.asarray(np.random.default_rng(0).uniform(-1, 1.6, (50, 2)), jnp.float32)
    flip = jnp.array([-1.0, 1.0])
    np.testing.assert_allclose(displacement(bumps, points * flip), displacement(bumps, points) * flip, atol=1e-6)
    for row, number in enumerate(NUMBERS):
        if len(BUMPS[number]) == 1:
            one = jax.tree.map(lambda part, row=row: part[row, 0], bumps)
            found = displacement(one, bumps.centre[row, 0, :1])[0]
            np.testing.assert_allclose(found, np.array(BUMPS[number][0][4:]) / 63, rtol=1e-3)


def test_mean_landmarks_are_symmetric_and_number_68():
    points = mean_landmarks()
    assert points.shape == (68, 2)
    mirrored = points * np.array([-1, 1])
    assert all(np.abs(points - p).sum(1).min() < 1e-6 for p in mirrored)


def test_a_course_rises_from_onset_to_apex_and_falls_to_the_offset():
    values = np.asarray(course(LENGTH, jnp.float32(10), jnp.float32(30), jnp.float32(70)))
    assert values.shape == (LENGTH,) and values[:11].max() == 0 and values[30] == 1 and np.abs(values[70:]).max() < 1e-6
    assert (np.diff(values[10:31]) > 0).all() and (np.diff(values[30:71]) < 0).all()
    assert values[20] == pytest.approx(0.5)


def test_shares_of_action_units_are_shares():
    for sets in (RULES, CASME2, SAMM, SMIC):
        for shares in sets.values():
            assert sum(shares.values()) == pytest.approx(1, abs=0.02)
            assert all(number in NUMBERS for units in shares for number in units)


def test_a_head_upright_again_is_where_it_was():
    points = jnp.asarray(np.random.default_rng(0).uniform(-1, 1.6, (20, 2)), jnp.float32)
    np.testing.assert_allclose(to_upright(from_upright(points, POSE), POSE), points, atol=1e-5)
    along = from_upright(points, POSE)
    np.testing.assert_allclose(jnp.linalg.norm(along[1:] - along[:-1], axis=-1),
                               np.exp(0.06) * jnp.linalg.norm(points[1:] - points[:-1], axis=-1), rtol=1e-4)


def test_glasses_hang_on_the_head_alone_and_most_people_wear_none():
    """Where the rims are is a function of the head alone; what hides nothing is bare."""
    grid, picture = pixel_places(64), jnp.full((64, 64, 3), 0.5)
    eyes = jnp.array([[-0.5, 0.0], [0.5, 0.02]])
    many = jax.vmap(lambda key: draw_glasses(key, eyes, 0.25))(jax.random.split(jax.random.key(0), 400))
    assert 0.18 < float(many.worn.mean()) < 0.32
    one = jax.tree.map(lambda leaf: leaf[0], many)
    worn = np.asarray(wear(picture, grid, one)).mean(-1)
    dark = np.argwhere(np.abs(worn - 0.5) > 0.2)                                             # rows and columns of the rims
    middle = (np.asarray(one.middle) - CENTRE) / VIEW * 64 + 32
    assert np.abs(dark[:, 0].mean() - middle[0, 1]) < 6
    assert dark[:, 1].min() < middle[0, 0] - 5 < middle[1, 0] + 5 < dark[:, 1].max()
    assert one.middle[0, 1] == one.middle[1, 1]
    some = jax.tree.map(lambda leaf: leaf[:8], many)._replace(worn=jnp.arange(8.0) % 2)
    hidden = np.asarray(jax.vmap(covered, (None, 0))(grid, some))
    for row, alone in enumerate(jax.tree.map(lambda leaf, row=row: leaf[row], some) for row in range(8)):
        np.testing.assert_allclose(hidden[row], covered(grid, alone), atol=1e-6)
        assert hidden[row].max() > 0.9 if row % 2 else (hidden[row] == 0).all()


def test_a_glance_moves_the_irises_and_nothing_far_from_them():
    eyes, gaze = jnp.array([[-0.5, 0.0], [0.5, 0.0]]), jnp.array([0.03, -0.01])
    np.testing.assert_allclose(eyes[None] - looking(eyes[None], eyes, gaze), jnp.broadcast_to(gaze, (1, 2, 2)), atol=1e-6)
    away = jnp.array([[[0.0, 0.0], [-0.5, 0.14], [0.5, -0.14], [0.0, 1.2]]])
    np.testing.assert_array_equal(looking(away, eyes, gaze), away)


def test_no_two_tiers_share_a_person_and_fresh_ones_differ_in_nothing_else():
    people = [set(range(tier.first, tier.first + tier.subjects)) for tier in TIERS.values()]
    assert len(set().union(*people)) == sum(map(len, people))
    for name, other, changed in (("easy", "easy_fresh", set()), ("casme2_like", "casme2_like_fresh", set()),
                                 ("easy", "easy_crowd", {"subjects"})):
        old, new = TIERS[name], TIERS[other]
        assert {field for field in vars(old) if getattr(old, field) != getattr(new, field)} == {"name", "first", *changed}


# Clips of each class in the databases' own tables, as the five classes (SMIC-HS: three) that the field scores.
COUNTED = {"casme2_like": {"happiness": 32, "surprise": 25, "disgust": 63, "repression": 27, "others": 99},
           "samm_like": {"anger": 57, "happiness": 26, "surprise": 15, "contempt": 12, "other": 26},
           "smic_like": {"negative": 70, "positive": 51, "surprise": 43}}


@pytest.mark.parametrize("name", COUNTED)
def test_classes_are_those_of_their_database_and_drawn_as_often_as_there(name):
    """By chi-square over 4000 people of one clip each: more of one person would hang together, by the person's own shares."""
    tier = TIERS[name]
    assert dict(zip(tier.classes, tier.counts, strict=True)) == COUNTED[name]
    keys, first = jax.random.split(jax.random.key(0), 4000), jnp.int32(0)
    drawn = jax.vmap(lambda key: draw_label(*jax.random.split(key), tier, first))(keys)
    wanted = 4000 * np.array(tier.counts) / sum(tier.counts)
    assert chisquare(np.bincount(drawn, minlength=len(wanted)), wanted).pvalue > 1e-3
    of_one = jax.vmap(lambda key: draw_label(key, jax.random.key(1), tier, first))(keys)
    assert chisquare(np.bincount(of_one, minlength=len(wanted)), wanted).pvalue < 1e-3     # and each person has their own


def test_the_tiers_of_the_composite_fit_together():
    tiers = [TIERS[name] for name in COMPOSITES["megc2019_like"]]
    assert [tier.rate for tier in tiers] == [200, 200, 100] and len({tier.size for tier in tiers}) == 1
    for tier in tiers:                                            # each has all three classes of the composite
        assert {COMPOSITE.get(name) for name in tier.classes} >= {"negative", "positive", "surprise"}
