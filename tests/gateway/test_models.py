"""Lists of models in both formats."""

import msgspec
import pytest

from courtyard.core.errors import UnknownModel
from courtyard.gateway.wire import models
from courtyard.gateway.wire.models import ModelCard

SMALL = ModelCard(id="small", created_s=1_700_000_000, owner="home", context_tokens=2048, kinds=("chat",))
FAST = msgspec.structs.replace(SMALL, id="fast", alias_of="small")


def test_openai_lists_models_and_aliases():
    """An alias stands in the list too, and says what it is."""
    listed = msgspec.json.decode(models.openai_models([SMALL, FAST]))

    assert listed["object"] == "list"
    assert [(m["id"], m["object"], m["created"], m["owned_by"]) for m in listed["data"]] == [
        ("small", "model", 1_700_000_000, "home"),
        ("fast", "model", 1_700_000_000, "home"),
    ]
    assert listed["data"][1]["courtyard"] == {"context_tokens": 2048, "kinds": ["chat"], "alias_of": "small"}


def test_anthropic_lists_models_on_one_page():
    """The list names its ends, and an empty one has none."""
    listed = msgspec.json.decode(models.anthropic_models([SMALL, FAST]))
    empty = msgspec.json.decode(models.anthropic_models([]))

    assert (listed["first_id"], listed["last_id"], listed["has_more"]) == ("small", "fast", False)
    assert listed["data"][0]["created_at"] == "2023-11-14T22:13:20Z"
    assert listed["data"][0]["type"] == "model"
    assert empty == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_one_model_is_found_by_name():
    """A name that is not in the list is a 404 about `model`."""
    assert msgspec.json.decode(models.openai_model([SMALL], "small"))["id"] == "small"
    assert msgspec.json.decode(models.anthropic_model([SMALL], "small"))["display_name"] == "small"
    with pytest.raises(UnknownModel, match="'large'") as refused:
        models.openai_model([SMALL], "large")
    assert (refused.value.status, refused.value.param) == (404, "model")
