"""One file a claim, with the peers that install here beside us; results.md names machine and command."""
