"""OFF-ApexNet under the composite protocol (one LOSO over databases, pooled scores).

Paper:    Gan, Liong, Yau, Huang, Tan: "OFF-ApexNet on micro-expression recognition system", Signal Processing: Image
          Communication 74, 2019, arXiv 1805.08699, of which the abstract was read. Epochs, batch size and Adam's 1e-4, which
          does not fall, are what the public code of Off-TANet (train_arg.py) has for its port.
Command:  mer-jax benchmark --config=experiments/off_apexnet.py --config.data.table=CLIPS.csv
          with ReLU behind each convolution: --config.network.variant=rectified
Expected: by this recipe not measured yet; by the zoo's (docs/zoo.md), people in five groups, UF1 .728 [.66, .79] on the
          309 clips of CASME II and SMIC; the paper prints an accuracy of .7460 and an F-measure of .7104 over SMIC, CASME
          II and SAMM. On the 442 clips of MEGC 2019, HTNet's table quotes UF1 .7196 and UAR .7096.
Cost:     not measured yet.
Departs:  the last epoch is scored, that code watches every 200th; each clip's flow is stretched to 0..255, there it is TV-L1 in
          pixels of 28 x 28. What the paper's own training was is not known.
"""

from mer_jax.settings import default_config


def get_config():
    config = default_config()
    config.data.classes = ("negative", "positive", "surprise")
    config.protocol = "composite"
    config.network.name = "off_apexnet"
    config.epochs = 3000
    config.batch_size = 64
    config.optimizer.name = "adam"
    config.optimizer.learning_rate = 1e-4
    config.seeds = 5
    return config
