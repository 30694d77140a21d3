"""SynthME: the flow that is returned is the one that moved the pixels; people differ; the script is obeyed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mer_jax.synthetic.act import SLOTS, course, draw_act
from mer_jax.synthetic.action_units import NUMBERS, displacement, displacement_on_grid
from mer_jax.synthetic.expressions import RULES
from mer_jax.synthetic.face import CENTRE, draw_face, holding
from mer_jax.synthetic.portrait import REACH
from mer_jax.synthetic.scene import VIEW, Motion, from_upright, pixel_places, render, to_upright
from mer_jax.synthetic.studios import PLAIN, SAMM_STUDIO
from mer_jax.synthetic.tiers import BEFORE, MOST_UNITS, TIERS

SIZE, TIER = 48, TIERS["easy"]
LENGTH = TIER.length
POSE = jnp.array([0.06, -0.05, np.deg2rad(8.0), 0.06])


@pytest.fixture(scope="module")
def painted():
    """key -> Face, and (key, face, act) -> Clip, compiled once."""
    return jax.jit(lambda key: draw_face(key, 160)), jax.jit(lambda key, face, act: render(key, face, act, SIZE))


@pytest.fixture(scope="module")
def person(painted):
    return painted[0](jax.random.key(1))


@pytest.fixture(scope="module")
def acts(person):
    draw = jax.jit(jax.vmap(lambda key, label: draw_act(key, jax.random.fold_in(key, 1), TIER, label, person)))
    return draw(jax.random.split(jax.random.key(2), 200), jnp.arange(200) % 5)


def smile(act, head):
    """A script: a smile of 2.5 pixels on a head that is held still, without blink, glance or relight."""
    return act._replace(head=jnp.tile(head, (LENGTH, 1)), blink=jnp.zeros_like(act.blink), light=jnp.ones_like(act.light),
                         gaze=jnp.zeros_like(act.gaze), units=jnp.full(SLOTS, -1).at[0].set(NUMBERS.index(12)),
                         apex=jnp.int32(40), offset=jnp.int32(80),
                         course=course(LENGTH, *map(jnp.float32, (BEFORE, 40, 80))),
                         strength=jnp.zeros((SLOTS, 2)).at[0].set(2.5 * VIEW / SIZE), length=jnp.int32(87))


@pytest.fixture(scope="module")
def strong(painted, person, acts):
    """The smile on a head that is turned and near."""
    return painted[1](jax.random.key(3), person, smile(jax.tree.map(lambda leaf: leaf[0], acts), POSE))


@pytest.mark.slow
def test_the_product_of_matrices_is_the_sum_of_bumps(person):
    line = jnp.linspace(-1.2, 1.5, 9)
    places = jnp.stack(jnp.meshgrid(line, line + 0.3), -1)
    np.testing.assert_allclose(displacement_on_grid(person.bumps, line, line + 0.3), displacement(person.bumps, places),
                               atol=2e-6)


def test_acts_keep_to_the_class_to_half_a_second_and_to_their_strength(acts):
    for row in range(200):
        name = TIER.classes[int(acts.label[row])]
        units = tuple(sorted(NUMBERS[u] for u in np.asarray(acts.units[row][:MOST_UNITS]) if u >= 0))
        assert units in {tuple(sorted(shares)) for shares in RULES[name]}
    lasted = np.asarray(acts.offset - acts.onset)
    assert lasted.min() >= 8 and lasted.max() <= 100 and (np.asarray(acts.onset) == BEFORE).all()
    assert (acts.apex > acts.onset).all() and (acts.offset > acts.apex).all() and (acts.length <= LENGTH).all()
    peak = np.asarray(acts.strength[:, :MOST_UNITS]).max((1, 2)) * 112
    assert peak.min() > 0.34 and peak.max() < 4.6 and 1.2 < np.median(peak) < 2.7


def test_the_true_flow_explains_the_apex(strong):
    grey = np.asarray(strong.frames, np.float32).mean(-1)
    onset, apex = grey[: BEFORE + 1].mean(0), grey[38:43].mean(0)              # of frames that are almost still, for the noise
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    flow = np.asarray(strong.flow)
    assert np.linalg.norm(flow, axis=-1).max() == pytest.approx(2.5 * np.exp(0.06), rel=0.2)
    back = jax.scipy.ndimage.map_coordinates(jnp.asarray(apex), [y + flow[..., 1], x + flow[..., 0]], 1, mode="nearest")
    moving = np.linalg.norm(flow, axis=-1) > 0.5
    unexplained, change = np.abs(back - onset)[moving].mean(), np.abs(apex - onset)[moving].mean()
    noise = np.abs(grey[0:3].mean(0) - grey[3:6].mean(0))[moving].mean()
    assert change > 2 * noise and unexplained < 0.5 * change
    turned = jax.scipy.ndimage.map_coordinates(jnp.asarray(apex), [y - flow[..., 1], x - flow[..., 0]], 1, mode="nearest")
    assert np.abs(turned - onset)[moving].mean() > change


def test_landmarks_and_motion_follow_the_head(strong):
    """The middles of the eyes' landmarks are on the pupils of the onset frame; both corners of a smile go up and apart,
    in the head's own directions."""
    frame, marks = np.asarray(strong.frames[BEFORE], np.float32).mean(-1), np.asarray(strong.landmarks)
    for eye in (marks[36:42].mean(0), marks[42:48].mean(0)):
        x, y = np.round(eye).astype(int)
        assert frame[y - 2 : y + 3, x - 2 : x + 3].min() < 0.75 * frame[y + 6 : y + 9, x - 2 : x + 3].mean()      # the cheek
    level = marks[45] - marks[36]
    assert np.rad2deg(np.arctan2(level[1], level[0])) == pytest.approx(8, abs=4)
    corners = np.round(marks[[48, 54]]).astype(int)
    left, right = (np.asarray(strong.flow)[y, x] for x, y in corners)
    across = np.array([np.cos(POSE[2]), np.sin(POSE[2])])
    assert left @ across < -0.3 and right @ across > 0.3 and left[1] < -0.3 and right[1] < -0.3


