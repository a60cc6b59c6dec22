#!/bin/sh
# An init script as the Linux Standard Base has them, around a sleeping daemon:
#
#   init_script.sh FOLDER start|stop|status|reload
#
# Each call is noted in FOLDER/calls. Files in the folder make it misbehave: VERB-exit holds an exit
# status and what to say, VERB-hang makes it ignore SIGTERM and hang, stop-ignored a stop that does
# nothing, stop-later one that takes a moment after the script has ended, hold-output a daemon that
# keeps the script's output open, flood a start that writes a megabyte.
folder=$1
verb=$2
echo "$verb" >>"$folder/calls"

if [ -e "$folder/$verb-hang" ]; then
        trap '' TERM
        while :; do
                sleep 1000
        done
fi
if [ -e "$folder/$verb-exit" ]; then
        read -r status words <"$folder/$verb-exit"
        echo "$words" >&2
        exit "$status"
fi

is_running() {
        [ -s "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null
}

start() {
        is_running && return
        [ ! -e "$folder/flood" ] || yes | head -c 1000000
        if [ -e "$folder/hold-output" ]; then
                sleep 1000 &
        else
                sleep 1000 >/dev/null 2>&1 &
        fi
        echo $! >"$folder/pid"
        echo "the daemon is up"
}

stop() {
        [ ! -e "$folder/stop-ignored" ] && is_running || return 0
        if [ -e "$folder/stop-later" ]; then
                (sleep 0.5 && kill "$(cat "$folder/pid")" && rm "$folder/pid") >/dev/null 2>&1 &
        else
                kill "$(cat "$folder/pid")"
                rm "$folder/pid"
        fi
}

status() {
        [ -e "$folder/pid" ] || exit 3
        is_running || exit 1
}

case $verb in
start | stop | status) "$verb" ;;
reload) echo reloaded ;;
*) exit 2 ;;
esac
