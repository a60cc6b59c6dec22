# bash completion for recoverctl(8): commands, their options, and the services of the running agent.

_recoverctl_commands() {
        recoverctl --help 2>/dev/null | awk '/^Commands:/ { on = 1; next } on && NF == 0 { exit } on { print $1 }'
}

_recoverctl_options() {
        recoverctl "$1" --help 2>/dev/null | awk '/^ +-/ { for (i = 1; i <= NF; i++) if ($i ~ /^--/) print $i }'
}

# The table ends with an empty line; without an agent there is nothing to offer.
_recoverctl_services() {
        recoverctl status "${socket[@]}" 2>/dev/null | awk 'NR > 1 { if (NF == 0) exit; print $1 }'
}

_recoverctl() {
        local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
        local command=${COMP_WORDS[1]} socket=() i
        COMPREPLY=()
        for ((i = 2; i < COMP_CWORD; i++)); do
                [[ ${COMP_WORDS[i]} == --socket || ${COMP_WORDS[i]} == -s ]] &&
                        socket=(--socket "${COMP_WORDS[i + 1]}")
        done
        if ((COMP_CWORD == 1)); then
                mapfile -t COMPREPLY < <(compgen -W "$(_recoverctl_commands) --help --version" -- "$word")
                return
        fi
        case $previous in
        --socket | -s | --config | -c)
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                return
                ;;
        --for | -f)
                mapfile -t COMPREPLY < <(compgen -W "15m 30m 1h 2h 4h" -- "$word")
                return
                ;;
        --token-file | -k)
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                return
                ;;
        --reason | -r | --limit | -n | --before | -b | --status | -t)
                return
                ;;
        esac
        if [[ $word == -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_recoverctl_options "$command")" -- "$word")
                return
        fi
        case $command in
        check)
                mapfile -t COMPREPLY < <(compgen -f -- "$word")
                ;;
        status | why | incidents | probe | heartbeat | pause | resume | ack | restart | start | stop)
                mapfile -t COMPREPLY < <(compgen -W "$(_recoverctl_services)" -- "$word")
                ;;
        esac
}

complete -o filenames -F _recoverctl recoverctl
