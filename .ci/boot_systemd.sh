#!/usr/bin/env bash
# Boots systemd over a copy of this machine's files that is gone afterwards: boot_systemd.sh FOLDER.
# Run it in own namespaces and an own cgroup.

set -euo pipefail
folder=$1
root=$folder/root
mount -t tmpfs tmpfs "$folder"
mkdir "$folder"/{upper,work} "$root"
mount -t overlay overlay "$root" -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
ip link set lo up
# Nothing of the machine's is started.
rm -f "$root"/etc/systemd/system/*.wants/*
exec chroot "$root" env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --unit=basic.target
