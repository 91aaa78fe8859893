"""A server of the Run Admin API v2: services and revisions as the REST reference has them."""

import re

_PATH = re.compile(r"/v2/projects/([^/]+)/locations/([^/]+)/services/([^/]+)(?:/revisions/([^/]+))?")


class RunAdmin:
    """Services by name. status: of all answers, if it is not 200; calls: the paths."""

    def __init__(self, project="demo", location="europe-west1"):
        self.parent = f"projects/{project}/locations/{location}"
        self.status = 200
        self.calls = []
        self.services = {}
        self.revisions = {}

    def deploy(self, service, revision, created, *, percent=100, ready="CONDITION_SUCCEEDED", message="", **more):
        """A revision was created; it takes so many percent of the traffic once it is ready."""
        name = f"{self.parent}/services/{service}"
        whole = self.services.setdefault(
            service, {"name": name, "trafficStatuses": [], "uri": f"https://{service}-ab12-ew.a.run.app"}
        )
        whole |= {"latestCreatedRevision": f"{name}/revisions/{revision}"}
        whole |= {"lastModifier": "ci-deployer@demo.iam.gserviceaccount.com"}
        if ready == "CONDITION_SUCCEEDED":
            whole["latestReadyRevision"] = whole["latestCreatedRevision"]
            self.send(service, {revision: percent})
        condition = {"type": "Ready", "state": ready, **({"message": message} if message else {})}
        self.revisions[service, revision] = {
            "name": f"{name}/revisions/{revision}",
            "createTime": created,
            "labels": {"commit-sha": "5c2d7a1", "managed-by": "ci"},
            "containers": [
                {
                    "image": f"europe-docker.pkg.dev/demo/run/{service}@sha256:ab12",
                    "ports": [{}],
                    "resources": {"limits": {"memory": "512Mi", "cpu": "1"}},
                }
            ],
            "maxInstanceRequestConcurrency": 80,
            "timeout": "300s",
            "conditions": [{"type": "Active", "state": "CONDITION_SUCCEEDED"}, condition],
            **more,
        }

    def send(self, service, split):
        """Traffic goes to these revisions, in percent; what is left stays with the one that had it."""
        whole = self.services[service]
        rest = 100 - sum(split.values())
        old = [one for one in whole["trafficStatuses"] if one["revision"] not in split][:1]
        whole["trafficStatuses"] = [
            {"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": name, "percent": percent}
            for name, percent in split.items()
        ] + [{**one, "percent": rest} for one in old if rest]

    def answer(self, path, _params):
        """The answer to a GET of that path; None where it is not this API's."""
        match = _PATH.fullmatch(path)
        if match is None:
            return None
        self.calls.append(path)
        if self.status != 200:
            return self.status, {"error": {"code": self.status, "message": "refused"}}
        project, location, service, revision = match.groups()
        known = self.revisions.get((service, revision)) if revision else self.services.get(service)
        if known is None or f"projects/{project}/locations/{location}" != self.parent:
            return 404, {"error": {"code": 404, "message": "not found"}}
        return 200, known
