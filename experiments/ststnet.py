"""STSTNet from scratch under the composite protocol of MEGC2019 (one LOSO over databases, pooled scores).

Paper:    Liong, Gan, See, Khor, Huang: "Shallow Triple Stream Three-dimensional CNN (STSTNet) for Micro-expression
          Recognition", FG 2019, arXiv 1902.03634: Adam 5e-5, batch 256, 500 epochs.
Command:  mer-jax benchmark --config=experiments/ststnet.py --config.data.table=CLIPS.csv
Expected: at --config.epochs=100 on the 309 clips of CASME II and SMIC, 5 seeds: UF1 .568 (95 % over subjects .504 to
          .627); the paper prints UF1 .7353 on all 442 clips (its "UAR" .7605 is macro-precision).
Cost:     35 minutes for these 200 runs of 100 epochs on two busy CPU cores; the 500 epochs below, five times that.
Departs:  an epoch is cut into equal batches (two of about 150 on 300 clips, not 256 and a rest).
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "ststnet"
    config.epochs = 500
    config.batch_size = 256
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 5e-5
    config.seeds = 5
    return config
