"""What each command does: its words read, one call, its result printed. Modules are imported when they are needed.

Every function takes the words that the parser knew, and the rest.
"""

import argparse
import inspect
import json
import sys
import time
from pathlib import Path

from mer_jax.mistakes import UserMistake


def benchmark(arguments: argparse.Namespace, rest: list[str]) -> None:
    from mer_jax.backend import start_jax
    from mer_jax.config_reading import read_config
    from mer_jax.settings import settings_of

    settings = settings_of(*read_config(rest))
    start_jax(settings.platform)
    from mer_jax.evaluation.run_folder import run_benchmark
    from mer_jax.evaluation.score_table import score_table
    from mer_jax.loading import load

    folder = arguments.folder = arguments.out or default_folder(settings)
    if settings.selection == "test_peek":
        print("warning: selection=test_peek chooses the epoch on the test subject: what it gives is not a score",
              file=sys.stderr)
    say(f"reading {settings.source}")
    clips = load(settings.source, settings.classes, **dict(settings.data_options))
    say(f"{len(clips)} clips of {len(clips.subjects)} subjects; next the checks, the leak audit, and compiling")
    metrics = run_benchmark(settings, clips, folder, arguments.fresh, arguments.profile, arguments.tune)
    if arguments.json:
        print(json.dumps({**metrics, "folder": str(folder)}))
        return
    if arguments.profile:
        from mer_jax.training.profile import profile_text

        print(f"{profile_text(metrics['profile'])}\n")
    print(f"{score_table(metrics)}\nreport: {folder / 'report.html'}")


def train(arguments: argparse.Namespace, rest: list[str]) -> None:
    from mer_jax.backend import start_jax
    from mer_jax.config_reading import read_config
    from mer_jax.settings import settings_of

    settings = settings_of(*read_config(rest))
    start_jax(settings.platform, arguments.distributed)
    from mer_jax.evaluation.network_training import train_network
    from mer_jax.loading import load

    say(f"reading {settings.source}")
    clips = load(settings.source, settings.classes, **dict(settings.data_options))
    benchmark = arguments.benchmark or default_folder(settings)
    kept = train_network(settings, clips, arguments.out, benchmark)
    if kept is None:                                              # one of several processes that is not the first
        return
    print(json.dumps({**kept, "folder": str(arguments.out)}) if arguments.json else
          f"{kept['network']} {kept['variant'] or ''}: trained on {kept['data']['clips']} clips, {arguments.out}\n"
          f"cross-validated score: {kept['score'] if isinstance(kept['score'], str) else kept['score']['overall']}")


