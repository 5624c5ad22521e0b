"""A GitHub runner as far as shell steps need one: its files, its variables, its expressions, what runs when.

https://docs.github.com/actions/reference/workflow-syntax-for-github-actions
"""

import os
import re
import subprocess
from dataclasses import dataclass, field

from invoke.vendor import yaml


@dataclass
class Step:
    job: str
    name: str
    code: int
    out: str
    environment: dict


@dataclass
class Runner:
    """Runs a workflow's jobs in `folder`. `uses:` steps are not run, but noted in `used` with their inputs."""

    folder: object
    scratch: object
    environment: dict
    secrets: dict = field(default_factory=dict)
    variables: dict = field(default_factory=dict)
    timeout: float = 300

    def __post_init__(self):
        self.steps, self.used, self.needs, self.summary = [], [], {}, ""

    def run(self, path):
        """All jobs, in their order; what a job needs decides whether it runs. The worst exit code."""
        workflow = yaml.safe_load((self.folder / path).read_text())
        codes = {}
        for name, job in workflow["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            if all(codes.get(one) == 0 for one in needs):
                codes[name] = self.job(name, job)
        return max(codes.values())

    def job(self, name, job):
        place = self.scratch / name
        place.mkdir(parents=True)
        files = {key: place / key for key in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        context = {
            "needs": self.needs,
            "steps": {},
            "vars": self.variables,
            "secrets": self.secrets,
        }
        carried = self._values(job.get("env", {}), context)
        failed = 0
        for number, step in enumerate(job["steps"]):
            if not self._applies(step.get("if", "success()"), failed):
                continue
            if "uses" in step:
                given = self._values(step.get("with", {}), context)
                self.used.append((name, step["uses"], given))
                continue
            for path in files.values():
                path.write_text("")
            environment = {
                **self.environment,
                "CI": "true",
                "GITHUB_ACTIONS": "true",
                "GITHUB_ACTOR": "octocat",
                **{key: str(path) for key, path in files.items()},
                **carried,
                **self._values(step.get("env", {}), context),
            }
            script = place / f"step-{number}.sh"
            script.write_text(self._text(step["run"], context))
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=self.timeout,
            )
            title = step.get("name", "")
            self.steps.append(Step(name, title, done.returncode, done.stdout, environment))
            failed = failed or done.returncode
            carried |= self._pairs(files["GITHUB_ENV"])
            outputs = self._masked(self._pairs(files["GITHUB_OUTPUT"]))
            context["steps"][step.get("id", f"step-{number}")] = {"outputs": outputs}
            self.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        outputs = self._masked(self._values(job.get("outputs", {}), context))
        self.needs[name] = {"outputs": outputs}
        return failed

    def step(self, name):
        (found,) = [step for step in self.steps if step.name == name]
        return found

    def _masked(self, outputs):
        """GitHub hands on no output that contains a secret."""
        hidden = [secret for secret in self.secrets.values() if secret]
        return {k: "" if any(one in v for one in hidden) else v for k, v in outputs.items()}

    def _applies(self, condition, failed):
        answers = {"success()": not failed, "failure()": bool(failed), "cancelled()": False}
        answers["always()"] = True
        return any(answers[one.strip()] for one in condition.split("||"))

    def _values(self, values, context):
        return {key: self._text(str(value), context) for key, value in values.items()}

    def _text(self, text, context):
        return re.sub(r"\$\{\{\s*([\w.]+)\s*\}\}", lambda m: self._find(m[1], context), text)

    def _find(self, path, context):
        value = context
        for part in path.split("."):
            value = value.get(part, {}) if isinstance(value, dict) else {}
        return value if isinstance(value, str) else ""

    @staticmethod
    def _pairs(path):
        return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def programs(folder, **scripts):
    """Programs in a folder of their own, for the front of a PATH; the PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in scripts.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"
