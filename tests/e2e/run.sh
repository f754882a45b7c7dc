#!/usr/bin/env bash
# The end-to-end test: builds the guest's kernel where it must, boots it, and runs tests/e2e/guest in it.
#
# usage: tests/e2e/run.sh [JOB...]
# Fails when anything cannot be done; it never skips. What it needs and what it looks at: tests/e2e/README.md.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${LIVECAM_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/livecam-e2e}
results=${LIVECAM_E2E_RESULTS:-$cache/results}
python=${LIVECAM_E2E_PYTHON:-$root/.venv/bin/python}
# Ten times what it takes on a machine that does nothing else.
guest_limit_s=1500

# shellcheck source=tests/e2e/uml/packages.sh
source "$here/uml/packages.sh"
[ -x "$python" ] || fail "there is no $python. Run make test-e2e, which makes it."
need_packages ffmpeg v4l-utils
"$here/uml/build.sh" "$cache/kernel"

# A path of our own making: the guest's command line takes no spaces.
work=$(mktemp -d /tmp/livecam-e2e.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{cache,clips,data,out} "$results"

cd "$root"
# An installation has its byte code. A checkout whose Python was told not to write any has none, and the guest cannot
# write it: every start there would compile livecam anew.
"$python" -m compileall -q "$root/livecam"
# The guest has no network, and nothing outside the work folder can be written there.
"$python" -m livecam models fetch
user_cache=$("$python" -c 'from livecam.config import Paths; print(Paths.find().cache)')
cp -r "$user_cache/models" "$work/cache/"
[ ! -d "$user_cache/personas" ] || cp -r "$user_cache/personas" "$work/cache/"
"$python" -m tests.e2e.clips "$work/clips"

status=0
"$here/uml/run.sh" "$cache/kernel" "$work" "$guest_limit_s" \
  env LIVECAM_CACHE=/media/cache LIVECAM_DATA=/media/data OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT=4 OPENCV_LOG_LEVEL=ERROR \
  "$python" -m tests.e2e.guest /media/clips /media/out "$@" || status=$?

rm -f "$results"/foreign-*.png
cp -r "$work/out/." "$work/console.log" "$results/"
[ "$status" != 97 ] || fail "the guest did not come to its end (it had $guest_limit_s s); see $results/console.log"
echo "e2e: results are in $results"
exit "$status"
