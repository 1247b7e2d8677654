#!/usr/bin/env bash
# Builds the container image from an executable, with the libraries of this machine (glibc):
# deploy/container/build.sh EXECUTABLE IMAGE[:TAG] [BUILDAH [OPTION]...]

set -euo pipefail
program=$(realpath "$1")
image=$2
shift 2
(($# == 0)) && set -- buildah
cd "$(dirname "$0")"

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
root=$context/root
mkdir -p "$root"/{usr/bin,etc/edge,tmp} "$context/data"
chmod 755 "$context" && chmod 1777 "$root/tmp"
install -m 755 "$program" "$root/usr/bin/edge"
install -m 644 edge.conf "$root/etc/edge/edge.conf"
echo "edge:x:65532:65532:edge:/var/lib/edge:/sbin/nologin" >"$root/etc/passwd"
echo "edge:x:65532:" >"$root/etc/group"
# "libc.so.6 => /lib/…/libc.so.6 (0x…)", and "/lib64/ld-linux-x86-64.so.2 (0x…)".
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done

# Image format of Docker, because that of OCI has no health check.
"$@" build --format docker --timestamp "$(git log -1 --format=%ct)" \
  --file Containerfile --tag "$image" "$context"
