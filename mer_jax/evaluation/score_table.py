"""Scores in words: the table for the terminal, and what a network is above its plain rival."""

from mer_jax.evaluation.score import HEADLINES, LINEAR, rows_of

PEEK = "epoch chosen on the test subject: not a score"
TOLD = ("the network was told the true motion, which no estimator can tell: a score to set beside no other; "
        "--config.front.flow=tvl1 finds it on the frames")


def score_table(entries: dict) -> str:
    """What `score` returned, as a table for the terminal: the score and its 95 % interval over subjects."""
    lines = [["", *HEADLINES.values()]]
    for name, part in rows_of(entries):
        lines.append([name] + ["{:.3f} [{:.2f}, {:.2f}]".format(part[m], *part["interval_subjects"][m])
                               for m in HEADLINES])
    width = max(len(line[0]) for line in lines)
    text = [f"{name:<{width}}  " + "  ".join(f"{cell:<18}" for cell in cells) for name, *cells in lines]
    text += [f"{title} on the same people: " + ", ".join(above) for title, above in over_linear(entries)]
    text += [f"{kind}: on what truly moves {times(*found)} times as much as if alike everywhere"
             for kind, found in entries.get("pointing", {}).items()]
    overall = entries["overall"]
    text.append(f"{overall['clips']} clips, {overall['runs']} seed{'s' * (overall['runs'] != 1)}, "
                f"selection {entries['selection']}; [low, high]: 95 % over subjects")
    if entries["selection"] == "test_peek":
        text.append(PEEK)
    if entries.get("told_the_true_motion"):
        text.append(TOLD)
    if alone := entries.get("only_subjects"):
        text.append(part_of_people(alone))
    return "\n".join(line.rstrip() for line in text) + "\n"


def part_of_people(names: list[str]) -> str:
    return f"{', '.join(names)} alone were left out: a part of the protocol, and no score of the whole"


def times(mean: float, interval: list[float] | None) -> str:
    """A mean and, where there is one, its interval."""
    return f"{mean:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def over_linear(entries: dict) -> list[tuple[str, list[str]]]:
    """For each light level a title and what the network is above the linear classifier, score by score."""
    return [(f"above the {LINEAR}, light {level}",
             ["{} {:+.3f} [{:+.2f}, {:+.2f}]".format(title, part[m]["difference"], *part[m]["interval"])
              for m, title in HEADLINES.items()])
            for level, part in entries.get("over_linear", {}).items()]
