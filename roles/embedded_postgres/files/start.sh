# shellcheck shell=sh
# start.sh start|restart PG_CTL DATA LOG_FOLDER SECONDS: starts the server, or prints the reason why it does not start.
action=$1 pg_ctl=$2 data=$3 log=$4 seconds=$5

if [ "$action" = restart ]; then
    "$pg_ctl" stop -D "$data" -m fast -w -t "$seconds" || exit 1
fi

# The server truncates the log file of a weekday only if it is running at midnight.
find "$log" -type f -name 'server-*.log' -mtime +5 -exec rm -f {} +

# After a kill, the old server's processes need a moment to end.
for _ in 1 2 3 4 5; do
    : >"$log/start.log"
    # An option on the command line overrides every stored setting, so TCP stays disabled.
    said=$("$pg_ctl" start -D "$data" -l "$log/start.log" -w -t "$seconds" -s -o '-c listen_addresses=' 2>&1) && exit 0
    grep -q 'pre-existing shared memory block' "$log/start.log" || break
    sleep 1
done

# The reason is in the first file, or in the second file if the server has opened it.
reason=$(
    for file in "$log/start.log" "$(find "$log" -name 'server-*.log' -newer "$log/start.log" -exec ls -t {} + | head -n 1)"; do
        [ -s "$file" ] && tail -n 6 "$file"
    done
)
printf '%s\n' "${reason:-$said}" >&2
exit 1
