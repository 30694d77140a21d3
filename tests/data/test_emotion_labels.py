"""Emotion words as classes: the counts of the released sheets give the published sizes of every labelling."""

import pytest

from mer_jax.data.emotion_labels import COUNTS, OBJECTIVE, SCHEMES, objective_index, scheme

CASME2 = {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7, "fear": 2}
SAMM = {"anger": 57, "other": 26, "happiness": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8, "sadness": 6}


@pytest.mark.parametrize("database, words, count, wanted", [
    ("casme2", CASME2, 3, [90, 32, 25]), ("casme2", CASME2, 4, [63, 32, 27, 25]), ("casme2", CASME2, 5, [63, 32, 99, 27, 25]),
    ("casme2", CASME2, 7, [63, 2, 32, 99, 27, 7, 25]), ("samm", SAMM, 3, [92, 26, 15]), ("samm", SAMM, 5, [57, 12, 26, 26, 15]),
    ("samm", SAMM, 7, [57, 12, 9, 8, 26, 6, 15]),
])
def test_the_released_sheets_give_the_published_counts(database, words, count, wanted):
    known = scheme(database, count)
    found = [0] * len(known.classes)
    for word, clips in words.items():
        if known.index(word) >= 0:
            found[known.index(word)] += clips
    assert found == wanted


def test_every_labelling_has_as_many_classes_as_it_says_and_a_source():
    for (_, count), known in SCHEMES.items():
        assert count in COUNTS and len(known.classes) == count
        assert set(known.of.values()) == set(known.classes) and known.source


def test_a_word_without_a_class_has_none():
    assert scheme("casme2", 3).index("fear") == scheme("casme2", 5).index("sadness") == scheme("samm", 3).index("other") == -1
    assert scheme("smic", 5) is None


def test_objective_classes_in_digits_and_in_roman():
    assert [objective_index(str(number)) for number in range(1, 8)] == list(range(7)) == [objective_index(r) for r in OBJECTIVE]
    assert objective_index(" iv ") == objective_index("4.0") == 3
    assert [objective_index(text) for text in ("", "0", "8", "-1", "x", "²")] == [None] * 6
