"""The command `mer-jax`: flags and one call each. Results on stdout, everything else on stderr.

Exit status: 0 success, 2 a mistake of the user's (one line on stderr), 128 + n when stopped by signal n.
"""

import argparse
import contextlib
import errno
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from mer_jax.commands import benchmark, data, datasets, fidelity, flow, models, protocols, report, status, tensorboard, train
from mer_jax.mistakes import UserMistake
from mer_jax.progress_bar import erase_drawn

BENCHMARK_EXAMPLE = """example:
  mer-jax benchmark --config=experiments/ststnet.py --config.data.table=clips.csv --config.seeds=1

Killed and started again with the same words, it goes on and ends with the same numbers.
Any setting of the file may be changed: --config.epochs=100 --config.selection=inner --config.protocol=subject_kfold"""


STOPPED = "stopped; the same command goes on from here"
STOPPED_EARLY = "stopped; nothing was written yet"
STOPPED_BUILD = "stopped; the same command goes on with what is whole"


class OneLineParser(argparse.ArgumentParser):
    """Says what is wrong with the words of a command in one line, without the usage."""

    def error(self, message: str):
        sys.exit(fail(f"{' '.join(message.split())}; see {self.prog} --help"))


def parser() -> argparse.ArgumentParser:
    """All commands, without importing what they need, so that --help is quick."""
    top = OneLineParser(prog="mer-jax", description="Micro-expression recognition: benchmarks one can trust.",
                        epilog="example: mer-jax benchmark --help", allow_abbrev=False)
    parsers = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, does: str, example: str, function):
        made = parsers.add_parser(name, help=does, description=does, epilog=example, allow_abbrev=False,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
        made.set_defaults(function=function)
        made.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
        return made

    made = command("benchmark", "data -> protocol -> all runs -> predictions -> scores -> report",
                   BENCHMARK_EXAMPLE, benchmark)
    made.usage = ("mer-jax benchmark --config=FILE.py [--config.key=value ...] [--out=DIR] [--fresh] [--tune] [--profile] "
                  "[--json]")
    made.add_argument("--out", type=Path, help="the run's folder (default: runs/<config>-<digest of the settings>)")
    made.add_argument("--fresh", action="store_true", help="start over: an earlier run in the folder is removed")
    made.add_argument("--tune", action="store_true", help="measure how the runs are best batched, in place of the fixed rule, "
                      "and keep it in DIR/plan.json")
    made.add_argument("--profile", action="store_true", help="trace an epoch of its own before (DIR/profile), and print where "
                      "its time goes; no number of the run changes")
    made = command("train", "one network on all clips, saved with its classes and the score of its benchmark",
                   "example:\n  mer-jax train --config=experiments/agmenet_synthme.py --out=networks/agmenet", train)
    made.usage = ("mer-jax train --config=FILE.py [--config.key=value ...] --out=DIR [--benchmark=DIR] "
                  "[--distributed=auto] [--json]")
    made.add_argument("--out", type=Path, required=True, help="where the network goes: network.json and weights.npz")
    made.add_argument("--benchmark", type=Path, help="the run that scored these settings (default: where benchmark puts it)")
    made.add_argument("--distributed", metavar="auto|HOST:PORT,COUNT,NUMBER", help="one network over the devices of several "
                      "processes: auto where a TPU pod, Slurm or Kubernetes started them, else the first one's address, how "
                      "many there are, and which this is")
    made = command("flow", "the optical flow of all clips, from onset to apex, stored with the pictures that networks read",
                   "example:\n  mer-jax flow synthme --out=flow\n"
                   "  mer-jax benchmark --config=experiments/ststnet.py --config.data.table=flow/clips.csv \\\n"
                   "    --config.protocol=leave_one_subject_out\n\n"
                   "Killed and started again with the same words, it goes on.", flow)
    add_source(made)
    made.add_argument("--out", type=Path, required=True, help="the folder: flow/, pictures/ (28 x 28), clips.csv")
    made.add_argument("--flow", default="faithful", help="of TV-L1: faithful (as OpenCV's) or fast (default: %(default)s)")
    made.add_argument("--apex", default="middle", help="how an apex is estimated that is not known: middle, largest_motion, "
                      "divide_and_conquer (default: %(default)s)")
    made.add_argument("--channels", default="ststnet", metavar="PAPER", help="whose third channel beside u and v: ststnet, "
                      "softnet, mean, offtanet, meb, ststnet_issue8 (strains), lrcn (magnitude) (default: %(default)s)")
    made = command("fidelity", "how much of the motion enhancers keep in the dark",
                   "example:\n  mer-jax fidelity synthme --light=L2,L4 --enhancers=gain,t5 --figure=fidelity.png", fidelity)
    add_source(made)
    made.add_argument("--light", default="L1,L2,L3,L4", help="the levels (default: %(default)s)")
    made.add_argument("--enhancers", default="", help="those to compare (default: all)")
    made.add_argument("--networks", default="", metavar="DIR[,DIR]", help="networks that mer-jax train kept: their "
                      "enhancements are compared as well")
    made.add_argument("--clips", type=int, metavar="N", help="no more than so many, evenly spaced (default: all)")
    made.add_argument("--figure", type=Path, metavar="FILE.png", help="draws the motion kept by level, and an example")
    add_folder_commands(command)
    add_data(command)
    command("models", "the networks: name, paper, input, parameters, operations, evidence", "example:\n  mer-jax models --json",
            models)
    command("datasets", "what data can be read", "example:\n  mer-jax datasets", datasets)
    command("protocols", "the protocols and their options: which clips train and which are held out",
            "example:\n  mer-jax protocols\n\nan option is set as --config.protocol_options.folds=10", protocols)
    return top


def add_folder_commands(command: Callable) -> None:
    """The commands that read what a run left in its folder."""
    made = command("report", "the report of one run, or the comparison of several, from their folders alone",
                   "example:\n  mer-jax report runs/ststnet-1a2b3c4d\n"
                   "  mer-jax report runs/a runs/b --out=comparison.html", report)
    made.add_argument("folders", nargs="+", type=Path, metavar="DIR")
    made.add_argument("--out", type=Path, help="the page (default: DIR/report.html; of several DIRs comparison.html here). "
                      "An earlier page of that name is replaced")
    made = command("status", "a running, dead or finished run: how far, how long still, what to type to go on",
                   "example:\n  mer-jax status runs/ststnet-1a2b3c4d --watch", status)
    made.add_argument("folder_of_run", type=Path, metavar="DIR")
    made.add_argument("--watch", action="store_true", help="drawn anew every second on a terminal, until the run ends")
    made = command("tensorboard", "the learning curves of a run as TensorBoard's event files, from its log",
                   "example:\n  mer-jax tensorboard runs/ststnet-1a2b3c4d --watch", tensorboard)
    made.add_argument("folder_of_run", type=Path, metavar="DIR")
    made.add_argument("--out", type=Path, help="where they go (default: DIR/tensorboard); earlier ones there are replaced")
    made.add_argument("--watch", action="store_true", help="go on writing until the run ends")


def add_data(command: Callable) -> None:
    """The command that looks at licensed copies and builds data sets from them."""
    made = command("data", "look at a licensed copy, or build the TFDS data set from it",
                   "example:\n  mer-jax data check casme2 --source=CASME2\n"
                   "  mer-jax data build casme2 --source=CASME2 --out=built\n\n"
                   "Any revision of the tables and any depth of folders will do; what is wrong is said, with file and row.",
                   data)
    made.add_argument("action", choices=("check", "build"), metavar="check|build")
    made.add_argument("name", metavar="NAME", help="casme2, samm, smic, megc2019, megc2018, or table: your own")
    made.add_argument("--source", default=[], action="append", metavar="[DATABASE=]DIR", help="always needed: the "
                      "folder of the copy; of a composite one for each database")
    made.add_argument("--out", type=Path, metavar="DIR", help="build: where the data set goes, as DIR/NAME/CONFIG/1.0.0 "
                      "(default: the folder of TFDS, where its name alone finds it)")
    made.add_argument("--frames", default="", metavar="KIND|FOLDER", help="which frames, of several: raw, selected, "
                      "cropped, or their folder (default: where most clips are; of equal ones those as filmed)")
    made.add_argument("--store", choices=("frames", "keyframes", "flow"), default="frames", help="build: all frames from onset "
                      "to offset; onset, apex and offset alone; or the optical flow from onset to apex, as networks read it")
    made.add_argument("--faces", default="", metavar="FILE", help="build: cut the faces out, all at one place, size and angle, "
                      "found by a model (face_landmarker.task), or from a table of landmarks")
    made.add_argument("--size", default="", metavar="HEIGHTxWIDTH", help="build: of these crops (default: 112x112); of flow "
                      "without them, what frames are brought to first (default: 168x144)")
    made.add_argument("--part", default="", help="of smic: HS, VIS, NIR, HS_E, VIS_E, NIR_E (default: HS)")
    made.add_argument("--table", default="", metavar="[DATABASE=]FILE", help="which annotation, of several (default: the best "
                      "known)")
    made.add_argument("--patches", default="", metavar="NAMES", help="known errors to put right: all, none, or names "
                      "(default: all but what only a later revision says)")
    made.add_argument("--apexes", default="", metavar="FILE.csv", help="your own apexes: subject, clip, apex")
    made.add_argument("--tables-alone", action="store_true", help="check: only the annotation, without its frames")


def add_source(made: argparse.ArgumentParser) -> None:
    """The words that name clips."""
    made.add_argument("source", metavar="SOURCE", help="a table of clips (CSV), a built TFDS folder, or synthme[/TIER]")
    made.add_argument("--label", help="of a TFDS folder: which ClassLabel")
    made.add_argument("--split", help="of a TFDS folder: which split")
    made.add_argument("--root", help="of a table: the folder that its paths start from")
    made.add_argument("--size", metavar="HEIGHTxWIDTH", help="what every frame is brought to (default: as stored)")


def main() -> None:
    arguments = argparse.Namespace(folder=None)
    with quick_end(arguments):
        try:
            _, rest = parser().parse_known_args(namespace=arguments)
            arguments.function(arguments, rest)
        except UserMistake as mistake:
            sys.exit(fail(str(mistake)))
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            sys.exit(fail(disk_mistake(error)))
        except KeyboardInterrupt:
            print(last_words(arguments), file=sys.stderr)
            sys.exit(128 + signal.SIGINT)
        except Exception as error:
            stopped = getattr(error, "signal", None)
            if stopped is None:
                if (full := disk_error_behind(error)) is None:
                    raise
                sys.exit(fail(disk_mistake(full)))
            print(last_words(arguments), file=sys.stderr)
            sys.exit(128 + stopped)


def last_words(arguments: argparse.Namespace) -> str:
    """What a stopped command says: who only watched has nothing to go on with."""
    if getattr(arguments, "action", "") == "build":
        return STOPPED_BUILD
    return "stopped" if getattr(arguments, "watch", False) else stopped_line(arguments.folder)


def stopped_line(folder: Path | None) -> str:
    """What is left of a command that was stopped, a run's folder or nothing."""
    begun = folder and any((folder / name).is_file() for name in ("config.json", "flow.json"))
    return STOPPED if begun else STOPPED_EARLY


@contextlib.contextmanager
def quick_end(arguments: argparse.Namespace) -> Iterator[None]:
    """Outside of training, SIGTERM and SIGINT end the process at once: files are whole or not at all at any moment."""

    def end(number, _frame):
        with contextlib.suppress(RuntimeError):          # the signal came while something was being drawn
            erase_drawn()
        os.write(2, f"{last_words(arguments)}\n".encode())
        os._exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def fail(line: str) -> int:
    print(f"mer-jax: {line}", file=sys.stderr)
    return 2


def disk_error_behind(error: BaseException | None) -> OSError | None:
    """The OSError that another library wrapped in an exception of its own, or said in words, if there is one."""
    while error is not None:
        if isinstance(error, OSError):
            return error
        if "No space left on device" in str(error):
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        error = error.__cause__ or error.__context__
    return None


def disk_mistake(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno == errno.ENOSPC:
        free = shutil.disk_usage(Path.cwd()).free
        return f"{where}the disk is full ({free >> 20} MiB free here); make room, and the same command goes on"
    return f"{where}{error.strerror or error}"


if __name__ == "__main__":
    main()
