"""Dual-Inception under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Zhou, Mao, Xue: "Dual-Inception Network for Cross-Database Micro-Expression Recognition", FG 2019, and its public
          code: Adam 1e-4, 40 epochs, batch 3, class weights "auto" (read here as balanced; some versions of Keras may have
          passed the word over); TV-L1 flow from the onset to the frame in the middle.
Command:  mer-jax benchmark --config=experiments/dual_inception.py --config.data.table=CLIPS.csv
Expected: by this recipe not measured yet; by the zoo's (docs/zoo.md), people in five groups, UF1 .757 [.69, .82] on the
          309 clips of CASME II and SMIC; the paper prints UF1 .7322 and UAR .7278 on the 442 clips of MEGC 2019.
Cost:     not measured yet.
Departs:  training is on all clips but the held-out subject's, and the last epoch's weights are scored; the public code trains
          on the other two databases alone, and takes the epoch that is best on the rest of the held-out subject's database.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "dual_inception"
    config.epochs = 40
    config.batch_size = 3
    config.class_weights = "balanced"
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-4
    config.seeds = 5
    return config
