# fish completion for recoverctl(1). Written by `recoverctl generate completion-fish`: change the program, not this.

# Options with a value, as COMMAND:OPTION; before the command, :OPTION.
set -g __recoverctl_valued :--socket :-s init:--to init:-t init:--from init:-f init:--socket init:-s check:--config check:-c check:--explain check:-e check:--socket check:-s replay:--trace replay:-t replay:--interval replay:-i replay:--fall replay:-f replay:--rise replay:-r replay:--suspect-self replay:-u replay:--short replay:-o replay:--socket replay:-s simulate:--faults simulate:-F simulate:--for simulate:-f simulate:--seed simulate:-S simulate:--against simulate:-A simulate:--replay simulate:-R simulate:--config simulate:-c simulate:--socket simulate:-s status:--socket status:-s why:--socket why:-s incidents:--limit incidents:-n incidents:--before incidents:-b incidents:--socket incidents:-s incident:--socket incident:-s probe:--socket probe:-s heartbeat:--status heartbeat:-t heartbeat:--token-file heartbeat:-k heartbeat:--socket heartbeat:-s pause:--for pause:-f pause:--reason pause:-r pause:--socket pause:-s resume:--socket resume:-s hold:--reason hold:-r hold:--for hold:-f hold:--socket hold:-s release:--socket release:-s group:--socket group:-s failover:--to failover:-T failover:--socket failover:-s ack:--socket ack:-s restart:--socket restart:-s checkpoint:--to checkpoint:-T checkpoint:--from checkpoint:-F checkpoint:--socket checkpoint:-s rollback:--socket rollback:-s start:--socket start:-s stop:--socket stop:-s reload:--socket reload:-s record:--socket record:-s

# The command, and the arguments behind it, that stand before the cursor.
function __recoverctl_words
    set -l words (commandline -opc)
    set -e words[1]
    set -l command
    set -l skip no
    for word in $words
        if test $skip = yes
            set skip no
        else if contains -- "$command:$word" $__recoverctl_valued
            set skip yes
        else if string match -q -- '-*' $word
            continue
        else
            test -z "$command"; and set command $word
            echo $word
        end
    end
end

function __recoverctl_needs_command
    test (count (__recoverctl_words)) -eq 0
end

# COMMAND: whether it is this one.
function __recoverctl_is
    set -l words (__recoverctl_words)
    test "$words[1]" = $argv[1]
end

# COMMAND POSITION: whether this argument of it comes next; 0 is any.
function __recoverctl_at
    set -l words (__recoverctl_words)
    test "$words[1]" = $argv[1]; and test $argv[2] -eq 0 -o $argv[2] -eq (count $words)
end

# The agent that the command line means is asked; without an answer there is nothing to offer.
function __recoverctl_names
    set -l words (commandline -opc)
    set -l socket
    for option in --socket -s
        if set -l at (contains -i -- $option $words)
            set socket --socket $words[(math $at + 1)]
        end
    end
    recoverctl names $argv[1] $socket 2>/dev/null
end

