"""The gateways that install from package registries alone, each in a place of its own under `.cache/peers`.

python -m benchmarks.peers install          # smg, ferrogw, portkey, litellm; about 1.5 GB
"""

import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".cache" / "peers"
KEY = "sk-benchmark-0123456789abcdef0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A gateway: how it comes here, and how it is started before an upstream."""

    name: str
    version: str
    package: str
    command: Callable[["Peer", int, int], list[str]]
    environ: Callable[[int, int], dict[str, str]] = lambda upstream, port: {}
    headers: Callable[[int], dict[str, str]] = lambda upstream: {}
    """What a request must say besides, before an upstream's port."""
    model: str = "mock"
    npm: bool = False

    @property
    def home(self) -> Path:
        return HOME / self.name

    @property
    def installed(self) -> bool:
        return (self.home / "installed").exists()

    def tool(self, name: str) -> str:
        return str(self.home / ("node_modules/.bin" if self.npm else "bin") / name)

    def install(self) -> None:
        """Bring it, from npm or into a virtual environment."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.npm:
            # The published ranges bring versions whose streams fail; these are the last that work together.
            wanted = {
                "dependencies": {self.package: self.version},
                "overrides": {"@hono/node-server": "1.13.5", "hono": "4.9.7"},
            }
            (self.home / "package.json").write_text(json.dumps(wanted))
            subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=self.home, check=True)
        else:
            venv.create(self.home, with_pip=True)
            subprocess.run([self.tool("pip"), "install", "--quiet", f"{self.package}=={self.version}"], check=True)
        (self.home / "installed").write_text(self.version)

    def start(self, upstream: int, port: int) -> subprocess.Popen[bytes]:
        """Start it before the upstream's port."""
        log = (HOME / f"{self.name}.log").open("w")
        return subprocess.Popen(
            self.command(self, upstream, port),
            env={**os.environ, **self.environ(upstream, port)},
            cwd=self.home,
            stdout=log,
            stderr=log,
        )


def _litellm(peer: Peer, upstream: int, port: int) -> list[str]:
    config = peer.home / "config.yaml"
    config.write_text(
        "model_list:\n  - model_name: mock\n    litellm_params:\n      model: openai/mock\n"
        f"      api_base: http://127.0.0.1:{upstream}/v1\n      api_key: none\n"
        f"general_settings:\n  master_key: {KEY}\n"
    )
    return [peer.tool("litellm"), "--config", str(config), "--port", str(port), "--num_workers", "1"]


PEERS = (
    Peer(
        name="smg",
        version="1.13.0",
        package="smg",
        command=lambda peer, upstream, port: [
            *(peer.tool("smg"), "launch", "--worker-urls", f"http://127.0.0.1:{upstream}", "--backend", "openai"),
            *("--host", "127.0.0.1", "--port", str(port)),
        ],
    ),
    Peer(
        name="ferrogw",
        version="1.5.10",
        package="ferrogw",
        command=lambda peer, upstream, port: [peer.tool("ferrogw")],
        environ=lambda upstream, port: {
            "PORT": str(port),
            "GOMAXPROCS": "1",
            "RATE_LIMIT_RPS": "0",
            "MASTER_KEY": KEY,
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"http://127.0.0.1:{upstream}/v1",
        },
        model="gpt-4o-mini",
    ),
    Peer(
        name="portkey",
        version="1.15.2",
        package="@portkey-ai/gateway",
        npm=True,
        command=lambda peer, upstream, port: ["node", *_portkey(peer), f"--port={port}", "--headless"],
        environ=lambda upstream, port: {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1"},
        headers=lambda upstream: {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
        },
    ),
    Peer(
        name="litellm",
        version="1.106.2",
        package="litellm[proxy]",
        command=_litellm,
        environ=lambda upstream, port: {"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    ),
)


def _portkey(peer: Peer) -> list[str]:
    return [str(peer.home / "node_modules/@portkey-ai/gateway/build/start-server.js")]


def main() -> None:
    """Install what is not there yet."""
    for peer in PEERS:
        if not peer.installed:
            sys.stdout.write(f"→ {peer.name} {peer.version}\n")
            peer.install()


if __name__ == "__main__":
    main()