def at(field, points):
    """A field (H, W, C) at the points (x, y), linear."""
    x, y = np.asarray(points).T
    return np.stack([np.asarray(jax.scipy.ndimage.map_coordinates(jnp.asarray(field[..., c], jnp.float32), [y, x], 1))
                     for c in range(field.shape[-1])], -1)


def test_flow_and_landmarks_of_a_turned_head_are_those_of_the_upright_one_turned(painted, person, strong):
    upright = painted[1](jax.random.key(3), person, smile(strong.act, jnp.zeros(4)))
    mouth = np.r_[48:60]
    turned = np.exp(0.06) * np.array([[np.cos(POSE[2]), -np.sin(POSE[2])], [np.sin(POSE[2]), np.cos(POSE[2])]])
    expected = at(upright.flow, upright.landmarks[mouth]) @ turned.T
    found = at(strong.flow, strong.landmarks[mouth])
    assert np.abs(expected).max() > 1.5
    np.testing.assert_allclose(found, expected, atol=0.06)
    away = np.asarray(upright.landmarks) - (SIZE / 2 - 0.5)
    np.testing.assert_allclose(strong.landmarks, away @ turned.T + (SIZE / 2 - 0.5) + np.asarray(POSE[:2]) * SIZE / VIEW,
                               atol=1e-3)


