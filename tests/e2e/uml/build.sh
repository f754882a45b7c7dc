#!/usr/bin/env bash
# Builds a User-Mode Linux kernel with V4L2, vivid and v4l2loopback from Debian's own source packages.
#
# usage: build.sh FOLDER
# Leaves FOLDER/linux, an executable, and FOLDER/lib/modules. Takes 4 to 5 minutes on two cores, or none at all when
# FOLDER holds what the same files and the same packages made before.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "$1" && cd "$1" && pwd)
version=6.1
sources=("linux-source-$version" v4l2loopback-source)
tools=(build-essential bc bison bzip2 cpio flex kmod patch xz-utils)

# shellcheck source=tests/e2e/uml/packages.sh
source "$here/packages.sh"

candidates() { apt-cache policy "${sources[@]}" | awk '/Candidate:/ && $2 != "(none)" {print $2}' | tr '\n' ' '; }
stamp() { echo "$(cat "$here"/{build.sh,uml.config,xsave.patch} | sha256sum | cut -c1-16) $(candidates)"; }

# Fresh containers have no package lists, and without them no version to compare with.
[ "$(candidates | wc -w)" = 2 ] || refresh_packages
[ "$(candidates | wc -w)" = 2 ] || fail "apt knows no packages ${sources[*]}. They are those of Debian 12 (bookworm)."

# Two runs at once must not build into the same folder.
exec 9>"$out/lock"
flock 9
if [ "$(cat "$out/stamp" 2>/dev/null || true)" = "$(stamp)" ]; then
  echo "e2e: the kernel is built already, in $out"
  exit 0
fi
echo "e2e: building the guest's kernel into $out; this takes about five minutes"
need_packages "${tools[@]}"

work=$(mktemp -d "$out/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
# apt's own user may not write into another user's folder.
apt-get download -q -o APT::Sandbox::User=root "${sources[@]}" || fail "apt cannot download ${sources[*]}."
for package in *.deb; do dpkg-deb -x "$package" packages; done
tar xf "packages/usr/src/linux-source-$version.tar.xz"
tar xf packages/usr/src/v4l2loopback.tar.bz2

cd "linux-source-$version"
patch -p1 --no-backup-if-mismatch <"$here/xsave.patch"
export ARCH=um
KCONFIG_ALLCONFIG=$here/uml.config make -s allnoconfig
# The configuration tool drops in silence whatever misses a dependency.
for option in HOSTFS=y HIGH_RES_TIMERS=y MODULES=y UML_RANDOM=y VIDEO_DEV=y VIDEO_VIVID=m; do
  grep -q "^CONFIG_$option" .config || fail "the kernel's configuration lost CONFIG_$option"
done
make -s -j"$(nproc)" linux modules 2>"$work/warnings" || { cat "$work/warnings"; fail "the kernel does not build"; }
make -s M="$work/modules/v4l2loopback" modules

make -s modules_install INSTALL_MOD_PATH="$work/installed"
release=$(ls "$work/installed/lib/modules")
modules=$work/installed/lib/modules/$release
# Links into the sources, which are about to go.
rm -f "$modules/build" "$modules/source"
install -D -m 644 -t "$modules/updates" "$work/modules/v4l2loopback/v4l2loopback.ko"
PATH=$PATH:/sbin:/usr/sbin depmod -b "$work/installed" "$release"

# The stamp goes first and comes last: what was broken off is built again.
rm -rf "${out:?}"/{stamp,lib}
mv "$work/installed/lib" "$out/lib"
strip -o "$out/linux" linux
stamp >"$out/stamp"
echo "e2e: built Linux $release"
