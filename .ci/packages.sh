# Builds what users install, installs it, and tries it. Read by .ci/run; uses its DENO and scratch.

# Prints how containers share the files of their image; without overlays, each has a copy.
storage_driver() {
  local folder=$scratch/overlay
  mkdir -p "$folder"/{lower,upper,work,merged}
  mount -t overlay overlay "$folder/merged" \
    -o "lowerdir=$folder/lower,upperdir=$folder/upper,workdir=$folder/work" 2>/dev/null &&
    umount "$folder/merged" && echo overlay && return
  echo vfs
}

# A storage in the scratch folder, so that nothing stays on the machine.
STORAGE=(--storage-driver "$(storage_driver)" --root "$scratch/containers" --runroot "$scratch/containers.run")
PODMAN=(timeout 60 podman "${STORAGE[@]}" --runtime runc)
CONTAINER_FLAGS=(
  --network none --read-only --cap-drop all --security-opt no-new-privileges --memory 512m
  --ulimit nofile=20000:20000 --ulimit nproc=20000:20000
)

NPM_PACKAGE_MAX_BYTES=1500000

make_npm_package() {
  "${DENO[@]}" task npm && (($(stat -c %s dist/edge-rtmp-*.tgz) < NPM_PACKAGE_MAX_BYTES))
}

# Installs the package into a clean prefix, with an empty home and cache, and runs the demo: at most
# 30 s from nothing to a demo that has compared its frames.
try_npm_package() {
  local begin=$SECONDS
  mkdir -p "$scratch/home"
  env HOME="$scratch/home" npm_config_prefix="$scratch/prefix" npm_config_cache="$scratch/npm" \
    npm install --global --no-update-notifier ./dist/edge-rtmp-*.tgz &&
    run_npm_package demo --seconds 3 || return
  echo "from nothing to the end of the demo: $((SECONDS - begin)) s"
  ((SECONDS - begin <= 30))
}

# Runs the installed package in an empty folder, where nothing of the machine's Deno is seen.
run_npm_package() {
  local empty
  empty=$(mktemp -d -p "$scratch")
  (cd "$empty" && env -i PATH="$PATH" HOME="$scratch/home" timeout 30 "$scratch/prefix/bin/edge" "$@")
}

# Builds a release for this platform, on the Deno whose base program is here.
make_release() {
  DENO="nice -n 10 ${COMPILING_DENO[*]}" DENORT_BIN="$denort" BUILDAH="buildah ${STORAGE[*]}" tools/release.sh
}

