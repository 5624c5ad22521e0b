"""Whether a commit is older than the one that is live, as far as git knows here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgepaas_tasks.console.progress import Progress
from edgepaas_tasks.errors import Refused
from edgepaas_tasks.images.building.version import Version
from edgepaas_tasks.remote import local
from edgepaas_tasks.remote.service.state import State
from edgepaas_tasks.service.service import Service

_YES, _NO = 0, 1  # git-merge-base(1), --is-ancestor; anything else: it does not know


def require(
    service: Service,
    version: Version,
    states: Mapping[str, State],
    progress: Progress,
    *,
    allow_older: bool,
) -> None:
    """Refuses a commit that the live one has among its ancestors, unless allowed; warns where nothing tells."""
    context = Path(service.settings.build.context)
    for host, state in states.items():
        release = state.releases.get(state.live.release)
        live = release.commit if release else ""
        if release is None or not live or live == version.commit:
            continue
        if not version.commit:
            progress.note(
                f"{version.text} has no commit, and the live release is of {live[:12]}: nothing tells which is older"
            )
            return
        older = _older(context, version.commit, live)
        if older and not allow_older:
            raise Refused(
                f"{host}: the live release {release.number} is of a newer commit ({live[:12]}) than this "
                f"one ({version.commit[:12]}); nothing was changed",
                next_step="git pull; or inv rollback; or --allow-older, if you mean it",
            )
        if older is None:
            progress.note(
                f"git cannot tell whether {version.commit[:12]} is older than the live "
                f"{live[:12]} (in a shallow clone: git fetch --unshallow)"
            )
            return


def _older(context: Path, new: str, live: str) -> bool | None:
    """None: the commit is not known here, or what lies between is cut off."""
    if (code := _ancestor(context, new, live)) != _NO:
        return True if code == _YES else None
    if _ancestor(context, live, new) == _YES:
        return False
    shallow = local.run("git", "-C", str(context), "rev-parse", "--is-shallow-repository")
    return None if shallow.text == "true" else False


def _ancestor(context: Path, one: str, of: str) -> int:
    words = ("git", "-C", str(context), "merge-base", "--is-ancestor", one, of)
    return local.run(*words, ok=(0, 1, 127, 128)).code
