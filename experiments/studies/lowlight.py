"""Does AGMENet help in the dark? The frozen plan of lowlight.md: searched on some people, then scored on others, once.

Command:  python experiments/studies/lowlight.py --out=DIR (--search | --final | --ablation | --supplement | --table)
          [--only=NAME,NAME] [--full] [--people=synthme/easy_fresh] [--json]
--search    each network's twelve trials on the search people; leaves DIR/search/NAME/winner.json, which is never changed
--final     each network with its winner's numbers on people that no search saw; refuses where a winner is missing
--ablation  AGMENet with its winner's numbers, but for one part, on the people of --final
--supplement  what the plan lacks, asked after its verdict, on the same people: AGMENet without each part of its enhancement,
            and once more with all of them; three networks behind the gain of T5 without its mean, and behind
            `stabilised`, which keeps more of the motion than T5
--table     the tables of the plan and its verdict, from the folders of the runs; nothing is trained
--full      networks `small`, synthme/casme2_like and its fresh people, one subject out, five seeds: for an accelerator
Stopped, the same command goes on. Each row is a run of its own (DIR/final/NAME, DIR/ablation/NAME), with its report.
"""

import argparse
import json
from pathlib import Path

import lowlight_rows
from called import called
from lowlight_rows import FULL, NETWORKS, SUPPLEMENT, parts_of
from lowlight_runs import chosen_names, final_runs, search_all
from lowlight_tables import tables
from lowlight_text import text_of

from mer_jax.backend import start_jax
from mer_jax.mistakes import UserMistake


def check_words(arguments: argparse.Namespace) -> None:
    """Raises UserMistake where an option is given to a command that has no use for it."""
    if arguments.people and not (arguments.final or arguments.ablation or arguments.supplement):
        raise UserMistake(f"option --people={arguments.people}: belongs to --final, --ablation and --supplement; the search "
                          "has the plan's people, and the table says which its runs had")
    if arguments.only is not None and arguments.table:
        raise UserMistake(f"option --only={arguments.only}: belongs to --search, --final, --ablation and --supplement; the "
                          "table is of all rows that are there")


def command(arguments: argparse.Namespace) -> dict:
    """What the command gives with --json."""
    check_words(arguments)
    form, folder = FULL if arguments.full else lowlight_rows.TINY, arguments.out
    known = tuple(SUPPLEMENT) if arguments.supplement else parts_of(form) if arguments.ablation else tuple(NETWORKS)
    names = chosen_names(arguments.only, known)
    if arguments.table:
        return tables(folder, form)
    start_jax("")                                             # every core a device, as the command has it
    if arguments.search:
        return search_all(names, folder, form)
    kind = next(kind for kind in ("ablation", "supplement", "final") if getattr(arguments, kind))
    return final_runs(names, folder, kind, form, arguments.people or form.people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    for name in ("search", "final", "ablation", "supplement", "table"):
        what.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--only", help="rows by their names")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--people", help="the data of the rows at the end")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = command(arguments)
    print(json.dumps(found) if arguments.json else text_of(found))


if __name__ == "__main__":
    called("lowlight", main)
