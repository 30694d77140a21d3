"""The processes in which a PyTorch peer works, and the search for its best arrangement on this machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from mer_jax.mistakes import UserMistake

CORES = len(os.sched_getaffinity(0))


KEPT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}   # as backend.keep_memory


class Workers:
    """One arrangement: `workers` processes of `threads` threads each, which keep their data and wait for orders.

    words: of the arrangement, joined by "+"; with "kept" what a process frees stays its own, as it does on our side.
    """

    def __init__(self, folder: Path, script: str, words: str, workers: int, threads: int):
        self.name, self.begun = f"{words}, {workers} x {threads} threads", time.perf_counter()
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), **(KEPT if "kept" in words.split("+") else {})}
        with open(folder / "torch.log", "a", encoding="utf-8") as log:
            start = [sys.executable, Path(__file__).with_name(script), folder, words]
            self.processes = [subprocess.Popen([*start, str(w), str(workers), str(threads)], stdin=subprocess.PIPE,
                                               stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
                              for w in range(workers)]
        self.versions = self.answers()[0]

    def answers(self) -> list[dict]:
        """A line of each worker. Raises UserMistake where one has died."""
        lines = [process.stdout.readline() for process in self.processes]
        if not all(lines):
            self.close()
            raise UserMistake(f"the PyTorch worker {self.name} has stopped; see torch.log")
        return [json.loads(line) for line in lines]

    def ask(self, **words) -> list[dict]:
        for process in self.processes:
            process.stdin.write(json.dumps(words) + "\n")
            process.stdin.flush()
        return self.answers()

    def seconds(self, folds: int, epochs: int) -> tuple[float, float]:
        """Wall time in which all workers together train the first `folds` folds, and the CPU seconds of all their threads."""
        start = time.perf_counter()
        answers = self.ask(folds=folds, epochs=epochs)
        return time.perf_counter() - start, sum(answer["cpu_seconds"] for answer in answers)

    def close(self) -> None:
        for process in self.processes:
            process.stdin.close()
            process.wait()


def candidates(folder: Path, script: str, tried: tuple, folds: int, steps: int,
               progress) -> tuple[dict[str, dict], dict[str, tuple]]:
    """name -> its start in seconds (compiling and all) and its milliseconds a step, the best of two, over `folds` folds.

    And name -> (words, workers, threads). One that cannot run here has the reason instead.
    """
    found, arrangements = {}, {}
    for arrangement in dict.fromkeys(tried):
        name = "{}, {} x {} threads".format(*arrangement)
        try:
            workers = Workers(folder, script, *arrangement)
            workers.seconds(folds, 1)
            ready = time.perf_counter() - workers.begun
            spent = min(workers.seconds(folds, 1)[0] for _ in range(2))
            workers.close()
            found[name] = {"start_seconds": ready, "milliseconds_a_step": 1e3 * spent / (folds * steps)}
            arrangements[name] = arrangement
        except UserMistake:
            lines = (folder / "torch.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            found[name] = {"failed": lines[-1][:200] if lines else "no word"}
        progress.advance()
    return found, arrangements
