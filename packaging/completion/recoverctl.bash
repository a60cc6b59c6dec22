# bash completion for recoverctl(1). Written by `recoverctl generate completion-bash`: change the program, not this.
# shellcheck shell=bash

# COMMAND: its options.
_recoverctl_options() {
        case $1 in
        init) echo " --dry-run --to --from --json --socket --help" ;;
        check) echo " --config --explain --strict --json --socket --help" ;;
        replay) echo " --trace --interval --fall --rise --suspect-self --short --json --socket --help" ;;
        simulate) echo " --faults --for --seed --against --replay --timeline --config --json --socket --help" ;;
        status) echo " --watch --json --socket --help" ;;
        why) echo " --json --socket --help" ;;
        incidents) echo " --limit --before --json --socket --help" ;;
        incident) echo " --evidence --json --socket --help" ;;
        probe) echo " --json --socket --help" ;;
        heartbeat) echo " --status --failed --token-file --json --socket --help" ;;
        pause) echo " --for --reason --all --json --socket --help" ;;
        resume) echo " --all --json --socket --help" ;;
        hold) echo " --all --reason --for --json --socket --help" ;;
        release) echo " --json --socket --help" ;;
        group) echo " --json --socket --help" ;;
        failover) echo " --to --json --socket --help" ;;
        ack) echo " --json --socket --help" ;;
        restart) echo " --json --socket --help" ;;
        checkpoint) echo " --to --from --json --socket --help" ;;
        rollback) echo " --undo --json --socket --help" ;;
        start) echo " --json --socket --help" ;;
        stop) echo " --json --socket --help" ;;
        reload) echo " --json --socket --help" ;;
        record) echo " --json --socket --help" ;;
        *) echo " --help --version --socket" ;;
        esac
}

# COMMAND:OPTION: what its value is; nothing for an option without one.
_recoverctl_value() {
        case $1 in
        init:--to | init:-t) echo 'directories' ;;
        init:--from | init:-f) echo 'directories' ;;
        check:--config | check:-c) echo 'files' ;;
        check:--explain | check:-e) echo 'services' ;;
        replay:--trace | replay:-t) echo 'files' ;;
        replay:--interval | replay:-i) echo 'words 15m 30m 1h 2h 4h' ;;
        replay:--fall | replay:-f) echo 'none' ;;
        replay:--rise | replay:-r) echo 'none' ;;
        replay:--suspect-self | replay:-u) echo 'words on off' ;;
        replay:--short | replay:-o) echo 'words 15m 30m 1h 2h 4h' ;;
        simulate:--faults | simulate:-F) echo 'files' ;;
        simulate:--for | simulate:-f) echo 'words 15m 30m 1h 2h 4h' ;;
        simulate:--seed | simulate:-S) echo 'none' ;;
        simulate:--against | simulate:-A) echo 'files' ;;
        simulate:--replay | simulate:-R) echo 'files' ;;
        simulate:--config | simulate:-c) echo 'files' ;;
        incidents:--limit | incidents:-n) echo 'none' ;;
        incidents:--before | incidents:-b) echo 'incidents' ;;
        heartbeat:--status | heartbeat:-t) echo 'none' ;;
        heartbeat:--token-file | heartbeat:-k) echo 'files' ;;
        pause:--for | pause:-f) echo 'words 15m 30m 1h 2h 4h' ;;
        pause:--reason | pause:-r) echo 'none' ;;
        hold:--reason | hold:-r) echo 'none' ;;
        hold:--for | hold:-f) echo 'words 15m 30m 1h 2h 4h' ;;
        failover:--to | failover:-T) echo 'none' ;;
        checkpoint:--to | checkpoint:-T) echo 'directories' ;;
        checkpoint:--from | checkpoint:-F) echo 'none' ;;
        *:--socket | *:-s) echo 'files' ;;
        esac
}

# COMMAND:POSITION: what the argument is.
_recoverctl_argument() {
        case $1 in
        init:*) echo 'none' ;;
        check:*) echo 'files' ;;
        simulate:*) echo 'files' ;;
        status:0) echo 'services' ;;
        why:0) echo 'services' ;;
        incidents:0) echo 'services' ;;
        incident:0) echo 'incidents' ;;
        probe:0) echo 'probes' ;;
        heartbeat:0) echo 'probes' ;;
        pause:0) echo 'services' ;;
        resume:0) echo 'services' ;;
        hold:0) echo 'none' ;;
        group:0) echo 'none' ;;
        failover:0) echo 'none' ;;
        ack:0) echo 'services' ;;
        restart:0) echo 'services' ;;
        checkpoint:0) echo 'words create list diff verify restore' ;;
        checkpoint:1) echo 'services' ;;
        checkpoint:2) echo 'incidents' ;;
        checkpoint:3) echo 'incidents' ;;
        rollback:0) echo 'services' ;;
        start:0) echo 'services' ;;
        stop:0) echo 'services' ;;
        record:0) echo 'words start stop status' ;;
        esac
}

_recoverctl_commands="init check replay simulate status why incidents incident probe heartbeat pause resume hold release group failover ack restart checkpoint rollback start stop reload record"

_recoverctl_names() {
        recoverctl names "$1" "${_recoverctl_socket[@]}" 2>/dev/null | cut -f 1
}

# KIND WORD: the candidates, in COMPREPLY.
_recoverctl_offer() {
        case $1 in
        files) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
        directories) mapfile -t COMPREPLY < <(compgen -d -- "$2") ;;
        services | probes | incidents)
                mapfile -t COMPREPLY < <(compgen -W "$(_recoverctl_names "$1")" -- "$2")
                ;;
        words*) mapfile -t COMPREPLY < <(compgen -W "${1#words}" -- "$2") ;;
        esac
}

_recoverctl() {
        local word=${COMP_WORDS[COMP_CWORD]} command='' option='' position=0 kind='' i one
        local -a _recoverctl_socket=()
        COMPREPLY=()
        # What stands before the cursor: the command, how many arguments, and an option that waits for its value.
        for ((i = 1; i < COMP_CWORD; i++)); do
                one=${COMP_WORDS[i]}
                if [[ -n $option ]]; then
                        [[ $one == = ]] && continue
                        [[ $option == --socket || $option == -s ]] && _recoverctl_socket=(--socket "$one")
                        option=''
                elif [[ $one == -* ]]; then
                        [[ -n $(_recoverctl_value "$command:$one") ]] && option=$one
                elif [[ -z $command ]]; then
                        command=$one
                else
                        ((++position))
                fi
        done
        if [[ -n $option ]]; then
                [[ $word == = ]] && word=''
                kind=$(_recoverctl_value "$command:$option")
        elif [[ $word == -* ]]; then
                kind="words$(_recoverctl_options "$command")"
        elif [[ -z $command ]]; then
                kind="words $_recoverctl_commands"
        else
                kind=$(_recoverctl_argument "$command:$position")
        fi
        _recoverctl_offer "$kind" "$word"
        [[ $kind == files || $kind == directories ]] && compopt -o filenames 2>/dev/null
        return 0
}

complete -F _recoverctl recoverctl
