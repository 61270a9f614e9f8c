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
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
}
