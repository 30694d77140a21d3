"""OFF-ApexNet under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Gan, Liong, Yau, Huang, Tan: "OFF-ApexNet on micro-expression recognition system", Signal Processing: Image
          Communication 74, 2019, arXiv 1805.08699, of which the abstract was read. Epochs, batch size, Adam's 1e-3 and how it
          falls are those of Off-TANet's public code, which trains its port so.
Command:  mer-jax benchmark --config=experiments/off_apexnet.py --config.data.table=CLIPS.csv
          with ReLU behind each convolution: --config.network.variant=rectified
Expected: not measured yet; the paper prints an accuracy of .7460 and an F-measure of .7104 over SMIC, CASME II and SAMM. On the
          442 clips of MEGC 2019, HTNet's table quotes UF1 .7196 and UAR .7096.
Cost:     not measured yet.
Departs:  from what is not known of the paper's training: see above.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "off_apexnet"
    config.epochs = 201
    config.batch_size = 64
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-3
    config.optimizer.schedule = "0.3 every 60"
    config.seeds = 5
    return config
