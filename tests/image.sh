#!/usr/bin/env bash
# Build the image without a registry, on a base of Debian's packages, and judge a bad deployment in it.
# Needs root, and: apt-get install buildah mmdebstrap
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in buildah mmdebstrap; do
  command -v "$tool" > /dev/null || { echo "$tool is missing: apt-get install buildah mmdebstrap" >&2; exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export BUILDAH_ISOLATION=chroot
buildah() { command buildah --root "$folder/root" --runroot "$folder/run" --storage-driver vfs "$@"; }

mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,python-is-python3,ca-certificates \
  bookworm "$folder/base.tar"
base=$(buildah from scratch)
buildah add --quiet "$base" "$folder/base.tar" /
buildah commit --quiet --rm "$base" localhost/python
rm "$folder/base.tar"

# The certificates of this machine, so that pip trusts in the build what it trusts here.
buildah bud --quiet --file deploy/Dockerfile --build-arg PYTHON=localhost/python --volume /etc/ssl/certs:/etc/ssl/certs:ro \
  --tag runverdict .
image=$(buildah from --pull-never localhost/runverdict)
inside() { buildah run "$image" -- "$@"; }
[ "$(inside id -u)" = 10001 ]
inside runverdict --version
inside runverdict simulate crash-loop --out logs.ndjson
code=0
inside runverdict check logs.ndjson --out report || code=$?
[ "$code" = 1 ] || { echo "check ended with $code, not with 1 for FAIL" >&2; exit 1; }
inside test -s report/summary.json
echo "the image works"
