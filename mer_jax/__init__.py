"""mer_jax: micro-expression recognition in JAX. Networks, databases, protocols, and scores one can trust.

    clips   = mer_jax.load("clips.csv")
    folds   = mer_jax.protocols.leave_one_subject_out(clips)
    network = mer_jax.models.create("ststnet", classes=3)
    table   = mer_jax.benchmark(network, clips, folds, recipe, seeds=5)
    print(mer_jax.score(table))

Names are imported when first used, so that `import mer_jax` and the command line's help are quick.
"""

import importlib

__version__ = "0.1.0"

_HOME = {
    "load": ("mer_jax.loading", "load"),
    "benchmark": ("mer_jax.evaluation.benchmark", "benchmark"),
    "benchmark_many": ("mer_jax.evaluation.benchmark", "benchmark_many"),
    "read_start": ("mer_jax.evaluation.start", "read_start"),
    "Front": ("mer_jax.training.front", "Front"),
    "Hyper": ("mer_jax.training.hyper", "Hyper"),
    "score": ("mer_jax.evaluation.score", "score"),
    "protocols": ("mer_jax.data.folds", None),
    "models": ("mer_jax.models", None),
    "faces": ("mer_jax.faces", None),
    "Recipe": ("mer_jax.training.stages", "Recipe"),
    "Stage": ("mer_jax.training.stages", "Stage"),
    "Clips": ("mer_jax.data.clips", "Clips"),
    "Folds": ("mer_jax.data.folds", "Folds"),
    "Predictions": ("mer_jax.evaluation.predictions", "Predictions"),
    "UserMistake": ("mer_jax.mistakes", "UserMistake"),
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'mer_jax' has no attribute {name!r}")
    module, attribute = _HOME[name]
    found = importlib.import_module(module)
    return getattr(found, attribute) if attribute else found


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})
