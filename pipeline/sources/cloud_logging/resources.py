"""What an address of Cloud Logging names: projects, organizations, folders, billing accounts, log buckets and views."""

import re
from dataclasses import dataclass

from pipeline.errors import UsageError

PREFIX = "logging://"

#: What entries.list takes at once.
MAX_RESOURCES = 100

_PROJECT = r"(?:[a-z0-9.-]+:)?[a-z0-9-]+"
_PARENTS = {
    "projects": _PROJECT,
    "organizations": "[0-9]+",
    "folders": "[0-9]+",
    "billingAccounts": "[A-Z0-9]{6}-[A-Z0-9]{6}-[A-Z0-9]{6}",
}
_KINDS = {
    "projects": "project",
    "organizations": "organization",
    "folders": "folder",
    "billingAccounts": "billing account",
}
_PARENT = "|".join(f"(?P<{kind}>{kind}/{name})" for kind, name in _PARENTS.items())
_PART = "[A-Za-z0-9_.-]+"
_VIEW = rf"(?:/locations/(?P<location>[a-z0-9-]+)/buckets/(?P<bucket>{_PART})(?:/views/(?P<view>{_PART}))?)?"
_NAME = re.compile(rf"(?:{_PARENT}|(?P<short>{_PROJECT})){_VIEW}")


@dataclass(frozen=True)
class Resource:
    """Where entries are read: a parent, or a view of one of its log buckets.

    kind: projects, organizations, folders or billingAccounts. name: as entries.list takes it.
    """

    kind: str
    id: str
    location: str = ""
    bucket: str = ""
    view: str = ""

    @property
    def parent(self) -> str:
        """The project, organization, folder or billing account: `organizations/123`."""
        return f"{self.kind}/{self.id}"

    @property
    def name(self) -> str:
        """The resource name that is read."""
        if not self.bucket:
            return self.parent
        return f"{self.parent}/locations/{self.location}/buckets/{self.bucket}/views/{self.view}"

    @property
    def right(self) -> tuple[str, str]:
        """The permission that reading takes, and a role that has it."""
        if self.bucket:
            return "logging.views.access", "roles/logging.viewAccessor"
        return "logging.logEntries.list", "roles/logging.viewer"

    @property
    def hint(self) -> str:
        """Whom to ask for which role, where the resource is denied."""
        where = f"{_KINDS[self.kind]} {self.id}"
        if not self.bucket:
            return f"ask for roles/logging.viewer on {where}"
        return f"ask for roles/logging.viewAccessor on {where}, for the view {self.name}"

    @property
    def search(self) -> str:
        """How to find its right name, where it does not exist."""
        if self.bucket:
            flag = {"billingAccounts": "billing-account"}.get(self.kind, _KINDS[self.kind])
            bucket = f"--bucket={self.bucket} --location={self.location} --{flag}={self.id}"
            return f"gcloud logging views list {bucket} has the views of the bucket"
        if self.kind == "projects":
            return f"is {self.id} the project's id? gcloud projects list has them"
        return f"is {self.id} the number of the {_KINDS[self.kind]}?"


def resources_of(source: str) -> tuple[Resource, ...]:
    """Return the resources that an address names, in its order: one, or several with commas between them.

    A bucket without a view stands for all of its entries. Raises UsageError for anything else.

    >>> [one.name for one in resources_of("logging://demo,folders/9")]
    ['projects/demo', 'folders/9']
    """
    names = source.removeprefix(PREFIX).removesuffix("/").split(",")
    matches = [_NAME.fullmatch(name) for name in names]
    unnamed = any(match is None or match["short"] in _PARENTS for match in matches)
    if unnamed or len(names) > MAX_RESOURCES:
        raise UsageError(
            f"{source!r} names no project; write logging://PROJECT with the project's id, or organizations/N, "
            "folders/N or billingAccounts/ID, each with /locations/L/buckets/B/views/V for a view; up to "
            f"{MAX_RESOURCES} with commas"
        )
    return tuple(dict.fromkeys(_resource(match) for match in matches if match))


def _resource(match: re.Match[str]) -> Resource:
    parts = match.groupdict()
    parent = next((parts[kind] for kind in _PARENTS if parts[kind]), None) or f"projects/{parts['short']}"
    kind, _, identifier = parent.partition("/")
    if not parts["bucket"]:
        return Resource(kind, identifier)
    return Resource(kind, identifier, parts["location"], parts["bucket"], parts["view"] or "_AllLogs")
