"""Any model of a hub: looked up, brought, read for what it says of itself, and served."""

from collections.abc import Iterable

import msgspec

from courtyard.catalogue import rules
from courtyard.catalogue.embedded import Embedded, keep_notice
from courtyard.catalogue.fetching import unheard
from courtyard.catalogue.gguf import read_gguf
from courtyard.catalogue.hub import Hub
from courtyard.catalogue.model import (
    Artifact,
    HubFile,
    Layout,
    Model,
    ModelUnavailable,
    Progress,
    ShelfModel,
    WrongFile,
)
from courtyard.core.chat import Kind
from courtyard.core.errors import Conflict
from courtyard.core.ids import ModelName

_PLUGIN = "llama_cpp"
_REVISIONS = {Layout.HUGGINGFACE: "main", Layout.MODELSCOPE: "master"}


class Pulling(Embedded):
    """Everything about models that do not ship with the house."""

    def pull(
        self,
        repo: str,
        file: str,
        progress: Progress = unheard,
        *,
        name: str | None = None,
        revision: str | None = None,
        sha256: str | None = None,
        layout: Layout = Layout.HUGGINGFACE,
        hub_url: str | None = None,
        kinds: Iterable[Kind] | None = None,
        to_serve: bool = True,
    ) -> Model | None:
        """Bring a GGUF file from a hub and serve it. Its digest is the one given, or else the one the hub states.

        Raises:
            InvalidRequest: a name, digest or repository that can be none.
            Conflict: a model of this name has another file.
            ModelUnavailable: it can't be had, can't be checked, or does not fit.
        """
        wanted = HubFile(repo=repo, file=file, revision=revision or _REVISIONS[layout], layout=layout, hub_url=hub_url)
        rules.check_repository(wanted.repo, wanted.file, wanted.revision)
        called = rules.clean_name(name) if name else rules.name_of_file(file)
        artifact = self._look_up(wanted, rules.clean_sha256(sha256) if sha256 else None)
        self._check_free(called, artifact)
        if to_serve:
            self._check_memory(called, rules.memory_of_file(artifact.bytes))
        path = self._fetching.bring(artifact, progress)
        try:
            facts = read_gguf(path)
        except WrongFile:
            self._store.remove(artifact)
            raise
        model = ShelfModel(
            name=ModelName(called),
            kinds=frozenset(kinds or ()) or rules.kinds_of(facts.architecture, is_chat=facts.is_chat),
            plugin=_PLUGIN,
            context_tokens=facts.context_tokens or rules.CONTEXT_TOKENS_DEFAULT,
            owner=repo.partition("/")[0],
            licence=facts.licence,
            notice=f"{file} of {repo}",
            artifact=artifact,
            memory_bytes=rules.memory_of_file(artifact.bytes),
            memory_bytes_per_token=facts.memory_bytes_per_token,
        )
        keep_notice(model, path)
        if not to_serve:
            return None
        self._check_fits(model)
        self._serve(model, chosen=True)
        return self.resolve(called)

    def _look_up(self, wanted: HubFile, sha256: str | None) -> Artifact:
        listed = Hub(wanted.hub_url or self._settings.hub_url, pause=self._pause).look_up(wanted)
        if listed.bytes <= 0:
            raise ModelUnavailable(f"the hub does not say how large {wanted.file} is")
        if sha256 is not None and listed.sha256 not in (None, sha256):
            raise WrongFile(f"the hub's {wanted.file} has the digest {listed.sha256}, not {sha256}")
        digest = sha256 or listed.sha256
        if digest is None:
            raise ModelUnavailable(f"the hub states no SHA-256 for {wanted.file}; give the right one by --sha256")
        pinned = msgspec.structs.replace(wanted, revision=listed.revision)
        return Artifact(file=self._file_name(wanted.file, digest), bytes=listed.bytes, sha256=digest, sources=(pinned,))

    def _file_name(self, file: str, digest: str) -> str:
        """Name the file in the store after the hub's, unless that is another model's."""
        plain = rules.clean_file(file.rpartition("/")[2])
        others = {model.artifact.file: model.artifact.sha256 for model in self._shelf() if model.artifact}
        return plain if others.get(plain, digest) == digest else f"{digest[:12]}-{plain}"

    def _check_free(self, name: str, artifact: Artifact) -> None:
        known = next((model for model in self._shelf() if model.name == name), None)
        if known is not None and (known.artifact is None or known.artifact.sha256 != artifact.sha256):
            raise Conflict(f"{name!r} names another model; give this one another --name, or remove that one first")
        if name in self._known.aliases:
            raise Conflict(f"{name!r} is an alias; give the model another --name")
