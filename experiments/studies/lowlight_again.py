"""Does AGMENet help in the dark without its attention, its places side by side? The frozen plan of lowlight_again.md.

Command:  python experiments/studies/lowlight_again.py --out=DIR (--search | --final | --table) [--only=NAME,NAME] [--json]
--search  the twelve trials of lowlight.md for the two new rows
--final   each row with its winner's numbers, those of the three old rows from experiments/studies/lowlight_kept, on
          `synthme/easy_crowd`, forty people whom no search saw; refuses where a winner is missing
--table   the tables of the plan and its verdict, from the folders of the runs; nothing is trained
Stopped, the same command goes on. Each row is a run of its own (DIR/again/NAME), with its report.
"""

import argparse
import json
from pathlib import Path

import lowlight_rows
from called import called
from lowlight_rows import AGAIN, NETWORKS
from lowlight_runs import chosen_names, final_runs, search_all
from lowlight_tables import circumstances, comparison, finished
from lowlight_text import difference_lines, ending, heading, score_lines, text_of_runs
from lowlight_verdict import ERROR

from mer_jax.backend import start_jax
from mer_jax.mistakes import UserMistake

KIND, KEPT = "again", Path(__file__).parent / "lowlight_kept"
OWN, CLOSED, BEHIND_T5 = "agmenet_open", "agmenet", "agmenet_open_t5"
SEARCHED = tuple(name for name in AGAIN if name not in NETWORKS)                     # the others' winners are the first plan's


def tables(folder: Path) -> dict:
    """What `lowlight_tables.circumstances` and `comparison` give, and {"statements", "missing": rows that are not there}."""
    runs = {KIND: finished(folder / KIND, tuple(AGAIN))}
    rows = {name: run.table for name, run in runs[KIND].items()}
    named = tuple(name for name in AGAIN if name != OWN)
    found = {**circumstances(folder, runs, lowlight_rows.CROWD), **comparison(rows, OWN, named, BEHIND_T5)}
    return {**found, "statements": statements(found["against"], named),
            "missing": [f"{KIND}/{name}" for name in AGAIN if name not in rows]}


def statements(against: dict, named: tuple[str, ...]) -> list[str]:
    """The two that stand beside the verdict, by lowlight_again.md; none before all rows are there, since p still sinks."""
    if not set(named) <= set(against):
        return []
    closed = "is confirmed" if against[CLOSED]["holm"] <= ERROR else "is not confirmed"
    found = [f"that AGMENet is better in the dark without its attention, its places side by side, {closed}"]
    seeds = against[CLOSED]["by_seed"]
    if against[CLOSED]["holm"] <= ERROR and min(seeds) <= 0:
        found[0] += f"; the test is over people, and of {len(seeds)} seeds {sum(less <= 0 for less in seeds)} says otherwise"
    if against[BEHIND_T5]["holm"] > ERROR:
        found.append("beyond T5 the enhancement buys nothing that can be shown here")
    return found


def text_of(found: dict) -> str:
    if "networks" not in found:
        return text_of_runs(found)
    return "\n".join([*heading(found), *score_lines(found), *difference_lines("the open AGMENet less each", found["against"]),
                      *ending(found)])


def command(arguments: argparse.Namespace) -> dict:
    """What the command gives with --json."""
    form, folder = lowlight_rows.CROWD, arguments.out
    if arguments.table:
        if arguments.only is not None:
            raise UserMistake(f"option --only={arguments.only}: belongs to --search and --final; the table is of all rows that "
                              "are there")
        return tables(folder)
    names = chosen_names(arguments.only, SEARCHED if arguments.search else tuple(AGAIN))
    start_jax("")                                             # every core a device, as the command has it
    if arguments.search:
        return search_all(names, folder, form)
    return final_runs(names, folder, KIND, form, form.people, {name: KEPT for name in AGAIN if name not in SEARCHED})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    for name in ("search", "final", "table"):
        what.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--only", help="rows by their names")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = command(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("lowlight_again", main)
