"""AGMENet (tiny) on SynthME, in the light and in the dark: the main job, for everyone who has no licensed data.

Paper:    AGMENet, JETBM 2024, doi 10.5281/zenodo.13933725 (abstract public; layers, losses and schedule are completions).
Command:  mer-jax benchmark --config=experiments/agmenet_synthme.py
Expected: UF1 .798 [.74, .87] at L0, .598 [.51, .66] at L2; up to .885 and .637 where rounding differs (docs/results.md);
          four to six minutes on two CPU cores (one seed).
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.name = "synthme/easy"
    config.data.label = "label3"
    config.protocol = "subject_kfold"
    config.protocol_options.folds = 4
    config.network.name = "agmenet"
    config.network.variant = "tiny"
    config.light = ("L0", "L2")
    config.stages_before = {
        "enhancement": {
            "epochs": 2, "learning_rate": 1e-3, "trainable": {"llem": 1.0, "*": 0.0},
            "losses": {"spatial": 1.0, "exposure": 10.0, "colour": 5.0, "curve_smoothness": 200.0, "motion": 1.0},
        },
    }
    config.epochs = 40
    config.batch_size = 12
    config.optimizer.name = "adamw"
    config.optimizer.learning_rate = 2e-3
    config.optimizer.weight_decay = 1e-4
    config.optimizer.schedule = "cosine"
    config.optimizer.warmup_epochs = 2
    config.optimizer.gradient_clip = 1.0
    config.label_smoothing = 0.1
    config.losses = {"cross_entropy": 1.0, "instants": 0.3}
    config.trainable = {"llem": 0.1}
    config.class_weights = "balanced"
    config.augmentation.flip = True
    config.augmentation.shift = 2
    config.augmentation.dark = 0.5
    config.seeds = 1
    return config