def test_what_is_held_shows_in_every_frame_and_in_the_landmarks(painted, person, strong):
    """A raised brow that is held: darker where the brow now is, in the first frame already; its landmarks are up there."""
    brows = np.zeros(len(NUMBERS), np.float32)
    brows[[NUMBERS.index(1), NUMBERS.index(2)]] = 0.6
    plain, raised = (painted[1](jax.random.key(3), person, smile(strong.act, jnp.zeros(4))._replace(held=jnp.asarray(held)))
                     for held in (0 * brows, brows))
    up = np.asarray(plain.landmarks - raised.landmarks)[17:27, 1]
    assert up.min() > 0.5 and np.abs(np.asarray(plain.landmarks - raised.landmarks)[48:68]).max() < 0.2

    def darkest(clip):
        """Rows of the darkest pixel above both eyes, in the mean of the first frames."""
        grey = np.asarray(clip.frames[:BEFORE], np.float32).mean((0, 3))
        eyes = np.asarray(clip.landmarks[36:48])
        columns = np.round([eyes[:6, 0].mean(), eyes[6:, 0].mean()]).astype(int)
        top, bottom = 4, int(eyes[:, 1].min()) - 2
        return [top + grey[top:bottom, column - 2 : column + 3].mean(1).argmin() for column in columns]

    assert all(before > after for before, after in zip(darkest(plain), darkest(raised), strict=True))


@pytest.mark.slow
def test_clips_of_one_sitting_hold_half_alike_and_of_others_nothing(person):
    def pairs(shared):
        first, second = jax.random.split(jax.random.key(5)), jax.random.split(jax.random.key(6))
        acts = [jax.jit(jax.vmap(lambda key, sitting: draw_act(key, sitting, TIER, jnp.int32(0), person)))(
            jax.random.split(keys[0], 300), jax.random.split(first[1] if shared else keys[1], 300))
            for keys in (first, second)]
        return np.corrcoef(*(np.asarray(act.held).ravel() for act in acts))[0, 1]

    assert pairs(True) == pytest.approx(0.5, abs=0.06) and pairs(False) == pytest.approx(0, abs=0.06)


def test_what_should_be_independent_is(acts, person):
    draw = jax.jit(jax.vmap(lambda key: draw_act(key, jax.random.fold_in(key, 99), TIERS["casme2_like"], jnp.int32(1), person)))
    many = draw(jax.random.split(jax.random.key(8), 2000))
    strength = np.log(np.asarray(many.strength[:, :MOST_UNITS]).max((1, 2)))
    beside = np.asarray(many.units[:, MOST_UNITS:])
    relit, macro = np.asarray(many.light[:, -1]) != 1, np.asarray(many.other[:, 0] > 0)
    distracted = ~macro & (beside[:, 0] >= 0)
    blinks, rise = np.asarray(many.blink).max(1) > 0, np.asarray(many.apex - many.onset)
    glances = np.abs(np.asarray(many.gaze[:, -1] - many.gaze[:, 0])).max(1) > 0
    drawn = np.stack([strength, *np.asarray(many.head[:, 0]).T, relit, blinks, glances, rise, *np.asarray(many.gaze[:, 0]).T,
                      *np.asarray(many.held).T])
    for confounder in (distracted, macro):                                     # either or neither, so they are not independent
        every = np.concatenate([drawn, confounder[None]])
        assert np.abs(np.corrcoef(every) - np.eye(len(every))).max() < 0.12
    assert not (macro & distracted).any() and 0.07 < macro.mean() < 0.13 and 0.02 < glances.mean() < 0.08
    assert 0.2 < relit.mean() < 0.4 and 0.5 < distracted.mean() < 0.7


def test_each_clip_holds_more_of_every_action_unit_than_is_acted(acts, person):
    """So that no single frame tells the class: of each unit for itself, the narrow ones too."""
    held = np.asarray(acts.held)
    assert held.shape == (200, len(NUMBERS)) and np.abs(np.corrcoef(held.T) - np.eye(len(NUMBERS))).max() < 0.35
    full = np.linalg.norm(person.bumps.shift, axis=-1).max((1, 2))                       # IOD, of each unit
    assert ((held * full).std(0) > 1.2 * TIER.motion / 112).all()
    other = holding(person, acts.held[0])
    assert np.abs(other.texture - person.texture).max() > 0.02
    moved = np.linalg.norm(other.landmarks - person.landmarks, axis=-1)
    assert 0.002 < moved.max() < 0.2
    np.testing.assert_array_equal(holding(person, jnp.zeros(len(NUMBERS))).landmarks, person.landmarks)


