# Builds what users install, installs it, and tries it. Read by .ci/run; uses its DENO and scratch.

NPM_PACKAGE_MAX_BYTES=1500000

make_npm_package() {
  "${DENO[@]}" task npm && (($(stat -c %s dist/edge-rtmp-*.tgz) < NPM_PACKAGE_MAX_BYTES))
}

# Installs the package into a clean prefix, with an empty home and cache.
install_npm_package() {
  mkdir -p "$scratch/home"
  env HOME="$scratch/home" npm_config_prefix="$scratch/prefix" npm_config_cache="$scratch/npm" \
    npm install --global --no-update-notifier ./dist/edge-rtmp-*.tgz
}

# Runs the installed package in an empty folder, where nothing of the machine's Deno is seen.
run_npm_package() {
  local empty
  empty=$(mktemp -d -p "$scratch")
  (cd "$empty" && env -i PATH="$PATH" HOME="$scratch/home" timeout 30 "$scratch/prefix/bin/edge" "$@")
}

# Builds a release for this platform, on the Deno whose base program is here.
make_release() {
  DENO="${COMPILING_DENO[*]}" DENORT_BIN="$denort" tools/release.sh
}

# The same commit in another folder makes the same bytes.
is_reproducible() {
  git clone -q . "$scratch/again" &&
    (cd "$scratch/again" && make_release >/dev/null) &&
    diff "$scratch/again/dist/release/SHA256SUMS" dist/release/SHA256SUMS
}

check_sbom() {
  local package=@cyclonedx/cyclonedx-library@10.3.0
  (cd "$scratch" && npm pack --silent "$package" && tar -xzf cyclonedx-*.tgz package/res/schema) &&
    "${DENO[@]}" run --allow-read .ci/check_sbom.ts "$scratch/package/res/schema" \
      dist/release/edge.cdx.json
}

# Installs from the release's folder; refuses an archive that was changed, and installs nothing.
try_install_script() {
  local target=x86_64-unknown-linux-gnu bad=$scratch/bad
  EDGE_FROM=dist/release EDGE_DIR="$scratch/bin" deploy/install.sh || return
  cp -r dist/release "$bad" && echo >>"$bad/edge-$target.tar.gz"
  ! EDGE_FROM="$bad" EDGE_DIR="$scratch/bad-bin" deploy/install.sh && [[ ! -e $scratch/bad-bin ]]
}

# Another version's base program is refused before anything is made of it.
refuses_wrong_base() {
  local output
  output=$(DENORT_BIN="$denort" "${DENO[@]}" task compile 2>&1)
  [[ $? -eq 1 && $output == *"is of Deno 2.7.11"*"npx -y deno@2.7.11 task compile"* ]]
}
