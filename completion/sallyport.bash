# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2207  # words hold no blanks
# Completion of sallyport's commands and options.

_sallyport()
{
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' w
    local commands='serve check passwd sessions kill reload ban user group target rule apply export vault backup explain request grant directory ticket rdp factor upgrade version help' options

    case $before in
    -c | --config | -s | --socket | -o | --rdp)
        COMPREPLY=($(compgen -f -- "$word"))
        compopt -o filenames 2>/dev/null
        return
        ;;
    --reason | --ticket | --as | --for | --from | --user | --address | --at | --client | --build) return ;;
    esac
    for w in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ " $commands " != *" $w "* ]] || { command=$w; break; }
    done
    case $command in
    '') options="$commands --help --version" ;;
    serve) options='--config --help' ;;
    check) options='--config --json --help' ;;
    passwd | version) options='--json --help' ;;
    sessions) options='--config --socket --json --help' ;;
    reload | upgrade) options='--config --socket --json --help' ;;
    allow) options='list add remove --config --socket --for --reason --json --help' ;;
    port) options='list open close --config --socket --for --reason --json --help' ;;
    guard) options='explain forgive --config --socket --json --help' ;;
    ban) options='list add remove --config --socket --for --reason --json --help' ;;
    explain) options='--config --socket --from --at --nla --factor --client --build --json --help' ;;
    ticket) options='issue list revoke --config --socket --for --from --rdp --address --json --help' ;;
    rdp) options='-o --user --ticket --for --from --address --config --socket --json --help' ;;
    user | group | target | rule) options='list show add set remove --config --socket --json --help' ;;
    apply) options='--dry-run --prune --config --socket --json --help' ;;
    export) options='--secrets --config --socket --json --help' ;;
    request) options='add list withdraw --for --reason --ticket --as --config --socket --json --help' ;;
    grant) options='list approve refuse extend revoke break-glass --for --reason --as --config --socket --json --help' ;;
    vault) options='rotate repair --config --socket --json --help' ;;
    backup) options='--config --json --help' ;;
    directory) options='test --config --socket --json --help' ;;
    factor) options='enrol confirm list remove --config --socket --json --help' ;;
    kill) options='--config --socket --reason --json --help' ;;
    help) options=$commands ;;
    esac
    COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -F _sallyport sallyport
