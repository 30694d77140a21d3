"""Which action units make a class: shares of the sets of action units, P(action units | class), by database.

casme2: counted in CASME II's coding file, samm: after the counts of SAMM's (its 159 micro-expressions, in which single units
are counted, not sets); what they leave over (5 to 40 % of a class, many rare sets) is spread over the plausible sets at the
end of each row. smic: SMIC has no coding; its classes are made of both. rules: one simple rule a class.
"""

from types import MappingProxyType

RULES = MappingProxyType({
    "happiness": {(12,): 0.5, (6, 12): 0.5}, "surprise": {(1, 2): 0.7, (2,): 0.15, (1,): 0.15},
    "disgust": {(4, 7): 0.4, (4, 9): 0.3, (4, 10): 0.3}, "repression": {(17,): 0.5, (15, 17): 0.5},
    "others": {(14,): 0.5, (24,): 0.5},
})
CASME2 = MappingProxyType({
    "happiness": {(12,): 0.47, (6, 12): 0.19, (14,): 0.09, (12, 14): 0.09, (6,): 0.08, (6, 7, 12): 0.08},
    "surprise": {(1, 2): 0.52, (1,): 0.16, (2,): 0.12, (1, 2, 5): 0.10, (5,): 0.05, (1, 2, 25): 0.05},
    "disgust": {(4, 7): 0.32, (4,): 0.19, (4, 10): 0.14, (4, 9): 0.06, (4, 7, 9): 0.05, (7,): 0.10, (10,): 0.07, (9,): 0.07},
    "repression": {(17,): 0.48, (15,): 0.15, (15, 17): 0.15, (14,): 0.07, (12,): 0.08, (24,): 0.07},
    "others": {(4,): 0.61, (14,): 0.15, (): 0.05, (17,): 0.04, (4, 7): 0.04, (24,): 0.03, (1,): 0.03, (7,): 0.03, (2,): 0.02},
})
SAMM = MappingProxyType({
    "anger": {(7,): 0.47, (4, 7): 0.20, (4,): 0.17, (10,): 0.08, (17,): 0.08},
    "happiness": {(12,): 0.58, (6, 12): 0.19, (14,): 0.13, (6,): 0.10},
    "surprise": {(5,): 0.35, (2, 5): 0.10, (1, 2, 5): 0.15, (1, 2): 0.25, (2,): 0.15},
    "contempt": {(14,): 0.72, (12, 14): 0.20, (24,): 0.08},
    "other": {(14,): 0.25, (4,): 0.20, (24,): 0.15, (12,): 0.15, (17,): 0.15, (7,): 0.10},
})
SMIC = MappingProxyType({
    "negative": {(4, 7): 0.22, (4,): 0.25, (7,): 0.15, (4, 9): 0.08, (9,): 0.08, (10,): 0.08, (15,): 0.07, (17,): 0.07},
    "positive": {(12,): 0.52, (6, 12): 0.28, (12, 14): 0.10, (6,): 0.10},
    "surprise": {(1, 2): 0.50, (1,): 0.15, (2,): 0.10, (1, 2, 5): 0.15, (5,): 0.10},
})

# Clips of each class, in the order of the tables above: CASME II (five classes), SAMM (five), SMIC-HS.
CASME2_COUNTS, SAMM_COUNTS, SMIC_COUNTS = (32, 25, 63, 27, 99), (57, 26, 15, 12, 26), (70, 51, 43)

CLASSES3 = ("negative", "positive", "surprise")
COMPOSITE = MappingProxyType({                                # class -> that of the composite, which leaves the rest out
    "happiness": "positive", "surprise": "surprise", "disgust": "negative", "repression": "negative", "anger": "negative",
    "contempt": "negative", "negative": "negative", "positive": "positive",
})


def label3_of(name: str) -> int:
    """The composite's class of a class, an index into CLASSES3; -1 where the composite leaves it out."""
    return CLASSES3.index(COMPOSITE[name]) if name in COMPOSITE else -1
