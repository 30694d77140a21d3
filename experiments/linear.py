"""A linear classifier of the flow picture under the composite protocol (one LOSO over databases, pooled scores).

Paper:    none: what every network has to be better than. A linear support vector machine on the same pictures, with nothing
          to be tuned but its cost, is `mer_jax.evaluation.linear_svm.svm_predictions`.
Command:  mer-jax benchmark --config=experiments/linear.py --config.data.table=CLIPS.csv
Expected: on the 309 clips of CASME II and SMIC UF1 .743 [.67, .81] over people, UAR .756, accuracy .753; CASME II .847,
          SMIC .656.
Cost:     50 seconds on two busy CPU cores.
Departs:  from no paper; the weight decay was not searched for.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "linear"
    config.class_weights = "balanced"
    config.epochs = 100
    config.batch_size = 256
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.weight_decay = 0.1
    config.seeds = 5
    return config
