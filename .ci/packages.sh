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
