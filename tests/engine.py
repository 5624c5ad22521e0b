"""A Docker engine as far as images are pulled, pushed, built and looked at: a program for the front of a PATH."""

import hashlib
import json
import os
import sys
from pathlib import Path

# On amd64. `there` is what registries have, `here` what it has: by reference, by kind, the labels. Under one name it
# keeps one kind; with `several` every kind that it pulled, and then it shows its own first. While it builds it runs
# $DURING.
PROGRAM = f"""#!{sys.executable}
import json, os, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from tests.engine import digest_of, id_of
words = sys.argv[1:]
open(os.environ["CALLS"], "a").write(" ".join(words) + "\\n")
state = json.load(open(os.environ["STATE"]))
here, there = state["here"], state["there"]
name = words[-1]

def find(name):
    for reference, kinds in here.items():
        kind = "amd64" if "amd64" in kinds else list(kinds)[0]
        if name in (reference, id_of(kinds[kind])):
            return kind, kinds[kind]
    if name in state["loose"]:
        return state["loose"][name]
    sys.exit("no such image")

def put(name, kinds):
    for kind, labels in here.get(name, {{}}).items():
        state["loose"][id_of(labels)] = kind, labels  # it has lost its name, and is still there
    here[name] = kinds

def given(option):
    return [after for one, after in zip(words, words[1:]) if one == option]

if words[0] in ("version", "buildx"):
    print("amd64")
elif words[0] == "login":
    sys.stdin.read()
elif words[0] == "pull":
    kind = "".join(given("--platform"))[6:] or "amd64"
    if name not in there:
        sys.exit(os.environ.get("ABSENT") or "manifest for " + name + " not found: manifest unknown")
    if kind not in there[name]:
        sys.exit("no matching manifest for linux/" + kind)
    kept = here.get(name, {{}}) if state["several"] else {{}}
    put(name, {{**kept, kind: there[name][kind]}})
elif words[0] == "push":
    there[name] = here[name]
elif words[0] == "tag":
    kind, labels = find(words[1])
    put(name, {{kind: labels}})
elif words[0] == "rmi":
    here.pop(name, None)
elif words[0] == "build":
    os.system(os.environ.get("DURING", ""))
    labels = dict(one.split("=", 1) for one in given("--label"))
    here[given("--tag")[0]] = {{"amd64": {{**labels, "built": str(len(here))}}}}
elif words[:2] == ["image", "inspect"]:
    kind, labels = find(name)
    short = name.removeprefix("docker.io/").removeprefix("index.docker.io/")
    digests = ["other/x@sha256:o", short.rpartition(":")[0] + "@" + digest_of(labels)]
    digests = digests if "/" in name else []
    if ".Size" in " ".join(words):
        inputs = (labels or {{}}).get("edgepaas.inputs", "")
        told = id_of(labels) + " sha256:a", json.dumps(labels)
        print(1000, kind, "overlay2", inputs, *told, sep="\\n")
    elif ".RepoDigests" in " ".join(words):
        print(*digests, sep="\\n")
    else:
        found = {{"Id": id_of(labels), "RepoDigests": digests, "Config": {{"Labels": labels}}}}
        print(json.dumps([found]))
json.dump(state, open(os.environ["STATE"], "w"))
"""


def id_of(labels) -> str:
    """What the engine calls an image with these labels."""
    return f"sha256:{hashlib.sha256(json.dumps(labels).encode()).hexdigest()}"


def digest_of(labels) -> str:
    """What a registry calls it."""
    return f"sha256:{hashlib.sha256(id_of(labels).encode()).hexdigest()}"


class Engine:
    """`environment` is what a process needs to meet it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "engine"
        self.folder.mkdir()
        program = self.folder / "docker"
        program.write_text(PROGRAM)
        program.chmod(0o755)
        self.calls = self.folder / "calls"
        self.calls.touch()
        self.environment = {
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "CALLS": str(self.calls),
            "STATE": str(self.folder / "state"),
        }
        self.has()

    def has(self, *, here=None, there=None, several=False) -> None:
        state = {"here": here or {}, "there": there or {}, "several": several, "loose": {}}
        (self.folder / "state").write_text(json.dumps(state))

    def called(self, word: str) -> list[str]:
        """The calls of one of docker's commands."""
        return [line for line in self.calls.read_text().splitlines() if line.startswith(word)]

    def __getitem__(self, where: str):
        """What is `here`, or `there`."""
        return json.loads((self.folder / "state").read_text())[where]
