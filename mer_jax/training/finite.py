"""Numbers that are none: a run whose loss or predictions are NaN or infinite ends the training, named."""

from collections.abc import Sequence

import numpy as np

from mer_jax.mistakes import UserMistake


class NotFinite(UserMistake):
    """The loss or a prediction of a run is NaN or infinite: what was asked for cannot be trained so. Says where."""


def check_losses(loss: np.ndarray, epoch: int, names: Sequence[str]) -> None:
    """Raises NotFinite for the first of the (runs, steps) losses of an epoch that is no number."""
    bad = np.argwhere(~np.isfinite(loss))
    if len(bad):
        run, step = bad[0]
        raise NotFinite(f"training stopped: loss is {loss[run, step]} at epoch {epoch}, step {step} of {loss.shape[1]}, in "
                        f"{names[run]}")


def check_predictions(probabilities: np.ndarray, epoch: np.ndarray, names: Sequence[str]) -> None:
    """Raises NotFinite for the first run with a probability that is no number.

    probabilities: (runs, test, ..., classes), whose padded rows repeat real ones; epoch: (runs,), which they are of.
    """
    bad = np.argwhere(~np.isfinite(probabilities))
    if len(bad):
        run = bad[0][0]
        raise NotFinite(f"training stopped: a predicted probability is {probabilities[tuple(bad[0])]} at epoch {epoch[run]}, "
                        f"in {names[run]}")
