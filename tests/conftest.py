"""Eight simulated devices, and a small data set that every test of training shares."""

import fcntl
import os
import pty
import select
import struct
import sys
import tempfile
import termios
from pathlib import Path

COMPILED = tempfile.TemporaryDirectory(prefix="mer_jax_compiled_")             # what one test compiles, others need not
os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.5"
# Most of the time goes into compiling what runs for a moment: LLVM tries less hard, which takes a third off.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=1"

import jax  # noqa: E402  (after its folder is set)
import numpy as np  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
jax.devices()                    # starts the backend now: no test may change the number of devices

from mer_jax import command_line  # noqa: E402  (after the devices are set)
from mer_jax.data.clips import Clips, clips_of  # noqa: E402

CLIPS_OF_SUBJECTS = {"casme2": (2, 6, 4), "smic": (6, 2, 4)}


def planted_clips(seed: int = 0) -> Clips:
    """24 clips of 6 subjects with 2 to 6 each, of 2 databases: noise in which a bright block's place is the class.

    Subjects are unequal, so that the rows of most folds are padded; every fold trains on every class, under `inner` too.
    """
    rng, keys, emotions, flow = np.random.default_rng(seed), [], [], []
    names = ("negative", "positive", "surprise")
    for dataset, counts in CLIPS_OF_SUBJECTS.items():
        for s, count in enumerate(counts):
            for c in range(count):
                label = (s + c) % 3
                image = rng.integers(90, 160, (28, 28, 3), dtype=np.uint8)
                image[4 + 7 * label : 10 + 7 * label, 6:22] += 60
                keys.append((dataset, f"s{s:02d}", f"c{c}"))
                emotions.append(names[label])
                flow.append(image)
    return clips_of(keys, emotions, names, flow=np.stack(flow), flow_coding="minmax8")


@pytest.fixture(scope="session")
def clips() -> Clips:
    return planted_clips()


def made_moving_clips(subjects: int = 3, each: int = 6):
    """Textured pictures in which a part brightens towards the apex: which part is the class."""
    rng, keys, emotions, frames = np.random.default_rng(0), [], [], []
    names = ("negative", "positive", "surprise")
    for s in range(subjects):
        face = rng.integers(60, 180, (16, 16, 3))
        for c in range(each):
            change = np.zeros((16, 16, 3))
            change[1 + 5 * (c % 3) : 5 + 5 * (c % 3), 3:13] = 60
            course = np.clip(1 - np.abs(np.arange(15) - 7) / 7, 0, 1)
            noise = rng.normal(0, 1, (15, 16, 16, 3))
            frames.append(np.clip(face + course[:, None, None, None] * change + noise, 0, 255).astype(np.uint8))
            keys.append(("made", f"s{s}", f"c{c}"))
            emotions.append(names[c % 3])
    count = len(keys)
    marks = {name: np.full(count, value, np.int32) for name, value in
             (("length", 15), ("onset", 0), ("apex", 7), ("offset", 14))}
    return clips_of(keys, emotions, names, frames=np.stack(frames), fps=np.full(count, 200, np.float32), **marks)


@pytest.fixture(scope="session")
def moving_clips() -> Clips:
    return made_moving_clips()


@pytest.fixture(scope="session")
def real_clips_folder() -> Path:
    folder = os.environ.get("MER_JAX_REAL_CLIPS")
    if not folder:
        pytest.skip("MER_JAX_REAL_CLIPS names no folder of real clips")
    return Path(folder)


class Terminal:
    """A pseudo terminal, whose `stream` is written to, and the screen that a terminal emulator shows of it."""

    def __init__(self, columns: int, lines: int):
        self._pyte = pytest.importorskip("pyte")
        self._main, other = pty.openpty()
        self.stream, self._size = os.fdopen(other, "w", encoding="utf-8"), (columns, lines)
        self._begin([])

    def _begin(self, rows: list[str]) -> None:
        """A screen of this size with these rows on it, the cursor behind the last."""
        columns, lines = self._size
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen = self._pyte.Screen(columns, lines)
        self._feed = self._pyte.ByteStream(self._screen)
        self._feed.feed("\r\n".join(rows).encode())

    def rows(self) -> list[str]:
        """What the screen shows, down to the last row that is not empty."""
        while select.select([self._main], [], [], 0.05)[0]:
            self._feed.feed(os.read(self._main, 1 << 16))
        rows = [row.rstrip() for row in self._screen.display]
        return rows[: max((number for number, row in enumerate(rows, 1) if row), default=0)]

    def narrow(self, columns: int) -> None:
        """Makes it narrower, and wraps what is on it, as terminals do."""
        wrapped = [row[first : first + columns] for row in self.rows() for first in range(0, max(len(row), 1), columns)]
        self._size = (columns, self._size[1])
        self._begin(wrapped)

    def hang_up(self) -> None:
        os.close(self._main)


@pytest.fixture
def terminal(monkeypatch):
    """A function: a terminal of 80 columns or another size, which standard error is from then on."""
    def made(columns: int = 80, lines: int = 24) -> Terminal:
        terminal = Terminal(columns, lines)
        monkeypatch.setattr("sys.stderr", terminal.stream)
        monkeypatch.setenv("TERM", "xterm")
        return terminal
    return made


@pytest.fixture
def mer_jax(monkeypatch, capsys):
    """Calls the command with these words; gives (exit status, stdout, stderr)."""

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mer-jax", *map(str, words)])
        capsys.readouterr()
        try:
            command_line.main()
            status = 0
        except SystemExit as end:
            status = end.code or 0
        return status, *capsys.readouterr()

    return call
