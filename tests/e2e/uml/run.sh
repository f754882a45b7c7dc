#!/usr/bin/env bash
# Runs a command in the guest and exits with its status; 97 when it never came to its end.
#
# usage: run.sh KERNEL WORK SECONDS COMMAND [ARGUMENT...]
# KERNEL is what build.sh made. WORK appears in the guest as /media and is all it can write to; its path must hold no
# space, because it goes on the kernel's command line. The command starts in the present folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
kernel=$(cd "$1" && pwd)
work=$(cd "$2" && pwd)
seconds=$3
shift 3
memory_mb=2048
kernel_talk='^ *\[ *[0-9.]*\]\|^Core dump limits\|^Checking \|^Adding \|^reboot: \|^ *soft - \|^ *hard - '

case $work in *[[:space:]]*) echo "e2e: the path of $work holds a space" >&2; exit 2 ;; esac
# The guest puts its own file systems there.
case $PWD/ in /dev/* | /media/* | /proc/* | /run/* | /sys/*)
  echo "e2e: $PWD cannot be seen in the guest; put the checkout elsewhere" >&2
  exit 2
  ;;
esac

rm -f "$work/job.rc"
ln -sfn "$kernel" "$work/kernel"
install -m 755 "$here/init.sh" "$work/init.sh"
printf 'cd %q && %s\n' "$PWD" "$(printf '%q ' "$@")" >"$work/job.sh"

# The guest's memory is a file. Containers often have a small /dev/shm, and a guest that outgrows it dies.
shared_mb=$(df -m --output=avail /dev/shm 2>/dev/null | tail -n 1 || true)
export TMPDIR=$work
if [ "${shared_mb:-0}" -gt "$memory_mb" ]; then TMPDIR=/dev/shm; fi

# The guest's kernel and its programs are two processes of the host that take turns at each system call and page fault.
# On two processors every turn wakes a sleeping one: Python starts five times as slowly, when the host is idle above all.
allowed=$(taskset -pc $$)
one=${allowed##*[ ,-]}

timeout -k 5 "$seconds" taskset -c "$one" "$kernel/linux" mem="${memory_mb}M" root=/dev/root rootfstype=hostfs rootflags=/ ro quiet \
  con=null con0=fd:0,fd:1 init="$work/init.sh" E2E_WORK="$work" </dev/null 2>&1 |
  tee "$work/console.log" | grep --line-buffered -av "$kernel_talk" || true
exit "$(cat "$work/job.rc" 2>/dev/null || echo 97)"
