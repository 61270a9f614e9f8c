# Sourced: what a tool needs of the distribution is installed when it is absent, and named where nothing can install it.

need() { # need COMMAND PACKAGE: install the Debian package only if the command is absent
  command -v "$1" > /dev/null || packages+=("$2")
}

install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  command -v apt-get > /dev/null || die "please install: ${packages[*]}"
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  say "installing ${packages[*]}"
  # Two parts that are made at a time may both lack something, and APT does not wait for another APT.
  mkdir -p .cache
  (
    flock 8
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}" > /dev/null
  ) 8> .cache/packages.lock
}
