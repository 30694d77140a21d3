"""Which networks of a table are told apart on the same people, and the diagram that shows it (Demšar, JMLR 2006, figure 1).

His tests are over data sets; here a person is the unit, and the test of a pair the exact sign-flip test of `significance`.
"""

import itertools
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

from mer_jax.evaluation.significance import holm, sign_flip_p

ERROR = 0.05


def compared(right: dict[str, dict[str, int]]) -> dict:
    """{"ranks": network -> mean over people of its rank by right answers (1: the most; equals share theirs), "told_apart":
    [better, worse, p after Holm over all pairs and both ways] where p is at most ERROR}.

    right: network -> person -> how many answers are right, over all seeds; the same people and seeds in all.
    """
    people = sorted(next(iter(right.values())))
    counts = {name: np.array([of_person[person] for person in people]) for name, of_person in right.items()}
    asked = {(one, other): sign_flip_p(counts[one] - counts[other]) for one, other in itertools.permutations(counts, 2)}
    adjusted = holm(asked) if asked else {}
    ranks = rankdata(-np.stack(list(counts.values())), axis=0).mean(1)
    return {"ranks": dict(zip(counts, ranks.tolist(), strict=True)),
            "told_apart": sorted(([*pair, p] for pair, p in adjusted.items() if p <= ERROR), key=lambda found: found[2])}


def cliques(ranks: dict[str, float], apart: list[list]) -> list[tuple[str, ...]]:
    """Runs of networks, neighbours by rank, none of which is told apart from another of the run; the longest only.

    Two that are not neighbours may not be told apart either and yet share no run, where one between them is.
    """
    order, different = sorted(ranks, key=lambda name: ranks[name]), {frozenset(pair[:2]) for pair in apart}
    runs = []
    for first in range(len(order)):
        last = first
        while last + 1 < len(order) and not any(frozenset((order[last + 1], name)) in different
                                                for name in order[first : last + 1]):
            last += 1
        if last > first and not (runs and set(order[first : last + 1]) <= set(runs[-1])):
            runs.append(tuple(order[first : last + 1]))
    return runs


def diagram(found: dict, path: Path) -> None:
    """Draws the networks on an axis of mean ranks, the best at the left, the better half named there and the other half at the
    right, and a bar over each of `cliques`."""
    from matplotlib.figure import Figure

    ranks = found["ranks"]
    joined, order = cliques(ranks, found["told_apart"]), sorted(ranks, key=lambda name: ranks[name])
    half, low, high = -(-len(order) // 2), min(ranks.values()) - 0.15, max(ranks.values()) + 0.15
    figure = Figure(figsize=(8, 0.9 + 0.25 * (half + len(joined))), layout="constrained")
    axes = figure.subplots()
    axes.set(ylim=(-half - 0.5, 0.6 * len(joined) + 0.7), yticks=[],
             xlabel="mean rank over people, by right answers (1: best)")
    axes.spines[["left", "right", "top"]].set_visible(False)
    for names, edge, side in ((order[:half], low, "right"), (order[half:][::-1], high, "left")):
        for place, name in enumerate(names):
            axes.plot([ranks[name], ranks[name], edge], [0, -place - 0.8, -place - 0.8], color="0.6", linewidth=0.8)
            axes.plot(ranks[name], 0, "o", color="black", markersize=4)
            axes.annotate(name, (edge, -place - 0.8), (4 if side == "left" else -4, 0), textcoords="offset points", ha=side,
                          va="center", fontsize=9)
    for height, names in enumerate(joined, 1):
        axes.plot([ranks[names[0]] - 0.03, ranks[names[-1]] + 0.03], [0.6 * height] * 2, color="black", linewidth=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
