"""MFE-Net under the composite protocol (one LOSO over databases, pooled scores).

Paper:    "MFE-Net", Signal, Image and Video Processing 2024, doi 10.1007/s11760-024-03221-1, of which the abstract is public.
          Optimizer, epochs and batch size are a completion.
Command:  mer-jax benchmark --config=experiments/mfe_net.py --config.data.table=CLIPS.csv
          a part left out: --config.network.off="('self_attention',)", channel_attention, multi_scale
Expected: by this recipe not measured yet; by the zoo's (docs/zoo.md), people in five groups, UF1 .582 [.52, .64] on the
          309 clips of CASME II and SMIC; the abstract prints no score.
Cost:     not measured yet.
Departs:  not known from what.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "mfe_net"
    config.epochs = 100
    config.batch_size = 64
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.seeds = 5
    return config
