"""HTNet under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Wang, Zhang, Luo, Sankaranarayana: "HTNet for micro-expression recognition", Neurocomputing 2024, arXiv 2307.14637,
          and its public code: cross-entropy, Adam 5e-5, batch 256, 800 epochs.
Command:  mer-jax benchmark --config=experiments/htnet.py --config.data.table=CLIPS.csv
          with self-attention over more than one place: --config.network.variant=attending
Expected: not measured yet; the paper prints UF1 .8603 and UAR .8475 on 442 clips, each subject's predictions being those of
          the epoch that is best on it. With their code others found .6484 and .6552 (UF1).
Cost:     not measured yet; 139.6 million parameters, so 1.7 GB a run for weights, gradient and Adam's moments.
Departs:  squares at fixed places of an aligned face; the last epoch is scored; clips are drawn anew each epoch, theirs come
          always in the same batches.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "htnet"
    config.epochs = 800
    config.batch_size = 256
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 5e-5
    config.seeds = 5
    return config
