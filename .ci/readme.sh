# Runs the commands of README.md, which docs/install.md repeats, on a fresh clone, as a reader would,
# with an empty home. Read by .ci/packages.sh; uses its DENO, COMPILING_DENO, denort and scratch.

# Where the commands run, and what they find on the way.
reader=$scratch/reader

# block PAGE MARK: prints the block of a page that is marked so, such as "run=demo".
block() {
  awk -v mark="$2" '
    /^```/ { if (inside) exit; inside = ($0 ~ " " mark "$"); next }
    inside' "$reader/edge/$1" | grep . || { echo "$1 has no block $2" >&2; return 1; }
}

# try_block PAGE MARK: types the lines of a block, up to the first one that fails.
try_block() {
  local commands
  commands=$(block "$1" "$2") && echo "$commands" &&
    (cd "$reader/edge" && env HOME="$reader/home" PATH="$reader/bin:$PATH" \
      npm_config_prefix="$reader/prefix" npm_config_update_notifier=false DENO_DIR="$reader/deno" \
      DENO_TLS_CA_STORE=system DENORT_BIN="$denort" timeout 300 bash -euo pipefail -c "$commands")
}

# start_server PAGE MARK PORT: starts the command of a block, and waits until it listens.
start_server() {
  local log=$reader/$2.log
  try_block "$1" "$2" >"$log" 2>&1 &
  running+=($!)
  for _ in {1..300}; do
    (exec 3<>"/dev/tcp/127.0.0.1/$3") 2>/dev/null && return
    sleep 0.2
  done
  cat "$log"
  return 1
}

try_readme() {
  local result=0 running=() process
  mkdir -p "$reader"/{home,bin,prefix}
  git clone -q . "$reader/edge" || return
  ln -s "$reader/prefix/bin/edge" "$reader/bin/edge"
  # The base program that is here is of another Deno.
  cat >"$reader/bin/npx" <<SCRIPT
#!/bin/bash
[[ "\$*" == *"task compile"* ]] && set -- "\${@/deno@2.9.6/deno@2.7.11}"
exec "$(command -v npx)" "\$@"
SCRIPT
  chmod +x "$reader/bin/npx"
  ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 60 \
    -c:v libx264 -preset ultrafast -g 25 -bf 0 -c:a aac "$reader/edge/video.mp4" || return
  for mark in "run=npm" "run=compile"; do
    [[ $(block README.md "$mark") == "$(block docs/install.md "$mark")" ]] ||
      { echo "README.md and docs/install.md differ in $mark"; return 1; }
  done
  for mark in "run=demo" "run=npm" "run=compile"; do
    try_block README.md "$mark" || return
  done
  start_server README.md "run=origin" 19350 && start_server README.md "run=edge" 1935 || result=1
  try_block README.md "run=publish" >"$reader/publish.log" 2>&1 &
  running+=($!)
  # `ffplay` needs a screen: the same command, with the first frames written nowhere.
  printf '#!/bin/sh\nexec ffmpeg -v error -i "$1" -frames:v 25 -f null -\n' >"$reader/bin/ffplay"
  chmod +x "$reader/bin/ffplay"
  ((result == 0)) && { try_block README.md "run=play" || result=1; }
  for process in "${running[@]}"; do kill_tree "$process"; done
  return $result
}

# kill_tree PID: ends a process that start_block started, with its children.
kill_tree() {
  local child
  for child in $(ps --ppid "$1" -o pid= 2>/dev/null); do kill_tree "$child"; done
  kill "$1" 2>/dev/null
}
