"""One walk over a copy: its folders of images, its tables, and what else should be said of it."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mer_jax.data.image_files import IMAGE_SUFFIXES
from mer_jax.mistakes import UserMistake
from tfds_builders.annotation_tables.repairs import Findings
from tfds_builders.annotation_tables.workbook import SUFFIXES

ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz")
JUNK = ("__macosx", "@eadir", "$recycle.bin")                    # what systems leave behind, beside names that begin with "."


class Copy(NamedTuple):
    """A copy below `root`: the image files of each folder, by its parts below root, and the tables, in sorted order."""

    root: Path
    folders: Mapping[tuple[str, ...], tuple[str, ...]]
    tables: tuple[Path, ...]

    @property
    def above(self) -> str:
        """The names of the copy's own folder and of the one that holds it: they too may say what it is."""
        return "/".join(self.root.parts[-2:])

    def digest(self) -> str:
        """sha256 of the tables, and of every image's place and size in bytes: it differs where the copy does."""
        found = hashlib.sha256()
        for table in self.tables:
            found.update(f"{table.relative_to(self.root)}\0".encode(errors="surrogateescape") + table.read_bytes())
        for folder, names in self.folders.items():
            for name in names:
                path = self.path(folder, name)
                found.update(f"{path.relative_to(self.root)}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
        return found.hexdigest()

    def path(self, folder: tuple[str, ...], name: str = "") -> Path:
        return self.root.joinpath(*folder, name)


def index_copy(root: Path, findings: Findings) -> Copy:
    """What lies below a folder. Junk of operating systems is passed over; links are not followed, and archives not opened,
    which the findings say.

    Raises UserMistake where there is no such folder.
    """
    if not root.is_dir():
        raise UserMistake(f"--source={root}: {'is a file' if root.exists() else 'no such folder'}; wanted the folder of a copy")
    root = root.resolve()                                         # "." has no name, and a name tells what a copy is
    folders: dict[tuple[str, ...], tuple[str, ...]] = {}
    tables, links, archives = [], [], []
    pending: list[tuple[str, ...]] = [()]
    while pending:
        parts = pending.pop()
        images = []
        for entry in entries(root.joinpath(*parts), findings):
            here, suffix = (*parts, entry.name), os.path.splitext(entry.name)[1].lower()
            if entry.name.startswith((".", "~$")) or entry.name.lower() in JUNK:
                continue
            if entry.is_symlink():
                links.append("/".join(here))
            elif entry.is_dir(follow_symlinks=False):
                pending.append(here)
            elif not entry.is_file(follow_symlinks=False):
                continue
            elif suffix in IMAGE_SUFFIXES:
                images.append(entry.name)
            elif suffix in SUFFIXES:
                tables.append(root.joinpath(*here))
            elif suffix in ARCHIVES:
                archives.append("/".join(here))
        if images:
            folders[parts] = tuple(sorted(images))
    said(findings, links, "links are not followed: they may lead out of the folder")
    said(findings, archives, "archives are not opened: unpack those that hold frames")
    return Copy(root, dict(sorted(folders.items())), tuple(sorted(tables)))


def entries(folder: Path, findings: Findings) -> list[os.DirEntry]:
    """What a folder holds; nothing where the system refuses to list it, which the findings say."""
    try:
        with os.scandir(folder) as scan:
            return list(scan)
    except OSError as error:
        findings.problem(str(folder), f"cannot be listed ({error.strerror}): left out")
        return []


def said(findings: Findings, names: list[str], text: str) -> None:
    """One finding for any number of names."""
    if names:
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        findings.problem(f"{min(names)}{more}", text)
