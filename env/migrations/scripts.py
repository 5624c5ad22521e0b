"""The image's migration scripts, and the application's own Alembic that runs them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

from ..reach import hide
from .refused import MigrationRefused
from .session import SESSION

# Alembic with limits on every session that it opens, whichever driver does, by SETs: asyncpg reads no PGOPTIONS, a
# pooler may refuse it, a URL's `options` replace it, and a server that does not know one of them ends the connection.
# Each is committed, or a rollback would undo it.
_PROGRAM = """
import json, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine

limits = json.loads(sys.argv.pop(1))


@event.listens_for(Engine, "connect")
def limit(connection, record):
    for name, value in limits.items():
        cursor = connection.cursor()
        try:
            cursor.execute(f"SET {name} = '{value}'")
            connection.commit()
        except Exception:
            connection.rollback()
        finally:
            cursor.close()


from alembic.config import main

main(prog="alembic")
"""


class Chain:
    """The image's migration scripts, from the oldest to the newest."""

    def __init__(self, configuration: str) -> None:
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.script.revision import RevisionError
        from alembic.util import CommandError

        # Scripts may import the application's own modules.
        sys.path.insert(0, os.getcwd())
        self.configuration = configuration
        try:
            self._scripts = ScriptDirectory.from_config(Config(configuration))
            self.heads = list(self._scripts.get_heads())
            self.known = [one.revision for one in self._scripts.walk_revisions()][::-1]
        except KeyError as error:
            raise self._lacking(error) from None
        except (RevisionError, CommandError) as error:
            raise MigrationRefused("scripts", f"{configuration}: {error}") from None

    def _lacking(self, error: KeyError) -> Exception:
        """What Alembic means by a KeyError; the error itself where it is of a script's own making."""
        missing = str(error.args[0])
        after = []
        for one in self._scripts._load_revisions():
            before = (one.down_revision, one.dependencies)
            names = [
                name
                for part in before
                for name in ([part] if isinstance(part, str) else part or ())
            ]
            if missing in names:
                after.append(f"{one.revision} ({os.path.basename(one.path)})")
        if not after:
            return error
        return MigrationRefused(
            "chain",
            f"the image lacks the script of revision {missing}, which {', '.join(after)} comes after",
        )

    @property
    def head(self) -> str:
        """The one newest revision, "" where there are no scripts. Raises MigrationRefused for several."""
        if len(self.heads) > 1:
            raise MigrationRefused(
                "heads", f"several newest revisions: {', '.join(sorted(self.heads))}"
            )
        return self.heads[0] if self.heads else ""

    def pending(self, at: list[str]) -> list[Any]:
        """The scripts that lead from revisions of the database to the head, in their order."""
        if not self.head:
            return []
        done = self.applied(at)
        return [self._scripts.get_revision(one) for one in self.known if one not in done]

    def applied(self, at: list[str], *, dependencies: bool = True) -> set[str]:
        """These revisions, with all that come before them."""
        left, found = list(at), set()
        while left:
            one = self._scripts.get_revision(left.pop())
            if one is not None and one.revision not in found:
                found.add(one.revision)
                before = self._scripts.get_revisions(one.down_revision or ())
                if dependencies:
                    before = (*before, *self._scripts.get_revisions(one.dependencies or ()))
                left += [other.revision for other in before if other is not None]
        return found

    def diverged(self, at: list[str]) -> bool:
        """Whether some of these revisions stand on others of them, which no run of Alembic leaves behind."""
        known = [one for one in at if one in self.known]
        alone = (self.applied([one], dependencies=False) - {one} for one in known)
        return any(below.intersection(known) for below in alone)


def read(configuration: str) -> Chain | None:
    """None where the image has no such file. Raises MigrationRefused where it has one, and no Alembic to go with it."""
    if not os.path.exists(configuration):
        return None
    try:
        return Chain(configuration)
    except ImportError as error:
        raise MigrationRefused(
            "alembic",
            f"{configuration} is there, and the image's {sys.executable} cannot import {error.name}",
        ) from None


def alembic(scripts: Chain, url: str, *words: str) -> str:
    """Alembic as the application has it, with the URL that the lock was taken on."""
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "RUN_MIGRATIONS": "false",
        "PGAPPNAME": "edgepaas-migrate",
    }
    program = [sys.executable, "-c", _PROGRAM, json.dumps(SESSION)]
    command = [*program, "-c", scripts.configuration, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        said = hide(done.stderr or done.stdout, url)
        begun = re.findall(r"Running (?:upgrade|downgrade) +(.*)", said)
        statement = re.findall(r"\[SQL: (.*?)\]\n", said, re.S)
        raise MigrationRefused(
            "failed",
            f"alembic {' '.join(words)} failed",
            revision=begun[-1].strip() if begun else "",
            statement=" ".join(statement[-1].split()) if statement else "",
            said="\n".join(said.strip().splitlines()[-8:]),
        )
    return done.stdout
