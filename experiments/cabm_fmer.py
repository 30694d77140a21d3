"""CABM-FMER, a ConvMixer with attention in its blocks, under the composite protocol (one LOSO over databases, pooled scores).

Paper:    "CABM-FMER", IEEE Access, doi 10.1109/ACCESS.2024.3525151, of which the abstract is public. Optimizer, epochs
          and batch size are a completion.
Command:  mer-jax benchmark --config=experiments/cabm_fmer.py --config.data.table=CLIPS.csv
          mer-jax benchmark --config=experiments/cabm_fmer.py --config.data.table=CLIPS.csv --config.network.variant=convmixer
Expected: not measured yet; the paper prints accuracies of 99.73 (SAMM) and 99.12 (CASME II) by a 10-fold that is not said to
          part the subjects (--config.protocol=leaky_kfold --config.protocol_options.folds=10 --config.allow_leak=true), with
          a precision and a recall that its F1 cannot have.
Cost:     not measured yet; for an accelerator, or variant "small".
Departs:  the stretched 28 x 28 picture enlarged to 112; no mixing of clips, no rotation.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "cabm_fmer"
    config.epochs = 100
    config.batch_size = 64
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.weight_decay = 1e-2
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_epochs = 5
    config.label_smoothing = 0.1
    config.augmentation.flip = True
    config.augmentation.shift = 1
    config.seeds = 5
    return config
