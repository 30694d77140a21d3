"""Every file of experiments/ that reads flow is a command that ends with its report: small networks, one epoch, one fold."""

from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SMALL = {"cabm_fmer": ("width=8", "depth=1", "kernel=3"), "capsulenet": ("widths=2,2,2", "features=2", "types=1"),
         "dual_atme": ("width=8",), "dual_inception": ("width=8",), "featref": ("width=8", "features=4"),
         "htnet": ("width=8", "depths=1,1,1"), "linear": (), "mfe_net": ("widths=4,8,8", "heads=2"),
         "off_apexnet": ("features=2,2", "width=8"), "off_tanet": ("side=16",), "rcn": ("side=28", "features=4"), "ststnet": ()}


def test_every_config_of_flow_is_here():
    reads_frames = {"agmenet_synthme"}
    configs = {path.stem for path in EXPERIMENTS.glob("*.py") if "def get_config" in path.read_text(encoding="utf-8")}
    assert configs - reads_frames == set(SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_the_command_of_its_header_ends_with_a_report(name, here, mer_jax):
    options = [f"--config.network_options.{option}" for option in SMALL[name]]
    status, out, err = mer_jax("benchmark", f"--config={EXPERIMENTS / name}.py", "--config.data.table=clips.csv",
                               "--config.protocol_options.subjects=a/s0", "--config.epochs=1", "--config.seeds=1",
                               "--config.optimizer.warmup_epochs=0", "--out=run", *options)
    assert status == 0, err
    assert (here / "run" / "report.html").stat().st_size > 1000 and "\n4 clips, 1 seed, selection last" in out
