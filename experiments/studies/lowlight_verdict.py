"""The verdict of a low-light plan: of the figures of its comparisons, exactly one of four, or none while a row is missing."""

CLAIMED, ERROR = 0.0438, 0.05                                 # of AGMENet's abstract; of p after Holm's correction
VERDICTS = {
    "open": "none yet: rows are missing",
    "success": "success: above the best other row by 4.38 points or more, above all others, and no loss at L0 is shown",
    "smaller": "shown, but less than claimed: above the best other row, and not everything that success asks for",
    "refuted": "refuted: above the best other row by 0 or less, and 4.38 points ruled out; or a row is shown to be better",
    "not shown": "not shown: neither the gain nor that there is none",
}


def best_other(against: dict[str, dict]) -> str:
    """The row that the network is least above, in accuracy over L1 to L4: the best of the others; of equals the first."""
    return min(against, key=lambda name: against[name]["accuracy"]["difference"])


def verdict(against: dict[str, dict], named: tuple[str, ...], plain: str) -> str:
    """The name of the verdict: the first of these that holds, where all `named` rows are there, else "open". The gain is the
    claim's network less the best other row.

    success    the gain is 4.38 points or more, every p after Holm at most .05, and at L0 the interval of the network less the
               row `plain` not wholly below 0
    smaller    the gain is above 0, and so is its whole interval
    refuted    the gain is 0 or less, its interval wholly below 4.38 points; or a row is better than the network, p after Holm
               at most .05
    not shown  anything else

    against: row -> the network less that row, as `lowlight_tables.compared` gives it: "accuracy" and "L0" with "difference" and
    "interval", "holm" for "the network is better", "holm_other" for "the row is better".
    """
    if not set(named) <= set(against):
        return "open"
    gain = against[best_other(against)]["accuracy"]
    low, high = gain["interval"]
    better = all(row["holm"] <= ERROR for row in against.values())
    if gain["difference"] >= CLAIMED and better and against[plain]["L0"]["interval"][1] >= 0:
        return "success"
    if gain["difference"] > 0 and low > 0:
        return "smaller"
    beaten = any(row["holm_other"] <= ERROR for row in against.values())
    return "refuted" if beaten or (gain["difference"] <= 0 and high < CLAIMED) else "not shown"
