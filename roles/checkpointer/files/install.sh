# shellcheck shell=sh
# install.sh PYTHON REQUIREMENT... -- [ARGUMENTS OF PIP WHEEL]: installs the requirements from the files that a requirements file with hashes names.
# The requirements file comes from stdin, so no account can replace it on the host.
set -e
python=$1
shift
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
while [ "$1" != -- ]; do
    printf '%s\n' "$1" >>"$wheels/requirements.in"
    shift
done
shift
# The pipe of cat belongs to this account, which could not open a pipe of root as /dev/stdin. pip wheel executes nothing in a wheel.
cat | "$python" -I -m pip --disable-pip-version-check --no-input wheel "$@" --no-deps --require-hashes --wheel-dir "$wheels" --requirement /dev/stdin
# The settings of the machine (PIP_*, pip.conf) can name other directories with wheels, so this step ignores them.
PIP_CONFIG_FILE=/dev/null "$python" -I -m pip --disable-pip-version-check --no-input --isolated install --no-index --find-links "$wheels" \
    --requirement "$wheels/requirements.in"
