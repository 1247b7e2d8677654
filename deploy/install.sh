#!/bin/sh
# Installs a release of edge on Linux or macOS, after comparing its SHA-256 sum:
#
#     sh install.sh                      the newest release, into /usr/local/bin
#     EDGE_VERSION=0.1.0 EDGE_DIR=~/.local/bin sh install.sh
#
# EDGE_FROM is the address of the releases, or a folder with a release's files.

set -eu

version=${EDGE_VERSION:-latest}
directory=${EDGE_DIR:-/usr/local/bin}
from=${EDGE_FROM:-}

fail() {
  echo "install: $1" >&2
  echo "fix: $2" >&2
  exit 1
}

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
  Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-gnu ;;
  Darwin-x86_64) target=x86_64-apple-darwin ;;
  Darwin-arm64) target=aarch64-apple-darwin ;;
  *) fail "there is no release for $(uname -s) on $(uname -m)" "install the npm package edge-rtmp" ;;
esac
[ -n "$from" ] || fail "EDGE_FROM is not set" "set it to the address of the releases, or to a folder"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fetch FILE: from a folder, or from the server.
fetch() {
  case $from in
    *://*)
      if [ "$version" = latest ]; then address=$from/latest/download/$1; else address=$from/download/v$version/$1; fi
      curl --fail --silent --show-error --location --output "$scratch/$1" "$address" ||
        fail "cannot download $address" "check EDGE_FROM, EDGE_VERSION and the network"
      ;;
    *) cp "$from/$1" "$scratch/$1" || fail "$from has no $1" "set EDGE_FROM to a release's folder" ;;
  esac
}

archive=edge-$target.tar.gz
fetch "$archive"
fetch SHA256SUMS
cd "$scratch"
grep " $archive\$" SHA256SUMS >sum || fail "SHA256SUMS does not name $archive" "report it: the release is incomplete"
if command -v sha256sum >/dev/null; then sums="sha256sum"; else sums="shasum -a 256"; fi
$sums -c sum >/dev/null 2>&1 ||
  fail "the SHA-256 sum of $archive is wrong; nothing was installed" "download again; if it stays wrong, do not use it"
tar -xzf "$archive"
mkdir -p "$directory"
install -m 755 edge "$directory/edge" || fail "cannot write to $directory" "run as root, or set EDGE_DIR"
"$directory/edge" --version
