# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # used and set by those who source it
# The Debian packages that Sallyport is built, run and tested with. Sourced by ./run and ./test.

deps_build=(build-essential meson ninja-build pkg-config libssl-dev nettle-dev libseccomp-dev
    libsqlite3-dev libcyaml-dev libyaml-dev libjansson-dev libev-dev libnftables-dev libcurl4-openssl-dev libkrb5-dev libldap-dev
    liboath-dev libsodium-dev libmaxminddb-dev tzdata libfido2-dev libqrencode-dev
    libcairo2-dev fonts-dejavu-core)
deps_demo=(freerdp2-x11 freerdp2-shadow-x11 xvfb openbox xterm x11-utils x11-xserver-utils
    procps util-linux openssl)
deps_test=(libcmocka-dev clang-14 clang-format-14 libclang-rt-14-dev llvm-14 shellcheck python3
    python3-pytest libx11-dev libxext-dev x11-apps xauth xclip fuse3 xdotool imagemagick xrdp xorgxrdp haproxy
    git man-db strace tshark nmap libxtst-dev hydra nftables iproute2
    samba samba-dsdb-modules samba-vfs-modules samba-ad-provision krb5-user rdesktop slapd ldap-utils)

# Say in one line what went wrong and what to do, and end.
die()
{
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# A build machine's LIBRARY_PATH makes the linker find stubs, and a pyenv hides Debian's modules.
clean_environment()
{
    unset LIBRARY_PATH CPATH C_INCLUDE_PATH PYTHONHOME PYTHONPATH
    export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    export LC_ALL=C.UTF-8
}

# Install those of the named packages that are missing.
deps_install()
{
    local package missing=() as_root=()

    command -v dpkg-query >/dev/null || die "this needs Debian 12; elsewhere install by hand: $*"
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null ||
            die "packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    printf 'installing %d Debian packages: %s\n' ${#missing[@]} "${missing[*]}" >&2
    deps_apt "${as_root[@]}" -- "${missing[@]}"
}

# deps_apt [sudo] -- PACKAGE…
deps_apt()
{
    local as_root=() log
    while [ "$1" != -- ]; do as_root+=("$1"); shift; done
    shift
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        die "apt-get failed (above); check the network and the package sources, then try again"
    fi
    rm -f "$log"
}

# build_product DIR [MESON OPTION…]: set up or change what is not so yet, then build; the compiler's
# words only on failure. Without options an existing folder keeps those that it has.
build_product()
{
    local dir=$1 log=$1/sallyport-build.log options
    shift
    options="$*"
    mkdir -p "$dir"
    if [ ! -f "$dir/build.ninja" ]; then
        meson setup "$dir" "$top" "${@:--Dtests=false}" >"$log" 2>&1 || build_failed "$dir" "$log"
    elif [ -n "$options" ] && [ "$options" != "$(cat "$dir/sallyport-options" 2>/dev/null)" ]; then
        # Not "configure": it does not know an option that is newer than the folder.
        meson setup --reconfigure "$dir" "$top" "$@" >"$log" 2>&1 || build_failed "$dir" "$log"
    fi
    [ -z "$options" ] || printf '%s\n' "$options" >"$dir/sallyport-options"
    ninja -C "$dir" >"$log" 2>&1 || build_failed "$dir" "$log"
}

build_failed()
{
    { grep -nE 'error|ERROR|FAILED|undefined' "$2" || tail -n 20 "$2"; } | head -n 20 >&2
    die "the build in $1 failed (above, all in $2); rm -r $1 starts afresh"
}
