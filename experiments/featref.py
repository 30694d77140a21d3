"""FeatRef under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Zhou, Mao, Huang, Zhang, Zhang: "Feature refinement: An expression-specific feature learning and fusion method for
          micro-expression recognition", Pattern Recognition 122, 2022, arXiv 2101.04838, of which the abstract is used: the
          factors of the losses, the epochs and the batch size are a completion, Adam 1e-4 is their earlier public code's.
Command:  mer-jax benchmark --config=experiments/featref.py --config.data.table=CLIPS.csv
Expected: by this recipe not measured yet; by the zoo's (docs/zoo.md), people in five groups, UF1 .748 [.68, .81] on the
          309 clips of CASME II and SMIC.
Cost:     not measured yet.
Departs:  from what is not public: see above.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "featref"
    config.losses = {"cross_entropy": 0.5, "proposals": 0.5}
    config.epochs = 50
    config.batch_size = 32
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-4
    config.seeds = 5
    return config