def flow(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.backend import keep_compiled
    from mer_jax.stored_flow import check_words, store_flow

    check_words(arguments.out, arguments.flow, arguments.apex, arguments.channels)
    keep_compiled()
    clips = clips_of(arguments)
    arguments.folder = arguments.out
    made = store_flow(clips, arguments.out, arguments.flow, arguments.apex, arguments.channels)
    estimated = f", the apex of {made['estimated']} of them estimated ({arguments.apex})" if made["estimated"] else ""
    print(json.dumps(made) if arguments.json else
          f"flow of {made['clips']} clips, {made['made']} of them now{estimated}\ntable: {made['table']}{after(clips, made)}")


def after(clips, made: dict) -> str:
    """What to type once flow is stored, where the clips have the classes that the networks of the field are compared in."""
    from mer_jax.data.emotion_labels import THREE

    return ("\nnext: mer-jax benchmark --config=experiments/ststnet.py "
            f"--config.data.table={made['table']} --config.protocol=leave_one_subject_out") if clips.classes == THREE else ""


def fidelity(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.backend import keep_compiled
    from mer_jax.evaluation.enhancers_compared import check_words, compare_enhancers
    from mer_jax.evaluation.fidelity_examples import example_of
    from mer_jax.evaluation.fidelity_figure import fidelity_figure
    from mer_jax.evaluation.fidelity_table import fidelity_table
    from mer_jax.evaluation.kept_enhancement import kept_enhancers, trained_on
    from mer_jax.evaluation.motion_summary import CEILING, CLEAN
    from mer_jax.light.enhancers import ENHANCERS

    levels, names = words_of(arguments.light), words_of(arguments.enhancers)
    check_words(levels, names)
    networks = kept_enhancers(words_of(arguments.networks), taken=(CLEAN, CEILING, *ENHANCERS))
    if arguments.figure and not arguments.figure.absolute().parent.is_dir():
        raise UserMistake(f"{arguments.figure}: no such folder for the figure")
    if arguments.clips is not None and arguments.clips < 1:
        raise UserMistake(f"option --clips={arguments.clips}: wanted at least 1")
    keep_compiled()
    clips = clips_of(arguments)
    seen = trained_on(clips, words_of(arguments.networks))
    if arguments.clips is not None and arguments.clips < len(clips):
        clips = clips.take([number * len(clips) // arguments.clips for number in range(arguments.clips)])
    found = {**compare_enhancers(clips, levels, names, networks), "trained_on_these": seen}
    print(json.dumps(found) if arguments.json else fidelity_table(found))
    if arguments.figure:
        fidelity_figure(found, example_of(clips, found, networks), arguments.figure)


def clips_of(arguments: argparse.Namespace):
    """The clips of the words SOURCE, --label, --split, --root, --size."""
    from mer_jax.loading import load

    say(f"reading {arguments.source}")
    return load(arguments.source, root=arguments.root, label=arguments.label, split=arguments.split,
                size=arguments.size)


def words_of(text: str) -> tuple[str, ...]:
    """The parts of `a,b`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def default_folder(settings) -> Path:
    return Path("runs") / f"{settings.name}-{settings.digest()[:8]}"


def say(line: str) -> None:
    """What is being done, for someone who watches: on a terminal alone."""
    if sys.stderr.isatty():
        print(line, file=sys.stderr)


def data(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.loading import data_folder, licensed_data

    licensed, report_text = licensed_data()
    check_action(arguments)
    options = licensed.options_of(arguments.frames, arguments.table, arguments.patches, arguments.apexes, arguments.part,
                                  arguments.store, arguments.faces, arguments.size)
    if arguments.action == "check":
        found = licensed.check(arguments.name, arguments.source, options, arguments.tables_alone)
    else:
        if arguments.faces or arguments.store == "flow":
            from mer_jax.backend import keep_compiled

            keep_compiled()
        found = licensed.build(arguments.name, arguments.source, arguments.out or data_folder(), options)
    print(json.dumps(found) if arguments.json else report_text(found))
    if arguments.action == "build" and not arguments.json:
        already = ", which was built already" if found["built_already"] else ""
        print(f"folder: {found['folder']}{already}\nnext: {next_command(found, arguments.store)}")


def check_action(arguments: argparse.Namespace) -> None:
    """Raises UserMistake for an option of the other action, and where no copy is named."""
    if not arguments.source:
        raise UserMistake("no --source: wanted the folder of your copy, as in --source=DIR")
    if arguments.action == "build" and arguments.tables_alone:
        raise UserMistake("option --tables-alone belongs to data check; data build wants the frames as well")
    if arguments.action == "check":
        if arguments.out:
            raise UserMistake("option --out belongs to data build; data check writes nothing")
        for name, usual in (("store", "frames"), ("faces", ""), ("size", "")):
            if getattr(arguments, name) != usual:
                raise UserMistake(f"option --{name} belongs to data build; data check looks at all frames, as they are")


def next_command(found: dict, store: str) -> str:
    """What to type once a data set is built, with the labelling that the networks of the field are compared in."""
    label = "label3" if "label3" in found["labels"] and len(found["by_class"]) > 3 else ""
    if store == "flow":
        return " ".join(["mer-jax benchmark --config=experiments/ststnet.py", f"--config.data.name={found['folder']}",
                         *[f"--config.data.label={label}"] * bool(label), "--config.protocol=leave_one_subject_out"])
    size = [f"--size={found['size']}"] * bool(found["size"])
    return " ".join(["mer-jax flow", found["folder"], *[f"--label={label}"] * bool(label), *size, "--out=flow"])


def report(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.evaluation.report import write_comparison, write_report
    from mer_jax.evaluation.score_table import score_table

    if len(arguments.folders) == 1:
        page, entries = write_report(arguments.folders[0], arguments.out)
        print(json.dumps({**entries, "report": str(page)}) if arguments.json
              else f"{score_table(entries)}\nreport: {page}")
        return
    page, result = write_comparison(arguments.folders, arguments.out or Path("comparison.html"))
    print(json.dumps({**result, "report": str(page)}) if arguments.json else f"comparison: {page}")


def status(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.evaluation.run_status import RUNNING, StatusReader, status_entries
    from mer_jax.evaluation.status_text import status_lines
    from mer_jax.progress_bar import DrawnLines

    reader, drawn = StatusReader(arguments.folder_of_run), DrawnLines()
    found = reader.read()
    while arguments.watch and found.state == RUNNING:
        drawn.draw(status_lines(found))
        time.sleep(1)
        found = reader.read()
    drawn.erase()
    print(json.dumps(status_entries(found)) if arguments.json else "\n".join(status_lines(found)))


def tensorboard(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.evaluation.tensorboard import write_tensorboard

    out = arguments.out or arguments.folder_of_run / "tensorboard"
    epochs = write_tensorboard(arguments.folder_of_run, out, arguments.watch)
    print(json.dumps({"folder": str(out), "epochs": epochs}) if arguments.json
          else f"{epochs} epochs written; to see them: tensorboard --logdir={out}")


def models(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.models import table

    show(table(), arguments.json)


def datasets(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.loading import SOURCES

    show([{"name": name, "reads": reads} for name, reads in SOURCES.items()], arguments.json)


def protocols(arguments: argparse.Namespace, rest: list[str]) -> None:
    refuse(rest)
    from mer_jax.data.folds import PROTOCOLS

    options = {name: [option for option in inspect.signature(made).parameters.values() if option.name != "clips"]
               for name, made in PROTOCOLS.items()}
    show([{"name": name, "options": " ".join(f"{option.name}={option.default!r}" for option in options[name]),
           "does": (made.__doc__ or "").splitlines()[0]} for name, made in PROTOCOLS.items()], arguments.json)


def refuse(rest: list[str]) -> None:
    if rest:
        raise UserMistake(f"option {rest[0]!r} is not known")


def show(rows: list[dict], as_json: bool) -> None:
    """Prints rows as one JSON object, its keys their names ("name/variant" of what has variants), or as aligned columns."""
    if as_json:
        print(json.dumps({"/".join(row[key] for key in ("name", "variant") if key in row): row for row in rows}))
        return
    widths = {key: max(len(str(row[key])) for row in [*rows, {key: key}]) for key in rows[0]}
    for row in [{key: key for key in rows[0]}, *rows]:
        print("  ".join(f"{row[key]!s:{width}}" for key, width in widths.items()).rstrip())
