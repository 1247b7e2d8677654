#!/usr/bin/env bash
# Builds everything that a release consists of into dist/release, for the platforms named, by default
# this one: tools/release.sh x86_64-unknown-linux-gnu aarch64-apple-darwin
#
# DENO is the command to run Deno with, DENORT_BIN a local base program (see tools/compile.ts), BUILDAH
# that for the container image, by default buildah if there is one. Two runs on one commit, with the
# same Deno, make the same executables and npm package.

set -euo pipefail
cd "$(dirname "$0")/.."

read -ra deno <<<"${DENO:-deno}"
targets=("$@")
release=dist/release
commit_time=$(git log -1 --format=%ct)

# archive TARGET PROGRAM: packs the program with its configurations.
archive() {
  local folder
  folder=$(mktemp -d)
  cp -r "$2" conf deploy/completions docs/man README.md LICENSE "$folder"
  chmod -R u=rwX,go=rX "$folder"
  tar --create --directory="$folder" --sort=name --mtime="@$commit_time" \
    --owner=0 --group=0 --numeric-owner . | gzip --no-name >"$release/edge-$1.tar.gz"
  rm -r "$folder"
}

rm -rf "$release"
mkdir -p "$release"
if ((${#targets[@]} == 0)); then
  targets=("$("${deno[@]}" eval 'Deno.stdout.write(new TextEncoder().encode(Deno.build.target))')")
fi
for target in "${targets[@]}"; do
  program=dist/$target/edge
  [[ $target == *windows* ]] && program+=.exe
  "${deno[@]}" task compile --target "$target" --output "$program"
  archive "$target" "$program"
  case $target in
    x86_64-unknown-linux-gnu) deploy/debian/build.sh "$program" amd64 "$release" ;;
    aarch64-unknown-linux-gnu) deploy/debian/build.sh "$program" arm64 "$release" ;;
  esac
done

read -ra buildah <<<"${BUILDAH:-$(command -v buildah || true)}"
this=$(uname -m)-unknown-linux-gnu
if ((${#buildah[@]} == 0)); then
  echo "release: no container image: there is no buildah"
elif [[ " ${targets[*]} " == *" $this "* ]]; then
  deploy/container/build.sh "dist/$this/edge" edge "${buildah[@]}"
  "${buildah[@]}" push --quiet edge "docker-archive:$release/edge-image-$(uname -m).tar:edge:latest"
fi

"${deno[@]}" task sbom
cp dist/edge.cdx.json "$release"
rm -f dist/edge-rtmp-*.tgz
"${deno[@]}" task npm
cp dist/edge-rtmp-*.tgz "$release"
cp deploy/install.sh "$release"

cd "$release"
sha256sum -- * >"$OLDPWD/dist/SHA256SUMS"
mv "$OLDPWD/dist/SHA256SUMS" .
cat SHA256SUMS
