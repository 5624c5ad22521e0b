"""W with pyinfra's operations."""

import io
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import work
from pyinfra.operations import files, server

server.shell(name="lease", commands=[work.TAKE])
server.shell(name="facts", commands=[work.FACTS])
for path, mode in work.DIRECTORIES.items():
    files.directory(name=path, path=path, mode=mode)
changed = [
    files.put(name=path, src=io.StringIO(text), dest=path, mode=mode)
    for path, (mode, text) in work.FILES.items()
]
path, line = work.LINE
files.line(name=path, path=path, line=line, escape_regex_characters=True)
link, target = work.LINK
files.link(name=link, path=link, target=target)
for check in work.CHECKS:
    server.shell(name=check, commands=[check])
server.shell(
    name="service", commands=[work.RESTART], _if=lambda: any(one.did_change() for one in changed)
)
server.shell(name="health", commands=[work.POLL])
server.shell(name="lease back", commands=[work.GIVE_BACK])
