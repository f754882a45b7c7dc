# shellcheck shell=bash
# Debian packages, for scripts that source this: installs what is missing where it may, else says so and fails.

fail() {
  echo "e2e: $*" >&2
  exit 1
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null && [ "$(uname -m)" = x86_64 ] ||
  fail "it needs Debian 12 on x86-64: its kernel and v4l2loopback come from there."

refresh_packages() {
  [ "$(id -u)" = 0 ] || fail "apt has no package lists. Run: sudo apt-get update"
  apt-get update -q || fail "apt cannot reach its package archive."
}

# need_packages NAME...
need_packages() {
  local name missing=()
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)" = installed ] || missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] && return
  [ "$(id -u)" = 0 ] || fail "missing packages. Run: sudo apt-get install ${missing[*]}"
  echo "e2e: installing ${missing[*]}"
  local install=(apt-get install -q -y --no-install-recommends -o DPkg::Lock::Timeout=300)
  export DEBIAN_FRONTEND=noninteractive
  # Old lists name packages that the archive has replaced.
  "${install[@]}" "${missing[@]}" || { refresh_packages && "${install[@]}" "${missing[@]}"; } ||
    fail "apt cannot install ${missing[*]}."
}