# The same commit in another folder makes the same bytes.
is_reproducible() {
  local again=$scratch/again compile=(nice -n 19 "${COMPILING_DENO[@]}" task)
  git clone -q . "$again" &&
    (cd "$again" && DENORT_BIN="$denort" "${compile[@]}" compile && "${compile[@]}" npm) &&
    cmp "$again/dist/edge" "$edge" &&
    cmp "$again"/dist/edge-rtmp-*.tgz dist/release/edge-rtmp-*.tgz
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

# Whether an image of one static program runs. Says why not: the kernel may forbid it, and no
# package helps there. That our own image runs is a check, not asked here.
can_run_containers() {
  local buildah=(buildah "${STORAGE[@]}") container log=$scratch/engine.log
  { container=$("${buildah[@]}" from scratch) &&
    "${buildah[@]}" copy --quiet "$container" /usr/bin/catatonit /catatonit &&
    "${buildah[@]}" config --entrypoint '["/catatonit"]' "$container" &&
    "${buildah[@]}" commit --quiet "$container" localhost/probe &&
    "${PODMAN[@]}" run --rm "${CONTAINER_FLAGS[@]}" localhost/probe --version; } >"$log" 2>&1 && return
  echo "== skipped: containers cannot run here: $(tail -n 1 "$log")"
  return 1
}

load_image() {
  "${PODMAN[@]}" load --quiet --input dist/release/edge-image-x86_64.tar
}

run_container() {
  "${PODMAN[@]}" run --rm "${CONTAINER_FLAGS[@]}" localhost/edge "$@"
}

# The image's own configuration, changed by the environment: as PID 1, without rights, on a
# read-only root, until SIGTERM.
try_container() {
  local name=edge-ci-$$ log=$scratch/container.log healthy=1 try
  "${PODMAN[@]}" run --detach --name "$name" "${CONTAINER_FLAGS[@]}" \
    --env SRS_LISTEN=1936 --env EDGE_ORIGIN=192.0.2.10 localhost/edge || return
  for try in {1..20}; do
    "${PODMAN[@]}" healthcheck run "$name" >/dev/null 2>&1 && healthy=0 && break
    sleep 0.5
  done
  "${PODMAN[@]}" top "$name" user pid >"$log"
  "${PODMAN[@]}" stop --time 10 "$name"
  "${PODMAN[@]}" logs "$name" >>"$log" 2>&1
  "${PODMAN[@]}" inspect --format 'exit code {{.State.ExitCode}}' "$name" >>"$log"
  "${PODMAN[@]}" rm --force "$name" >/dev/null
  cat "$log"
  ((healthy == 0)) && grep -qE '^edge +1 *$' "$log" && grep -q 'is an edge' "$log" &&
    grep -q 'rtmp://.*:1936' "$log" && grep -q '^exit code 0$' "$log"
}

# The fleet of deploy/kubernetes, in a network namespace that is removed afterwards.
try_fleet() {
  local name=edge-fleet-$$ result
  local inside=(nsenter "--net=/var/run/netns/$name" env "CONTAINERS_CONF=$scratch/containers.conf")
  printf '%s\n' '[containers]' 'default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]' \
    '[engine]' 'runtime = "runc"' >"$scratch/containers.conf"
  ip netns add "$name" && "${inside[@]}" ip link set lo up
  # A bridge has the lowest address of its ports, so pods that come and go change it. Unless it tells
  # the others, they send to the address before for up to a minute.
  "${inside[@]}" sysctl --quiet --write net.ipv4.conf.all.arp_notify=1
  "${inside[@]}" "${DENO[@]}" run --allow-all .ci/fleet.ts localhost/edge podman "${STORAGE[@]}"
  result=$?
  "${inside[@]}" podman "${STORAGE[@]}" pod rm --force --all >/dev/null
  ip netns del "$name"
  return $result
}

# Installs the Debian package on this machine, tries it, and removes all of it.
try_debian_package() {
  local user=(runuser --user edge --) result=0
  dpkg --install dist/release/edge-rtmp_*_amd64.deb &&
    edge --version &&
    "${user[@]}" edge --test --config /etc/edge/edge.conf &&
    (cd / && timeout 30 "${user[@]}" edge demo --seconds 3) &&
    systemd-analyze verify --man=no /usr/lib/systemd/system/edge.service &&
    # The scale is from 0 (all is protected) to 10.
    systemd-analyze security --offline=true --threshold=20 --no-pager \
      /usr/lib/systemd/system/edge.service | tail -n 1 &&
    logrotate --debug /etc/logrotate.d/edge || result=1
  dpkg --purge edge-rtmp && [[ ! -e /etc/edge && ! -e /usr/bin/edge ]] && ((result == 0))
}

# Tries the service under systemd, in namespaces and a cgroup that are removed afterwards. Where the
# kernel does not let systemd begin, it says so.
try_service() {
  local cgroups=$scratch/cgroups folder=$scratch/systemd log=$scratch/systemd.log
  local package init="" inside result=1 pid _
  package=$(realpath dist/release/edge-rtmp_*_amd64.deb)
  mkdir -p "$cgroups" "$folder"
  mount -t cgroup2 cgroup2 "$cgroups" && mkdir "$cgroups/edge-ci-$$"
  (
    echo "$BASHPID" >"$cgroups/edge-ci-$$/cgroup.procs" &&
      exec timeout --kill-after 5 150 unshare --pid --mount --uts --ipc --net --cgroup --fork \
        --kill-child .ci/boot_systemd.sh "$folder"
  ) >"$log" 2>&1 &
  pid=$!
  for _ in {1..50}; do
    sleep 0.2
    # Below timeout and unshare.
    init=$(pgrep --parent "$(pgrep --parent "$pid" || echo 0)" --exact systemd) || continue
    inside=(
      nsenter --target "$init" --mount --pid --net --uts --ipc --cgroup --root --wd=/ --
      env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin
    )
    [[ $("${inside[@]}" systemctl is-system-running 2>/dev/null) == running ]] && break
    init=""
  done
  if [[ -z $init ]]; then
    echo "== skipped: systemd does not run here: $(tail -n 1 "$log")"
    result=0
  elif "${inside[@]}" tee /run/edge.deb <"$package" >/dev/null &&
    "${inside[@]}" bash -s /run/edge.deb <.ci/try_service.sh; then
    result=0
  else
    "${inside[@]}" journalctl --unit edge --no-pager | tail -n 30
  fi
  kill "$pid"
  wait "$pid" 2>/dev/null
  for _ in {1..50}; do
    find "$cgroups/edge-ci-$$" -depth -type d -exec rmdir {} + 2>/dev/null && break
    sleep 0.1
  done
  umount "$cgroups"
  return $result
}

# The pages have no warnings, and the shells can read the completions.
check_generated() {
  local page warnings
  for page in docs/man/*; do
    warnings=$(man --warnings --local-file "$page" 2>&1 >/dev/null)
    [[ -z $warnings ]] || { echo "$page: $warnings"; return 1; }
  done
  zsh -n deploy/completions/_edge && fish --no-execute deploy/completions/edge.fish
}
