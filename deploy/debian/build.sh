#!/usr/bin/env bash
# Builds a Debian package from an executable: deploy/debian/build.sh EXECUTABLE ARCHITECTURE FOLDER

set -euo pipefail
program=$(realpath "$1")
architecture=$2
folder=$(realpath "$3")
cd "$(dirname "$0")/../.."

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
version=$(sed -nE 's/^ +"version": "([^"]+)".*/\1/p' deno.json)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

# put MODE SOURCE TARGET
put() {
  install -D -m "$1" "$2" "$root/$3"
}

put 755 "$program" usr/bin/edge
put 644 deploy/debian/edge.conf etc/edge/edge.conf
put 644 deploy/systemd/edge.service usr/lib/systemd/system/edge.service
put 755 deploy/systemd/reload usr/lib/edge/reload
put 644 deploy/systemd/edge.logrotate etc/logrotate.d/edge
put 644 deploy/completions/edge.bash usr/share/bash-completion/completions/edge
put 644 deploy/completions/_edge usr/share/zsh/vendor-completions/_edge
put 644 deploy/completions/edge.fish usr/share/fish/vendor_completions.d/edge.fish
put 644 docs/man/edge.1 usr/share/man/man1/edge.1
put 644 docs/man/edge.conf.5 usr/share/man/man5/edge.conf.5
gzip --no-name "$root"/usr/share/man/man?/*
put 644 LICENSE usr/share/doc/edge-rtmp/copyright
put 644 CHANGELOG.md usr/share/doc/edge-rtmp/CHANGELOG.md
for file in conf/*; do put 644 "$file" "usr/share/doc/edge-rtmp/examples/$(basename "$file")"; done
for script in postinst prerm postrm; do put 755 "deploy/debian/$script" "DEBIAN/$script"; done

printf '/etc/edge/edge.conf\n/etc/logrotate.d/edge\n' >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/control" <<CONTROL
Package: edge-rtmp
Version: $version
Architecture: $architecture
Maintainer: the edge project <edge@localhost>
Installed-Size: $(du -sk "$root" | cut -f 1)
Depends: libc6 (>= 2.31), libgcc-s1, passwd
Suggests: logrotate
Section: video
Priority: optional
Description: RTMP origin and edge server
 An edge fetches a stream from an origin when a player asks for it, once for
 all its players, and pushes what is published to it. When an origin is lost,
 the edge switches to the next one and no client is disconnected.
CONTROL
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z |
  xargs -0 md5sum) >"$root/DEBIAN/md5sums"
# Compressed with gzip: xz makes it a third smaller, and takes ten times as long.
dpkg-deb --root-owner-group -Zgzip -z6 --build "$root" "$folder/edge-rtmp_${version}_$architecture.deb"