def test_before_the_onset_and_after_the_offset_only_noise_moves(strong):
    frames = np.asarray(strong.frames, np.float32)
    quiet = np.abs(frames[80:87].mean(0) - frames[:BEFORE].mean(0)).mean()
    assert quiet < 1.5 and np.abs(frames[40] - frames[0]).max() > 20
    assert (np.asarray(strong.frames[87:]) == 0).all()


def test_the_same_key_renders_the_same_clip_and_people_differ(painted, person, strong):
    again = painted[1](jax.random.key(3), person, strong.act)
    np.testing.assert_array_equal(again.frames, strong.frames)
    other = painted[0](jax.random.key(9))
    assert np.abs(other.texture - person.texture).mean() > 0.02
    assert np.abs(other.landmarks - person.landmarks).max() > 0.02


def test_a_face_looks_like_one(person):
    texture = np.asarray(person.texture)
    assert np.isfinite(texture).all() and texture.min() >= 0 and texture.max() <= 1
    at = np.round((np.asarray(person.eyes) + REACH - np.array([0, 0.38])) / (2 * REACH) * 160).astype(int)
    cheek = texture[90:100, 50:60].mean()
    assert all(texture[y - 2 : y + 2, x - 2 : x + 2].min() < 0.5 * cheek for x, y in at)      # a pupil darker than skin


def test_the_pixel_flow_has_the_heads_motion_too(painted, person, acts):
    """Without an expression it is the head's own shift, turn and scale; with one, the two together."""
    act = smile(jax.tree.map(lambda leaf: leaf[0], acts), POSE)
    turned = act.head.at[int(act.apex)].set(POSE + jnp.array([0.02, -0.01, np.deg2rad(2.0), 0.01]))
    still = painted[1](jax.random.key(3), person, act._replace(head=turned, strength=0 * act.strength))
    assert np.abs(still.flow).max() < 1e-3
    x, y = np.meshgrid(*[(np.arange(SIZE) + 0.5) / SIZE * VIEW - VIEW / 2] * 2)
    places = jnp.asarray(np.stack([x, y], -1) + np.array(CENTRE), jnp.float32)
    wanted = (from_upright(to_upright(places, act.head[act.onset]), turned[act.apex]) - places) * SIZE / VIEW
    np.testing.assert_allclose(still.pixel_flow, wanted, atol=2e-3)
    both = painted[1](jax.random.key(3), person, act._replace(head=turned))
    rest = np.linalg.norm(both.pixel_flow - both.flow - wanted, axis=-1)
    assert rest.max() < 0.1 * np.linalg.norm(both.flow, axis=-1).max()


def test_some_frames_of_a_clip_are_those_of_the_whole_clip(person, strong):
    some = jax.jit(lambda key, face, act: render(key, face, act, SIZE, PLAIN, np.array([40, 6])))(
        jax.random.key(3), person, strong.act)
    for row, number in enumerate((40, 6)):
        assert np.abs(np.asarray(some.frames[row], int) - np.asarray(strong.frames[number], int)).max() <= 1
    np.testing.assert_allclose(some.flow, strong.flow, atol=1e-5)


def habits(many):
    """The action units of many people."""
    return jax.jit(jax.vmap(lambda key: draw_face(key, 16)._replace(texture=jnp.zeros((16, 16, 3)))))(
        jax.random.split(jax.random.key(11), many))


@pytest.mark.slow
def test_where_skin_goes_is_the_inverse_of_where_pixels_come_from(acts):
    """At the largest strength that is drawn, of the steepest action units (lids, lips), in many people."""
    places, amount, people = pixel_places(SIZE), jnp.array([1.0, 0.7]), habits(60)
    one = jax.tree.map(lambda leaf: leaf[0], acts)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, None))
    def there_and_back(face, units):
        motion = Motion.of(face, one._replace(units=units, strength=4.5 / 112 * (units >= 0)[:, None] * jnp.ones(2)))
        there = motion.moved(places, amount)
        return jnp.linalg.norm(there - places, axis=-1).max(), jnp.abs(motion.at_rest(there, amount) - places).max()

    for numbers in ((5, 7, 24), (24, 17, 12)):
        units = jnp.full(SLOTS, -1).at[jnp.array([0, 1, MOST_UNITS])].set(jnp.array([NUMBERS.index(n) for n in numbers]))
        moved, off = (112 * np.asarray(part) for part in there_and_back(people, units))
        assert moved.min() > 3 and np.mean(off < 0.02) > 0.97 and np.median(off) < 1e-3


