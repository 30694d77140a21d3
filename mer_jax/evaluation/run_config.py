"""config.json of a run's folder: what was run, on what, with which code; and whether a folder holds the run asked for."""

from pathlib import Path

from mer_jax.data.clips import Clips, data_digest
from mer_jax.evaluation.identity import DECISIVE, arrays_digest, code_digest, decisive_versions, digest_of, versions
from mer_jax.evaluation.start import Start
from mer_jax.folder_lock import own_command
from mer_jax.mistakes import UserMistake
from mer_jax.training.run import Run
from mer_jax.whole_files import read_json

NAMES_ONLY = ("name", "source", "weights")       # what files are called: no number depends on it, and digests tell them
LONGEST = 80                                                  # letters of a value in a message
START_OVER = "name another --out, or start over with --fresh, which removes it"


def describe(settings, clips: Clips, start: Start) -> dict:
    """What config.json says of settings, data, code and the weights that runs begin with; `with_runs` adds the rest."""
    return {
        "settings": settings.to_json(),
        "data": {"digest": data_digest(clips), "clips": len(clips), "subjects": len(clips.subjects),
                 "datasets": list(clips.datasets), "classes": list(clips.classes)},
        "weights": {"digest": arrays_digest(start.variables) if start.variables else "", **start.to_json()},
        "versions": versions(),
        "code": {"digest": code_digest()},
        "command": own_command(),
    }


def with_runs(description: dict, runs: Run, findings: tuple[str, ...]) -> dict:
    """The whole content of config.json; `identity` is the digest of all that the predictions depend on."""
    runs_are = arrays_digest(runs)
    identity = digest_of(sorted(decisive(description["settings"]).items()), description["data"]["digest"], runs_are,
                         description["weights"]["digest"], description["code"]["digest"], decisive_versions())
    return {"identity": identity, **description, "runs": {"digest": runs_are}, "leak_audit": {"findings": list(findings)}}


def decisive(settings: object) -> object:
    """The settings that the numbers depend on."""
    return {k: v for k, v in settings.items() if k not in NAMES_ONLY} if isinstance(settings, dict) else settings


def strange_entry(folder: Path) -> str | None:
    """The name of an entry that shows a folder without config.json to be no run's; a start leaves .lock and .part files."""
    names = sorted(e.name for e in folder.iterdir() if e.name != ".lock" and not e.name.endswith(".part"))
    return names[0] if names else None


def check_folder(folder: Path, description: dict) -> None:
    """Raises UserMistake where the folder holds a run of other settings or data, or something that is no run."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserMistake(f"{folder}: wanted a folder for the run, found a file")
    if not (folder / "config.json").exists():
        if strange := strange_entry(folder):
            raise UserMistake(f"{folder}: not a run's folder: it has {strange!r}, but no config.json")
        return
    found = read_json(folder / "config.json")
    changed = differences(decisive(found.get("settings")), decisive(description["settings"]))
    if changed:
        raise UserMistake(f"{folder}: holds another run: settings differ in {'; '.join(changed)}; {START_OVER}")
    if _part(found, "data").get("digest") != description["data"]["digest"]:
        raise UserMistake(f"{folder}: holds another run: the data differ (another digest); {START_OVER}")
    if _part(found, "weights").get("digest") != description["weights"]["digest"]:
        raise UserMistake(f"{folder}: holds another run: the weights it began with differ (another digest); {START_OVER}")


def check_unfinished(folder: Path, description: dict) -> tuple[str, ...] | None:
    """The findings of the leak audit of a run that can go on with this code; None where nothing was begun yet.

    Raises UserMistake where other code, or another version of JAX, began it: its numbers would be of both.
    """
    if not (folder / "config.json").exists():
        return None
    found = read_json(folder / "config.json")
    there, here = _part(found, "versions"), description["versions"]
    for name in DECISIVE:
        if there.get(name) != here[name]:
            raise UserMistake(f"{folder}: unfinished, made with {name} {there.get(name)}, here is {here[name]}; {START_OVER}")
    if _part(found, "code").get("digest") != description["code"]["digest"]:
        raise UserMistake(f"{folder}: unfinished, made with other code of mer_jax (another digest); {START_OVER}")
    findings = _part(found, "leak_audit").get("findings")
    return tuple(map(str, findings)) if isinstance(findings, list) else None


def check_identity(folder: Path, config: dict) -> None:
    """Raises UserMistake where the folder was begun with other runs: other folds, seeds or class weights."""
    if (folder / "config.json").exists() and read_json(folder / "config.json").get("identity") != config["identity"]:
        raise UserMistake(f"{folder}: holds another run: its folds or class weights differ (another digest); {START_OVER}")


def check_clearable(folder: Path) -> None:
    """Raises UserMistake where something is there that is no run's."""
    if folder.exists() and not folder.is_dir():
        raise UserMistake(f"{folder}: wanted a folder for the run, found a file")
    if folder.exists() and not (folder / "config.json").is_file() and (strange := strange_entry(folder)):
        raise UserMistake(f"{folder}: --fresh removes runs only, and this folder has {strange!r}, but no config.json")


def differences(there: object, here: object, name: str = "settings") -> list[str]:
    """What differs between the settings on file and those asked for: "epochs (3 there, 2 here)"."""
    if isinstance(there, dict) and isinstance(here, dict):
        return [line for key in {**here, **there} for line in differences(there.get(key), here.get(key), key)]
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return [line for pair in zip(there, here, strict=True) for line in differences(*pair, name)]
    return [] if there == here else [f"{name} ({short(there)} there, {short(here)} here)"]


def short(value: object) -> str:
    """A value in words, no longer than a line can bear."""
    words = repr(value)
    return words if len(words) <= LONGEST else words[: LONGEST - 4] + " ..."


def _part(config: dict, name: str) -> dict:
    """A part of a config on file; an empty one where it is missing or damaged."""
    part = config.get(name)
    return part if isinstance(part, dict) else {}
