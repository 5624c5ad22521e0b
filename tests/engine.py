"""A Docker engine as far as images are pulled and looked at: a program for the front of a PATH."""

import json
import os
import sys
from pathlib import Path

DIGEST = "sha256:" + "d1" * 32
ID = "sha256:" + "1d" * 32

# On amd64. `there` is what registries have, `here` what it has: by reference, by kind, the labels. Under one name it
# keeps one kind; with `several` every kind that it pulled, and then it shows its own first.
PROGRAM = f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
open(os.environ["CALLS"], "a").write(" ".join(words) + "\\n")
state = json.load(open(os.environ["STATE"]))
here, there = state["here"], state["there"]
name = words[-1]
if words[0] == "version":
    print("amd64")
elif words[0] == "pull":
    kind = words[words.index("--platform") + 1][6:] if "--platform" in words else "amd64"
    if kind not in there.get(name, {{}}):
        sys.exit("no matching manifest for linux/" + kind)
    kept = here.get(name, {{}}) if state["several"] else {{}}
    here[name] = {{**kept, kind: there[name][kind]}}
elif words[0] == "rmi":
    here.pop(name)
elif name not in here:
    sys.exit("no such image")
else:
    kind = "amd64" if "amd64" in here[name] else list(here[name])[0]
    if ".Size" in " ".join(words):
        print(1000, kind, "{ID}", "2026/ sha256:a")
    else:
        digests = ["other/x@sha256:o", name.rpartition(":")[0] + "@{DIGEST}"] if "/" in name else []
        found = {{"Id": "{ID}", "RepoDigests": digests}}
        print(json.dumps([found | {{"Config": {{"Labels": here[name][kind]}}}}]))
json.dump(state, open(os.environ["STATE"], "w"))
"""


class Engine:
    """`environment` is what a process needs to meet it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "bin" / "docker"
        program.parent.mkdir()
        program.write_text(PROGRAM)
        program.chmod(0o755)
        self.calls = folder / "calls"
        self.calls.touch()
        self.environment = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "STATE": str(folder / "state"),
        }
        self.has()

    def has(self, *, here=None, there=None, several=False) -> None:
        state = {"here": here or {}, "there": there or {}, "several": several}
        (self.folder / "state").write_text(json.dumps(state))

    @property
    def pulls(self) -> list[str]:
        return [line for line in self.calls.read_text().splitlines() if line.startswith("pull")]
