"""Emotion words of each database as 3, 4, 5 or 7 classes, and the objective classes: what maps to what, and who says so."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

THREE = ("negative", "positive", "surprise")
OBJECTIVE = ("I", "II", "III", "IV", "V", "VI", "VII")
OBJECTIVE_OF_MEGC2018 = OBJECTIVE[:5]


class Scheme(NamedTuple):
    """A labelling: its classes in their order, the class of each of a database's words, and the source.

    Words that are not in `of` have no class in this labelling.
    """

    classes: tuple[str, ...]
    of: Mapping[str, str]
    source: str

    def index(self, word: str) -> int:
        """The class of a word, -1 where it has none."""
        return self.classes.index(self.of[word]) if word in self.of else -1


def coarse(negative: tuple[str, ...], source: str, **others: str) -> Scheme:
    """Three classes: these words are negative, happiness is positive unless told otherwise, surprise itself."""
    words = {"happiness": "positive", "surprise": "surprise", **dict.fromkeys(negative, "negative"), **others}
    return Scheme(THREE, MappingProxyType(words), source)


def same(words: tuple[str, ...], source: str) -> Scheme:
    """Classes that are words of the database."""
    return Scheme(words, MappingProxyType({word: word for word in words}), source)


MEGC2019 = "See et al., MEGC 2019, FG 2019, and the challenge's list of 442 clips"
SCHEMES: Mapping[tuple[str, int], Scheme] = MappingProxyType({
    ("casme2", 3): coarse(("disgust", "repression"), f"{MEGC2019}: fear and sadness, of few clips, have no class"),
    ("casme2", 4): same(("disgust", "happiness", "repression", "surprise"), "the five classes without others: 147 clips"),
    ("casme2", 5): same(("disgust", "happiness", "others", "repression", "surprise"),
                        "Yan et al., CASME II, PLoS ONE 9(1), 2014: its five classes, 246 clips in the sheet of 2014-05-08"),
    ("casme2", 7): same(("disgust", "fear", "happiness", "others", "repression", "sadness", "surprise"),
                        "every word of the sheet"),
    ("samm", 3): coarse(("anger", "contempt", "disgust", "fear", "sadness"), f"{MEGC2019}: all but other"),
    ("samm", 4): same(("anger", "contempt", "happiness", "surprise"), "the five classes without other: 110 clips"),
    ("samm", 5): same(("anger", "contempt", "happiness", "other", "surprise"),
                      "the words of ten clips and more, as later papers use them: 136 clips"),
    ("samm", 7): same(("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise"),
                      "Davison et al., SAMM, IEEE Trans. Affective Computing 9(1), 2018: its seven emotions, 133 clips"),
    ("smic", 3): same(THREE, "Li et al., SMIC, FG 2013: its own classes"),
})
COUNTS = (3, 4, 5, 7)                                            # of classes, that a data set is labelled with


def scheme(database: str, count: int) -> Scheme | None:
    """The labelling of a database with so many classes, None where nobody has defined one."""
    return SCHEMES.get((database, count))


def objective_index(text: str) -> int | None:
    """0 to 6 of an objective class, "3", "3.0", "iii" or "III"; None where the text is none."""
    roman = text.strip().upper().removesuffix(".0")
    if roman in OBJECTIVE:
        return OBJECTIVE.index(roman)
    return int(roman) - 1 if roman.isascii() and roman.isdigit() and 1 <= int(roman) <= len(OBJECTIVE) else None
