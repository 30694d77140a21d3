"""Whom weights were fitted on: kept beside them, inherited by what is trained from them, and asked before they are tested."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mer_jax.data.clips import Clips, content_digests
from mer_jax.data.folds import Folds
from mer_jax.mistakes import UserMistake

DIGITS = 12                                     # hex, of a clip's digest: enough that no two of a million clips meet by chance
UNKNOWN_START = "Every run began with weights from a file: whether those have seen the people tested here is not known."


class Seen(NamedTuple):
    """subjects: `dataset/subject`; contents: the first DIGITS of each clip's `content_digests`. whole: whether that is
    everybody; False where there may be others, since nobody said whom a file's weights were fitted on."""

    subjects: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()
    whole: bool = True

    def and_those_of(self, clips: Clips) -> "Seen":
        """The same, with the people and the clips of these as well."""
        return Seen(self.subjects | set(clips.subjects), self.contents | set(short_digests(clips)), self.whole)

    def to_json(self) -> dict:
        """What network.json says; the contents are one text, since they are many."""
        return {"subjects": sorted(self.subjects), "contents": " ".join(sorted(self.contents)), "whole": self.whole}


NOBODY, UNKNOWN = Seen(), Seen(whole=False)


def short_digests(clips: Clips) -> list[str]:
    """The first DIGITS of each clip's digest."""
    return [digest[:DIGITS] for digest in content_digests(clips)]


def seen_of(description: dict, source: Path) -> Seen:
    """What network.json says of it; nobody knows of a network kept before it was said. Raises UserMistake where damaged."""
    if "seen" not in description:
        return UNKNOWN
    match description["seen"]:
        case {"subjects": [*subjects], "contents": str() as contents, "whole": bool() as whole} if all(
                isinstance(subject, str) for subject in subjects):
            return Seen(frozenset(subjects), frozenset(contents.split()), whole)
    raise UserMistake(f"{source}: damaged: 'seen' is not the subjects, contents and whole that `mer-jax train` writes")


def tested_but_seen(clips: Clips, folds: Folds, seen: Seen) -> list[str]:
    """A finding that names the people whom some fold tests and the weights have seen, and one that names the clips of others
    whose pixels they have seen."""
    tested = np.unique(np.concatenate(folds.test))
    keys = [clips.subjects[subject] for subject in np.asarray(clips.subject)[tested]]
    people = [key for key in dict.fromkeys(keys) if key in seen.subjects]
    digests = short_digests(clips) if seen.contents else [""] * len(clips)
    twins = [clips.ids[row] for row, key in zip(tested, keys, strict=True)
             if digests[row] in seen.contents and key not in seen.subjects]
    findings = [f"the weights that runs begin with were trained on {len(people)} of the subjects held out: {', '.join(people)}"]
    findings += [f"the weights that runs begin with were trained on the pixels of {len(twins)} of the clips held out, under "
                 f"other names: {', '.join(twins)}"]
    return [finding for finding, found in zip(findings, (people, twins), strict=True) if found]


def began_with(weights: dict) -> str:
    """What the report says of the first weights, from what config.json says of them."""
    if weights.get("subjects") is None:
        return UNKNOWN_START
    head = "its last layer too" if weights.get("head") == "taken" else "but for its last layer, which each run drew anew"
    return (f"Every run began with a network that was trained on {weights.get('clips')} clips of {weights['subjects']} people, "
            f"{head}. Whether any of them is tested here, the leak audit says.")
