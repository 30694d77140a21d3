"""Where the time of a trace goes: operators by kind, read from what `jax.profiler` writes, without TensorBoard.

Operators: on an accelerator the events of its planes, on a CPU the host's events that name an HLO operator. An operator
that holds others (a `while`) counts without them. XLA's names say what was fused: `add_multiply_fusion`; `ynn_fusion` is its
CPU library of matrix products and convolutions.
"""

import dataclasses
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from jax.profiler import ProfileData

Span = tuple[float, float, str]                   # begin and end in nanoseconds, and the operator's name


@dataclasses.dataclass(frozen=True)
class TraceTable:
    """rows: (kind, seconds over all devices and threads, calls), the longest first; busy: seconds in which any ran."""

    rows: tuple[tuple[str, float, int], ...]
    busy: float


def trace_table(path: Path) -> TraceTable:
    """The table of a file `*.xplane.pb`."""
    return table_of(ProfileData.from_file(str(path)))


def table_of(data: ProfileData) -> TraceTable:
    with warnings.catch_warnings():                                # of types that jaxlib makes at the first look: were it an
        warnings.simplefilter("ignore", DeprecationWarning)        # error, as under `python -W error`, jaxlib 0.12 would abort
        lines = list(operator_lines(data))
    totals: dict[str, list] = {}
    for line in lines:
        for name, seconds in own_seconds(line):
            total = totals.setdefault(kind_of(name), [0.0, 0])
            total[0] += seconds
            total[1] += 1
    rows = sorted(((kind, seconds, calls) for kind, (seconds, calls) in totals.items()), key=lambda row: (-row[1], row[0]))
    return TraceTable(tuple(rows), covered(span for line in lines for span in line))


def operator_lines(data: ProfileData) -> Iterator[list[Span]]:
    """The operators of each stream of a device, or of each thread of the host where there is no other device."""
    planes = list(data.planes)
    devices = [plane for plane in planes if plane.name.startswith("/device:") and any(True for _ in operators_of(plane))]
    if devices:
        for plane in devices:
            yield from operators_of(plane)
        return
    for plane in planes:
        if plane.name.startswith("/host:CPU"):
            for line in plane.lines:
                found = [(event.start_ns, event.end_ns, str(name)) for event in line.events
                         if (name := dict(event.stats).get("hlo_op"))]
                if found:
                    yield found


def operators_of(plane) -> Iterator[list[Span]]:
    """The operators of an accelerator: of a TPU the line "XLA Ops", of a GPU all streams, named by HLO or else by kernel."""
    lines = list(plane.lines)
    for line in [line for line in lines if line.name == "XLA Ops"] or lines:
        found = [(event.start_ns, event.end_ns, str(dict(event.stats).get("hlo_op", event.name))) for event in line.events]
        if found:
            yield found


def own_seconds(spans: list[Span]) -> Iterator[tuple[str, float]]:
    """(name, seconds) of each operator of one line, without the operators inside it."""
    within: list[list] = []                                        # [end, name, own nanoseconds] of those that are open
    for begin, end, name in sorted(spans, key=lambda span: (span[0], -span[1])):
        while within and within[-1][0] <= begin:
            _, done, own = within.pop()
            yield done, own / 1e9
        if within:
            within[-1][2] -= min(end, within[-1][0]) - begin
        within.append([end, name, end - begin])
    for _, done, own in reversed(within):
        yield done, own / 1e9


def covered(spans: Iterable[Span]) -> float:
    """Seconds in which at least one operator runs."""
    total, until = 0.0, float("-inf")
    for begin, end, _ in sorted(spans):
        total += max(end - max(begin, until), 0.0)
        until = max(until, end)
    return total / 1e9


def kind_of(name: str) -> str:
    """An operator's name without the numbers that tell it from others of its kind."""
    return re.sub(r"([._]\d+)+$", "", name.lstrip("%").removeprefix("wrapped_"))
