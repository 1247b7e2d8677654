#!/usr/bin/env bash
# Tries the service of the Debian package under systemd: try_service.sh PACKAGE. A stream is played
# while the configuration is read again, a bad one is refused, and the package is installed again.

set -euxo pipefail
cd /run
show() { systemctl show --value --property "$1" edge; }
frames() { sed -n 's/^frame=//p' played | tail -n 1; }
# until_true SECONDS COMMAND
until_true() { timeout "$1" bash -c "until $2; do sleep 0.1; done"; }

dpkg --install "$1"
systemctl start edge
[[ $(show StatusText) == Serving ]]
first=$(show MainPID)

ffmpeg -nostdin -v error -re -f lavfi -i testsrc=size=320x180:rate=25 -t 120 \
  -c:v libx264 -preset ultrafast -g 25 -f flv rtmp://127.0.0.1/live/show &
publisher=$!
ffmpeg -nostdin -v error -progress played -i rtmp://127.0.0.1/live/show -c copy -f null - &
player=$!
until_true 10 'grep -q "^frame=[1-9]" played'

systemctl reload edge
[[ $(show MainPID) == "$first" ]]
echo 'nonsense 1;' >>/etc/edge/edge.conf
if systemctl reload edge; then exit 1; fi
sed -i '/nonsense/d' /etc/edge/edge.conf
[[ $(show MainPID) == "$first" && $(show ActiveState) == active ]]

# Another program at the same path, as an upgrade leaves it.
dpkg --install "$1"
second=$(cat /run/edge/edge.pid)
until_true 5 "systemctl show edge | grep -qx MainPID=$second"
[[ $second != "$first" && -d /proc/$first ]]
ffmpeg -nostdin -v error -i rtmp://127.0.0.1/live/show -t 2 -c copy -f null -

# A setting that needs a restart, with the same program.
touch /run/edge/replace
systemctl reload edge
[[ ! -e /run/edge/replace && $(show StatusText) == Serving ]]

# The player of the first server has noticed nothing. When the stream ends, so do the servers that
# were replaced.
before=$(frames)
sleep 2
(($(frames) > before))
kill "$publisher"
wait "$player"
until_true 10 "[[ ! -d /proc/$first && ! -d /proc/$second ]]"
[[ $(show ActiveState) == active ]]
systemctl stop edge
[[ $(show Result) == success && ! -e /run/edge ]]
if journalctl --unit edge --no-pager | grep -E ' (WARN|ERROR) '; then exit 1; fi
