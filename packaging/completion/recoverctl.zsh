#compdef recoverctl
# zsh completion for recoverctl(1). Written by `recoverctl generate completion-zsh`: change the program, not this.

# The agent that the command line means is asked; without an answer there is nothing to offer.
_recoverctl_names() {
        local -a names socket
        local at=${_recoverctl_words[(I)--socket|-s]}
        ((at)) && socket=(--socket ${_recoverctl_words[at + 1]})
        names=(${(f)"$(recoverctl names $1 $socket 2>/dev/null)"})
        names=(${names//:/\\:})
        names=(${names/$'\t'/:})
        _describe -t $1 ${1%s} names
}

_recoverctl() {
        local curcontext=$curcontext state line
        local -a commands _recoverctl_words=($words)
        local -A opt_args
        commands=(
                'init:write policies for what runs on this host'
                'check:validate policy files and say what they imply'
                'replay:run the detectors over recorded probe results'
                'simulate:try policies against faults, in virtual time'
                'status:services, their state, and what comes next'
                'why:why a service is as it is, and what comes next'
                'incidents:history, newest first'
                'incident:one incident with its timeline and evidence'
                'probe:run probes now, once'
                'heartbeat:call in for a service or a job'
                'pause:maintenance\: no action on a service for some time'
                'resume:end a pause'
                'hold:no recovery on the whole host, until it is released'
                'release:end a hold of the whole host'
                'group:groups with one active member, and pools\: how they stand'
                'failover:have another member of a group become the active one'
                'ack:take note of a service that was given up; recovery begins again'
                'restart:restart through the same guards and verification'
                'checkpoint:the stored images of the files of a service'
                'rollback:go back to what it was well with, and restart it'
                'start:start a stopped service and watch over it again'
                'stop:stop a service; that is not a failure'
                'reload:check the policies, then swap them in'
                'record:record what the agent decides upon, to be replayed'
        )
        _arguments -C -A '-*' '(-V --version)'{-V,--version}'[print the version]' \
                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                '(-h --help)'{-h,--help}'[print this help]' \
                '1:command:->command' '*::argument:->argument' && return
        case $state in
        command) _describe -t commands command commands ;;
        argument)
                case $words[1] in
                init)
                        _arguments -s \
                                '(-n --dry-run)'{-n,--dry-run}'[print the policies, and write none]' \
                                '(-t --to)'{-t,--to}'[where to write (else /etc/recoverd/policies.d)]:DIR:_files -/' \
                                '(-f --from)'{-f,--from}'[the library of policies (else the one that is installed)]:DIR:_files -/' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '*:\[NAME...\]: ' \
                                && return
                        ;;
                check)
                        _arguments -s \
                                '(-c --config)'{-c,--config}'[the agent'\''s own configuration, recoverd.yaml]:FILE:_files' \
                                '(-e --explain)'{-e,--explain}'[only this one, at length\: each probe, each attempt]:SERVICE: _recoverctl_names services' \
                                '(-W --strict)'{-W,--strict}'[exit status 1 also when there are warnings]' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '*:\[PATH...\]:_files' \
                                && return
                        ;;
                replay)
                        _arguments -s \
                                '(-t --trace)'{-t,--trace}'[the recording; - is standard input]:FILE:_files' \
                                '(-i --interval)'{-i,--interval}'[time between its rounds, such as 10m]:DURATION:(15m 30m 1h 2h 4h)' \
                                '(-f --fall)'{-f,--fall}'[failures in a row that raise an alarm (1 to 64, else 3)]:N: ' \
                                '(-r --rise)'{-r,--rise}'[passes in a row that end it (1 to 64, else 2)]:N: ' \
                                '(-u --suspect-self)'{-u,--suspect-self}'[whether the agent may suspect itself (else on)]:on|off:(on off)' \
                                '(-o --short)'{-o,--short}'[an alarm that is over within this time is a short one (else 1h)]:DURATION:(15m 30m 1h 2h 4h)' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                && return
                        ;;
                simulate)
                        _arguments -s \
                                '(-F --faults)'{-F,--faults}'[what goes wrong, and when (else the faults of a usual month)]:FILE:_files' \
                                '(-f --for)'{-f,--for}'[how long, in virtual time, such as 12h (else 30d)]:DURATION:(15m 30m 1h 2h 4h)' \
                                '(-S --seed)'{-S,--seed}'[decides all that is left to chance (else 1)]:NUMBER: ' \
                                '(-A --against)'{-A,--against}'[another policy, which meets the same faults]:POLICY:_files' \
                                '(-R --replay)'{-R,--replay}'[run a recording again instead, with its own policy or another]:FILE:_files' \
                                '(-T --timeline)'{-T,--timeline}'[everything that happens, in order]' \
                                '(-c --config)'{-c,--config}'[the agent'\''s own configuration, recoverd.yaml]:FILE:_files' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '*:POLICY...|--replay:_files' \
                                && return
                        ;;
                status)
                        _arguments -s \
                                '(-w --watch)'{-w,--watch}'[show it again every 2 seconds until Ctrl-C]' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:\[SERVICE\]: _recoverctl_names services' \
                                && return
                        ;;
                why)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE: _recoverctl_names services' \
                                && return
                        ;;
                incidents)
                        _arguments -s \
                                '(-n --limit)'{-n,--limit}'[at most so many (1 to 1000, else 50)]:N: ' \
                                '(-b --before)'{-b,--before}'[only incidents older than this one]:ID: _recoverctl_names incidents' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:\[SERVICE\]: _recoverctl_names services' \
                                && return
                        ;;
                incident)
                        _arguments -s \
                                '(-e --evidence)'{-e,--evidence}'[print what was collected before the first action]' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:ID: _recoverctl_names incidents' \
                                && return
                        ;;
                probe)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE\[/PROBE\]: _recoverctl_names probes' \
                                && return
                        ;;
                heartbeat)
                        _arguments -s \
                                '(-t --status)'{-t,--status}'[what the probe says about it, such as '\''42 files saved'\'']:TEXT: ' \
                                '(-x --failed)'{-x,--failed}'[report a failure]' \
                                '(-k --token-file)'{-k,--token-file}'[secret of the probe, for users who may not command]:FILE:_files' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE\[/PROBE\]: _recoverctl_names probes' \
                                && return
                        ;;
                pause)
                        _arguments -s \
                                '(-f --for)'{-f,--for}'[such as 30m or 2h (else 1h); the pause ends by itself]:DURATION:(15m 30m 1h 2h 4h)' \
                                '(-r --reason)'{-r,--reason}'[why, for the others]:TEXT: ' \
                                '(-a --all)'{-a,--all}'[every service]' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:\[SERVICE|--all\]: _recoverctl_names services' \
                                && return
                        ;;
                resume)
                        _arguments -s \
                                '(-a --all)'{-a,--all}'[every service]' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE|--all: _recoverctl_names services' \
                                && return
                        ;;
                hold)
                        _arguments -s \
                                '(-a --all)'{-a,--all}'[the whole host; required]' \
                                '(-r --reason)'{-r,--reason}'[why, for the others; required]:TEXT: ' \
                                '(-f --for)'{-f,--for}'[such as 30m or 2h (else until it is released)]:DURATION:(15m 30m 1h 2h 4h)' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:--all: ' \
                                && return
                        ;;
                release)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                && return
                        ;;
                group)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:\[GROUP\]: ' \
                                && return
                        ;;
                failover)
                        _arguments -s \
                                '(-T --to)'{-T,--to}'[a host, a service, or HOST/SERVICE (else the best of those that could)]:MEMBER: ' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:GROUP: ' \
                                && return
                        ;;
                ack)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE: _recoverctl_names services' \
                                && return
                        ;;
                restart)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE: _recoverctl_names services' \
                                && return
                        ;;
                checkpoint)
                        _arguments -s \
                                '(-T --to)'{-T,--to}'[restore\: the folder that gets the files, empty or absent]:DIR:_files -/' \
                                '(-F --from)'{-F,--from}'[restore\: a copy of the store, on a host without it]:REPLICA: ' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:create|list|diff|verify|restore:(create list diff verify restore)' \
                                '2:SERVICE: _recoverctl_names services' \
                                '3:\[ID: _recoverctl_names incidents' \
                                '4:\[ID\]\]: _recoverctl_names incidents' \
                                && return
                        ;;
                rollback)
                        _arguments -s \
                                '(-u --undo)'{-u,--undo}'[take the last rollback back instead]' \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE: _recoverctl_names services' \
                                && return
                        ;;
                start)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE: _recoverctl_names services' \
                                && return
                        ;;
                stop)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:SERVICE: _recoverctl_names services' \
                                && return
                        ;;
                reload)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                && return
                        ;;
                record)
                        _arguments -s \
                                '(-j --json)'{-j,--json}'[print one JSON object instead of text]' \
                                '(-s --socket)'{-s,--socket}'[control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)]:PATH:_files' \
                                '(-h --help)'{-h,--help}'[print this help]' \
                                '1:start|stop|status:(start stop status)' \
                                && return
                        ;;
                esac
                ;;
        esac
}

_recoverctl "$@"
