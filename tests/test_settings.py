"""Settings come from the file and the environment, and a mistake in either is named."""

from pathlib import Path

import pytest

from courtyard.policy import Policy
from courtyard.settings import load


def test_defaults_need_nothing(tmp_path: Path):
    """An empty directory and environment give a house that works on a laptop."""
    settings = load(data_dir=tmp_path, environ={})

    assert (settings.server.host, settings.server.port, settings.currency) == ("127.0.0.1", 8420, "USD")
    assert settings.models_dir == tmp_path / "models"


def test_the_environment_wins_over_the_file(tmp_path: Path):
    """Two underscores step into a section; lists are split at commas."""
    (tmp_path / "courtyard.toml").write_text('currency = "EUR"\n[server]\nport = 9000\nhost = "::1"\n')
    environ = {"COURTYARD_SERVER__PORT": "9001", "COURTYARD_POLICY__RULES": "models, size"}
    settings = load(data_dir=tmp_path, environ=environ)

    assert (settings.currency, settings.server.port, settings.server.host) == ("EUR", 9001, "::1")
    assert settings.policy.rules == ("models", "size")


def test_rules_have_options(tmp_path: Path):
    """A section for each rule, from the file and the environment; the rule itself judges what is in it."""
    (tmp_path / "courtyard.toml").write_text("[policy.options.size]\nmessages_max = 10\n")
    settings = load(data_dir=tmp_path, environ={"COURTYARD_POLICY__OPTIONS__SIZE__CHOICES_MAX": "2"})

    policy = Policy.of(settings.policy.rules, options=settings.policy.options)

    assert settings.policy.options == {"size": {"messages_max": 10, "choices_max": "2"}}
    assert policy.rules == ("models", "size", "residency")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"COURTYARD_SERVER__PROT": "1"}, "server.prot is not a setting; did you mean server.port?"),
        ({"COURTYARD_CURENCY": "EUR"}, "did you mean currency?"),
        ({"COURTYARD_SERVER__PORT": "many"}, "server.port"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, environ: dict[str, str], said: str):
    """A name that is no setting stops the start with the nearest one, and a wrong value with its place."""
    with pytest.raises(ValueError, match="settings") as refused:
        load(data_dir=tmp_path, environ=environ)

    assert said in str(refused.value)


def test_secrets_and_clients_share_the_prefix(tmp_path: Path):
    """What the keyring and the examples read from the environment is no mistake here."""
    environ = {
        "COURTYARD_SECRET_PEPPER": "00" * 32,
        "COURTYARD_URL": "http://127.0.0.1:8420",
        "COURTYARD_API_KEY": "cy_1",
        "COURTYARD_MODELS__WHEELS": "false",
    }

    assert load(data_dir=tmp_path, environ=environ).models.wheels is False
