"""CapsuleNet under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Quang, Chun, Tokuyama: "CapsuleNet for Micro-Expression Recognition", FG 2019, doi 10.1109/FG.2019.8756544, and its
          public code: Adam 1e-4, falling by a tenth each epoch and before the first, batch 32, 30 epochs, margin loss.
Command:  mer-jax benchmark --config=experiments/capsulenet.py --config.data.table=CLIPS.csv
          the paper's trunk, on the picture enlarged to 224 x 224: --config.network.variant=enlarged
Expected: not measured yet; the paper's committed predictions of 435 of the 442 clips, from apex frames, each subject's at the
          epoch that is best on it, have UF1 .6520 and UAR .6506.
Cost:     not measured yet.
Departs:  flow pictures for apex frames; no weights from ImageNet and facial expressions; margins of .9 and .1 (Sabour et al.),
          their code's are .99 and .01; rare classes weigh more, where theirs draws further frames of them; no turned, cropped
          or recoloured pictures, mirrored ones alone; the last epoch is scored.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "capsulenet"
    config.losses = {"margin": 1.0}
    config.class_weights = "balanced"
    config.augmentation.flip = True
    config.epochs = 30
    config.batch_size = 32
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 9e-5
    config.optimizer.schedule = "0.9 every 1"
    config.seeds = 5
    return config
