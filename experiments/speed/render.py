"""How many of SynthME's clips are rendered in a second, on all devices; nothing is stored.

Command:  python experiments/speed/render.py [--json] [--tier=casme2_like] [--frames=16] [--people=8] [--clips=10] [--rounds=5]
Work:     so many people, each drawn once, and so many clips of each, of which as many frames, spread from onset to offset, are
          rendered, with the true flow; 112x112 pixels in `casme2_like`. Everything of a person is one program, and on a CPU
          a thread a core keeps each core at one person.
Figure:   clips a second, the median over rounds and their range; the first call, which compiles, is left out and printed.
"""

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tier", default="casme2_like")
    for name, default in (("frames", 16), ("people", 8), ("clips", 10), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments)
    if arguments.json:
        print(json.dumps(found))
        return
    low, high = found["range"]
    print(f"{found['clips_per_second']:.1f} clips a second [{low:.1f}, {high:.1f}] of {arguments.frames} frames, "
          f"{found['size']}x{found['size']}, on {found['devices']}; CPU seconds a clip {found['cpu_seconds']:.3f}; "
          f"compiling {found['compile_seconds']:.1f} s")


def measure(arguments: argparse.Namespace) -> dict:
    from mer_jax.backend import start_jax

    start_jax("")
    import jax
    import numpy as np

    from mer_jax.data.sampling import instants
    from mer_jax.synthetic.crowd import draw_clip, draw_person
    from mer_jax.synthetic.tiers import TIERS

    tier, numbers = TIERS[arguments.tier], np.arange(arguments.clips)

    def shown(act):
        return instants(act.onset[None], act.apex[None], act.offset[None], arguments.frames)[0]

    def person_of(person):
        face = draw_person(tier, person)
        clips = jax.vmap if jax.default_backend() != "cpu" else lambda one: lambda every: jax.lax.map(one, every)
        return clips(lambda number: draw_clip(tier, person, face, number, shown))(numbers)

    render = jax.jit(person_of)
    start = time.perf_counter()
    jax.block_until_ready(render(0))
    compiling, rates, cpu = time.perf_counter() - start, [], []
    workers = os.cpu_count() if jax.default_backend() == "cpu" else 1
    with ThreadPoolExecutor(workers) as pool:
        for number in range(arguments.rounds):
            start, busy = time.perf_counter(), time.process_time()
            people = range(number * arguments.people, (number + 1) * arguments.people)
            list(pool.map(lambda person: jax.block_until_ready(render(person)), people))
            rates.append(arguments.people * arguments.clips / (time.perf_counter() - start))
            cpu.append((time.process_time() - busy) / (arguments.people * arguments.clips))
    return {"clips_per_second": float(np.median(rates)), "range": [min(rates), max(rates)], "size": tier.size,
            "frames": arguments.frames, "compile_seconds": compiling, "cpu_seconds": float(np.median(cpu)),
            "devices": f"{jax.local_device_count()} x {jax.devices()[0].device_kind}"}


if __name__ == "__main__":
    main()
