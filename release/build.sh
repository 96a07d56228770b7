#!/usr/bin/env bash
# Builds the sdist and the wheel of a commit twice, in different folders and in different ways, and keeps them in dist/
# if both are the same to the byte.   release/build.sh BIN [COMMIT]
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(realpath "$1") commit=${2:-HEAD} work=build/release
rm -rf "$work" dist
mkdir -p "$work"

for copy in first second; do
  mkdir "$work/$copy"
  git archive --format tar "$commit" | tar -x -C "$work/$copy"
done
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH
# The first wheel is built from the sdist, the second from the sources.
"$bin/pyproject-build" --no-isolation "$work/first" > /dev/null
(umask 077 && "$bin/pyproject-build" --no-isolation --sdist --wheel "$work/second" > /dev/null)

for file in "$work"/first/dist/*; do
  cmp "$file" "$work/second/dist/${file##*/}" || {
    echo "error: two builds of $commit differ in ${file##*/}; expected the same bytes" >&2
    exit 1
  }
done
"$bin/twine" check --strict "$work"/first/dist/*
cp -r "$work/first/dist" dist
(cd dist && sha256sum -- *)
