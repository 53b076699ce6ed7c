"""The ranker: a few hundred small trees that weigh what words, meaning and the graph say of a passage."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np

from courtyard.knowledge.features import NAMES
from courtyard.knowledge.shard import Array

_ROUNDS = 150
_SEEDS = 2
_OWN_ROUNDS = 40
_PARAMETERS = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": 15,
    "learning_rate": 0.05,
    "num_leaves": 8,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


class Example(msgspec.Struct, frozen=True):
    """One question: the features of its likely passages, and which of them answer it."""

    features: Array
    relevant: Array


class Ranker:
    """Orders passages by their features.

    Raises:
        ValueError: it was trained on other features than there are now.
    """

    def __init__(self, content: bytes, *, own: bool = False) -> None:
        import lightgbm  # noqa: PLC0415  It takes its time, and only who ranks needs it.

        self.content = content
        self.own = own
        """Whether it has learned from what people said of this very collection: then no gate stands before it."""
        parts = content.decode().split(_BETWEEN)
        self.models = [lightgbm.Booster(model_str=part) for part in parts]
        if any(tuple(model.feature_name()) != NAMES for model in self.models):
            raise ValueError("the ranker was trained on other features than it would be asked with; train it again")

    def scores(self, features: Array) -> Array:
        """Return how well each passage answers, higher being better."""
        if not len(features):
            return np.empty(0)
        each = [model.predict(features, num_threads=1) for model in self.models]
        return np.asarray(np.mean(each, axis=0))


_BETWEEN = "\n\n\n----\n\n\n"


@cache
def shipped() -> Ranker:
    """Return the ranker that comes with Courtyard, trained by `python -m benchmarks.ranker`."""
    return Ranker(files("courtyard.knowledge").joinpath("ranker.txt").read_bytes())


def train(examples: Sequence[Example]) -> Ranker:
    """Train a ranker on questions whose answers are known: the same examples make the same ranker."""
    return Ranker(_trained(examples, [None] * _SEEDS, _ROUNDS))


def improve(base: Ranker, examples: Sequence[Example]) -> Ranker:
    """Return a collection's own ranker: `base`, with trees that mend what it gets wrong here."""
    return Ranker(_trained(examples, base.models, _OWN_ROUNDS), own=True)


def _trained(examples: Sequence[Example], models: Sequence[Any], rounds: int) -> bytes:
    import lightgbm  # noqa: PLC0415  It takes its time, and only who trains needs it.

    kept = [example for example in examples if example.relevant.any() and not example.relevant.all()]
    features = np.concatenate([example.features for example in kept])
    relevant = np.concatenate([example.relevant for example in kept]).astype(int)
    sizes = [len(example.relevant) for example in kept]
    trained = []
    for seed, model in enumerate(models):
        data = lightgbm.Dataset(
            features, relevant, group=sizes, feature_name=list(NAMES), params=_PARAMETERS, free_raw_data=False
        )
        parameters = {**_PARAMETERS, "seed": seed + 1}
        trained.append(lightgbm.train(parameters, data, num_boost_round=rounds, init_model=model))
    return _BETWEEN.join(model.model_to_string(importance_type="gain") for model in trained).encode()
