"""RCN under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Xia, Peng, Khor, Feng, Zhao: "Revealing the Invisible with Model and Data Shrinking for Composite-database
          Micro-expression Recognition", IEEE TIP 29, 2020, arXiv 2006.09674, and its public code: 100 epochs, batch 64, SGD
          with momentum .9 at 5e-4; the last epoch's weights. It makes a schedule that halves the rate every 10 epochs and
          never calls it, so the rate is constant.
Command:  mer-jax benchmark --config=experiments/rcn.py --config.data.table=CLIPS.csv
          the paper's other networks: --config.network.variant=s, or w, p, c, f
          the bare RCN: --config.network.off="('attention_unit',)"
Expected: not measured yet; for RCN-A, HTNet's table quotes UF1 .7432 and UAR .7190 on the 442 clips of MEGC 2019.
Cost:     not measured yet.
Departs:  the stretched 28 x 28 picture enlarged to 60.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "rcn"
    config.epochs = 100
    config.batch_size = 64
    config.optimizer.name = "momentum"
    config.optimizer.learning_rate = 5e-4
    config.seeds = 5
    return config
