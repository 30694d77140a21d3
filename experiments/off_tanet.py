"""Off-TANet under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Zhang, Liu, Zhou: "Off-TANet: A Lightweight Neural Micro-expression Recognizer with Optical Flow Features and
          Integrated Attention Mechanism", PRICAI 2021, doi 10.1007/978-3-030-89188-6_20: Adam 1e-3, times .3 every 60 epochs,
          batch 64, 201 epochs.
Command:  mer-jax benchmark --config=experiments/off_tanet.py --config.data.table=CLIPS.csv
Expected: not measured yet; the paper prints UAR .7315 and UF1 .7242 on 294 clips of CASME, CASME II and CAS(ME)2, mean over
          subjects at the epoch that is best on them.
Cost:     not measured yet.
Departs:  the stretched 28 x 28 picture enlarged to 112, where the paper has flow of 112 x 112 pixels as it was found (flow
          found on a data set's frames: --config.network.variant=native --config.front.flow=tvl1); scores are pooled, of
          the last epoch.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "off_tanet"
    config.epochs = 201
    config.batch_size = 64
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "0.3 every 60"
    config.seeds = 5
    return config
