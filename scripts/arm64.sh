#!/bin/sh
# Runs a command with this project on Debian arm64, under qemu-user, as on most hobbyists' boards.
#
#   sudo scripts/arm64.sh python -m pytest -n 0 -q tests/test_native_engine.py
#
# The first time it makes the system: some 600 MB in $ARM64 (default /var/tmp/blink16-arm64), from
# Debian's and PyPI's servers, in ten to twenty minutes.  It needs root, debootstrap,
# qemu-user-static and the kernel's binfmt_misc.  Delete the folder to begin anew.
set -eu

project=$(cd "$(dirname "$0")/.." && pwd)
shared=${BLINK16_SHARED:-$project/../shared}
system=${ARM64:-/var/tmp/blink16-arm64}
certificates=/etc/ssl/certs/ca-certificates.crt

if ! [ -e /proc/sys/fs/binfmt_misc/status ]; then
    mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
fi
if ! [ -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]; then
    update-binfmts --enable qemu-aarch64
fi

if ! [ -e "$system/ready" ]; then
    whole=$system
    system=$whole.part # what was begun and not finished is begun anew
    rm -rf --one-file-system "$system" "$whole"
    debootstrap --arch=arm64 --foreign --variant=minbase \
        --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$system"
    cp /etc/resolv.conf "$system/etc/resolv.conf"
    chroot "$system" /debootstrap/debootstrap --second-stage
    mkdir -p "$system/etc/ssl/certs" "$system/project" "$system/shared"
    cp "$certificates" "$system$certificates"
    chroot "$system" python3 -m venv /venv
    chroot "$system" /venv/bin/pip --cert "$certificates" install -q \
        construct trio llvmlite platformdirs msgspec pyelftools textual pytest pytest-trio pytest-xdist hypothesis
    touch "$system/ready"
    mv "$system" "$whole"
    system=$whole
fi

# in a mount namespace of its own, so that nothing stays mounted
exec unshare --mount sh -eu -c '
    system=$1 project=$2 shared=$3
    shift 3
    mkdir -p "$system/project" "$system/shared"
    mount --bind "$project" "$system/project"
    mount -o remount,bind,ro "$system/project"
    if [ -d "$shared" ]; then mount --bind "$shared" "$system/shared"; fi
    mount -t proc proc "$system/proc"
    mount -t tmpfs tmpfs "$system/tmp"
    exec chroot "$system" /usr/bin/env -i HOME=/root PATH=/venv/bin:/usr/bin:/bin \
        PYTHONPATH=/project:/project/tests PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=/tmp BLINK16_SHARED=/shared \
        XDG_CACHE_HOME=/root/.cache sh -c "cd /project && exec \"\$@\"" sh "$@"
' sh "$system" "$project" "$shared" "$@"
