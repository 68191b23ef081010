# shellcheck shell=sh
# install.sh VIRTUALENV PYTHON [ARGUMENTS OF PIP INSTALL]: creates the virtualenv if necessary, and installs the requirements in stdin.
# No account can replace the requirements on the host, because they are not in a file.
set -e
# With the caller's umask the server's user might not be able to read the programs.
umask 022
venv=$1
python=$2
shift 2
[ -e "$venv/bin/python" ] || "$python" -m venv "$venv"
# -I excludes the working directory and the user's site-packages.
"$venv/bin/python" -I -m pip --disable-pip-version-check --no-input install "$@" --requirement /dev/stdin