complete -c recoverctl -f
complete -c recoverctl -n __recoverctl_needs_command -s V -l version -d 'print the version'
complete -c recoverctl -n __recoverctl_needs_command -a init -d 'write policies for what runs on this host'
complete -c recoverctl -n '__recoverctl_is init' -s n -l dry-run -d 'print the policies, and write none'
complete -c recoverctl -n '__recoverctl_is init' -s t -l to -r -a '(__fish_complete_directories)' -d 'where to write (else /etc/recoverd/policies.d)'
complete -c recoverctl -n '__recoverctl_is init' -s f -l from -r -a '(__fish_complete_directories)' -d 'the library of policies (else the one that is installed)'
complete -c recoverctl -n __recoverctl_needs_command -a check -d 'validate policy files and say what they imply'
complete -c recoverctl -n '__recoverctl_is check' -s c -l config -r -F -d 'the agent\'s own configuration, recoverd.yaml'
complete -c recoverctl -n '__recoverctl_is check' -s e -l explain -r -a '(__recoverctl_names services)' -d 'only this one, at length: each probe, each attempt'
complete -c recoverctl -n '__recoverctl_is check' -s W -l strict -d 'exit status 1 also when there are warnings'
complete -c recoverctl -n '__recoverctl_at check 0' -F
complete -c recoverctl -n __recoverctl_needs_command -a replay -d 'run the detectors over recorded probe results'
complete -c recoverctl -n '__recoverctl_is replay' -s t -l trace -r -F -d 'the recording; - is standard input'
complete -c recoverctl -n '__recoverctl_is replay' -s i -l interval -r -a '15m 30m 1h 2h 4h' -d 'time between its rounds, such as 10m'
complete -c recoverctl -n '__recoverctl_is replay' -s f -l fall -r -d 'failures in a row that raise an alarm (1 to 64, else 3)'
complete -c recoverctl -n '__recoverctl_is replay' -s r -l rise -r -d 'passes in a row that end it (1 to 64, else 2)'
complete -c recoverctl -n '__recoverctl_is replay' -s u -l suspect-self -r -a 'on off' -d 'whether the agent may suspect itself (else on)'
complete -c recoverctl -n '__recoverctl_is replay' -s o -l short -r -a '15m 30m 1h 2h 4h' -d 'an alarm that is over within this time is a short one (else 1h)'
complete -c recoverctl -n __recoverctl_needs_command -a simulate -d 'try policies against faults, in virtual time'
complete -c recoverctl -n '__recoverctl_is simulate' -s F -l faults -r -F -d 'what goes wrong, and when (else the faults of a usual month)'
complete -c recoverctl -n '__recoverctl_is simulate' -s f -l for -r -a '15m 30m 1h 2h 4h' -d 'how long, in virtual time, such as 12h (else 30d)'
complete -c recoverctl -n '__recoverctl_is simulate' -s S -l seed -r -d 'decides all that is left to chance (else 1)'
complete -c recoverctl -n '__recoverctl_is simulate' -s A -l against -r -F -d 'another policy, which meets the same faults'
complete -c recoverctl -n '__recoverctl_is simulate' -s R -l replay -r -F -d 'run a recording again instead, with its own policy or another'
complete -c recoverctl -n '__recoverctl_is simulate' -s T -l timeline -d 'everything that happens, in order'
complete -c recoverctl -n '__recoverctl_is simulate' -s c -l config -r -F -d 'the agent\'s own configuration, recoverd.yaml'
complete -c recoverctl -n '__recoverctl_at simulate 0' -F
complete -c recoverctl -n __recoverctl_needs_command -a status -d 'services, their state, and what comes next'
complete -c recoverctl -n '__recoverctl_is status' -s w -l watch -d 'show it again every 2 seconds until Ctrl-C'
complete -c recoverctl -n '__recoverctl_at status 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a why -d 'why a service is as it is, and what comes next'
complete -c recoverctl -n '__recoverctl_at why 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a incidents -d 'history, newest first'
complete -c recoverctl -n '__recoverctl_is incidents' -s n -l limit -r -d 'at most so many (1 to 1000, else 50)'
complete -c recoverctl -n '__recoverctl_is incidents' -s b -l before -r -a '(__recoverctl_names incidents)' -d 'only incidents older than this one'
complete -c recoverctl -n '__recoverctl_at incidents 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a incident -d 'one incident with its timeline and evidence'
complete -c recoverctl -n '__recoverctl_is incident' -s e -l evidence -d 'print what was collected before the first action'
complete -c recoverctl -n '__recoverctl_at incident 1' -a '(__recoverctl_names incidents)'
complete -c recoverctl -n __recoverctl_needs_command -a probe -d 'run probes now, once'
complete -c recoverctl -n '__recoverctl_at probe 1' -a '(__recoverctl_names probes)'
complete -c recoverctl -n __recoverctl_needs_command -a heartbeat -d 'call in for a service or a job'
complete -c recoverctl -n '__recoverctl_is heartbeat' -s t -l status -r -d 'what the probe says about it, such as \'42 files saved\''
complete -c recoverctl -n '__recoverctl_is heartbeat' -s x -l failed -d 'report a failure'
complete -c recoverctl -n '__recoverctl_is heartbeat' -s k -l token-file -r -F -d 'secret of the probe, for users who may not command'
complete -c recoverctl -n '__recoverctl_at heartbeat 1' -a '(__recoverctl_names probes)'
complete -c recoverctl -n __recoverctl_needs_command -a pause -d 'maintenance: no action on a service for some time'
complete -c recoverctl -n '__recoverctl_is pause' -s f -l for -r -a '15m 30m 1h 2h 4h' -d 'such as 30m or 2h (else 1h); the pause ends by itself'
complete -c recoverctl -n '__recoverctl_is pause' -s r -l reason -r -d 'why, for the others'
complete -c recoverctl -n '__recoverctl_is pause' -s a -l all -d 'every service'
complete -c recoverctl -n '__recoverctl_at pause 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a resume -d 'end a pause'
complete -c recoverctl -n '__recoverctl_is resume' -s a -l all -d 'every service'
complete -c recoverctl -n '__recoverctl_at resume 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a hold -d 'no recovery on the whole host, until it is released'
complete -c recoverctl -n '__recoverctl_is hold' -s a -l all -d 'the whole host; required'
complete -c recoverctl -n '__recoverctl_is hold' -s r -l reason -r -d 'why, for the others; required'
complete -c recoverctl -n '__recoverctl_is hold' -s f -l for -r -a '15m 30m 1h 2h 4h' -d 'such as 30m or 2h (else until it is released)'
complete -c recoverctl -n __recoverctl_needs_command -a release -d 'end a hold of the whole host'
complete -c recoverctl -n __recoverctl_needs_command -a group -d 'groups with one active member, and pools: how they stand'
complete -c recoverctl -n __recoverctl_needs_command -a failover -d 'have another member of a group become the active one'
complete -c recoverctl -n '__recoverctl_is failover' -s T -l to -r -d 'a host, a service, or HOST/SERVICE (else the best of those that could)'
complete -c recoverctl -n __recoverctl_needs_command -a ack -d 'take note of a service that was given up; recovery begins again'
complete -c recoverctl -n '__recoverctl_at ack 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a restart -d 'restart through the same guards and verification'
complete -c recoverctl -n '__recoverctl_at restart 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a checkpoint -d 'the stored images of the files of a service'
complete -c recoverctl -n '__recoverctl_is checkpoint' -s T -l to -r -a '(__fish_complete_directories)' -d 'restore: the folder that gets the files, empty or absent'
complete -c recoverctl -n '__recoverctl_is checkpoint' -s F -l from -r -d 'restore: a copy of the store, on a host without it'
complete -c recoverctl -n '__recoverctl_at checkpoint 1' -a 'create list diff verify restore'
complete -c recoverctl -n '__recoverctl_at checkpoint 2' -a '(__recoverctl_names services)'
complete -c recoverctl -n '__recoverctl_at checkpoint 3' -a '(__recoverctl_names incidents)'
complete -c recoverctl -n '__recoverctl_at checkpoint 4' -a '(__recoverctl_names incidents)'
complete -c recoverctl -n __recoverctl_needs_command -a rollback -d 'go back to what it was well with, and restart it'
complete -c recoverctl -n '__recoverctl_is rollback' -s u -l undo -d 'take the last rollback back instead'
complete -c recoverctl -n '__recoverctl_at rollback 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a start -d 'start a stopped service and watch over it again'
complete -c recoverctl -n '__recoverctl_at start 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a stop -d 'stop a service; that is not a failure'
complete -c recoverctl -n '__recoverctl_at stop 1' -a '(__recoverctl_names services)'
complete -c recoverctl -n __recoverctl_needs_command -a reload -d 'check the policies, then swap them in'
complete -c recoverctl -n __recoverctl_needs_command -a record -d 'record what the agent decides upon, to be replayed'
complete -c recoverctl -n '__recoverctl_at record 1' -a 'start stop status'
complete -c recoverctl -s j -l json -d 'print one JSON object instead of text'
complete -c recoverctl -s s -l socket -r -F -d 'control socket of the agent (RECOVERD_SOCKET, else /run/recoverd/control.sock)'
complete -c recoverctl -s h -l help -d 'print this help'
