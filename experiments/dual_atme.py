"""Dual-ATME under the composite protocol (one LOSO over databases, pooled scores).

Paper:    "Dual-ATME: Dual-Branch Attention Network for Micro-Expression Recognition", Entropy 25(3), 460, 2023,
          doi 10.3390/e25030460, and its public code: focal loss and .01 times the branches' cosine, Adam 1e-3, batch 128,
          60 epochs, the last one's weights.
Command:  mer-jax benchmark --config=experiments/dual_atme.py --config.data.table=CLIPS.csv
          one branch alone: --config.network.off="('puzzled_face',)" or "('whole_face',)"
Expected: by this recipe not measured yet; by the zoo's (docs/zoo.md), people in five groups, UF1 .723 [.65, .79] on the
          309 clips of CASME II and SMIC.
Cost:     not measured yet.
Departs:  the puzzled face is cut out of the flow picture, at fixed rows; the paper finds flow on puzzled frames.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "dual_atme"
    config.losses = {"focal": 1.0, "branches_alike": 0.01}
    config.epochs = 60
    config.batch_size = 128
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.seeds = 5
    return config