@pytest.mark.slow
def test_the_strongest_place_moves_as_far_as_the_act_says(acts):
    """By one unit, on the midline too where its two sides add up, on one side, or by several at once."""
    people, one = habits(20), jax.tree.map(lambda leaf: leaf[0], acts)

    @jax.jit
    @functools.partial(jax.vmap, in_axes=(0, None, None))
    def peak(face, units, sides):
        motion = Motion.of(face, one._replace(units=units, strength=0.01 * (units >= 0)[:, None] * sides))
        return jnp.linalg.norm(motion.table[..., :2], axis=-1).max(), motion.strength

    for numbers, sides in (((12,), (1.0, 1.0)), ((17,), (1.0, 1.0)), ((24,), (1.0, 1.0)), ((12,), (1.0, 0.0)),
                           ((1, 2), (1.0, 1.0)), ((12, 14), (1.0, 1.0))):
        units = jnp.full(SLOTS, -1).at[jnp.arange(len(numbers))].set(jnp.array([NUMBERS.index(n) for n in numbers]))
        found, strength = peak(people, units, jnp.array(sides))
        assert (found <= 0.01 * (1 + 1e-4)).all() and (found > 0.0065).all() and np.median(found) > 0.0095
        assert (np.asarray(strength)[:, : len(numbers), 1] == 0).all() == (sides[1] == 0)
        assert (np.asarray(strength)[:, len(numbers):] == 0).all()


def test_under_the_rims_of_glasses_nothing_of_the_face_moves_and_pixels_go_with_the_head(painted, person, strong):
    worn, bare = (person._replace(glasses=person.glasses._replace(worn=jnp.float32(share))) for share in (1, 0))
    act = strong.act._replace(head=strong.act.head.at[int(strong.act.apex)].add(jnp.array([0.02, -0.01, 0.0, 0.0])),
                              units=jnp.full(SLOTS, -1).at[0].set(NUMBERS.index(6)))           # cheeks, which rims lie upon
    hidden, free = (painted[1](jax.random.key(3), face, act) for face in (worn, bare))
    under = (np.asarray(hidden.flow) != np.asarray(free.flow)).any(-1)
    assert 10 < under.sum() < SIZE**2 / 5 and (np.asarray(hidden.flow)[under] == 0).all()
    np.testing.assert_allclose(np.asarray(hidden.pixel_flow)[under],
                               np.broadcast_to(np.array([0.02, -0.01]) * SIZE / VIEW, (under.sum(), 2)), atol=1e-3)
    np.testing.assert_array_equal(np.asarray(hidden.pixel_flow)[~under], np.asarray(free.pixel_flow)[~under])


def test_a_slow_camera_sees_the_same_half_second_in_half_the_frames(person):
    slow = TIERS["smic_like"]
    draw = jax.jit(jax.vmap(lambda key: draw_act(key, key, slow, jnp.int32(0), person)))
    acts = draw(jax.random.split(jax.random.key(4), 300))
    assert slow.length == BEFORE + 50 + 6 and acts.head.shape[1] == slow.length
    lasted = np.asarray(acts.offset - acts.onset) / slow.rate
    assert 0.25 < np.median(lasted) < 0.4 and lasted.max() <= 0.5


def test_a_grey_camera_gives_grey(person, strong):
    grey = jax.jit(lambda key, face, act: render(key, face, act, SIZE, SAMM_STUDIO, np.array([6])))(
        jax.random.key(3), person, strong.act).frames[0]
    assert (np.asarray(grey) == np.asarray(grey)[..., :1]).all() and np.asarray(grey).std() > 10
