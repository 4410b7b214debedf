#!/bin/sh
# Flags anomalous purchases; sets itself up on first use.
#
#   scripts/run.sh BATCH STREAM FLAGGED [OPTION]...
#   scripts/run.sh [OPTION]...
#
# Files are taken from the current folder. Without any it reads log_input/batch_log.json
# and log_input/stream_log.json and appends to log_output/flagged_purchases.json. Where
# there is no log_input, it runs on the project's own sample and shows what was flagged.
# --help lists the options.

set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
python=${REPLAY_VENV:-$project/.venv}/bin/python
sh "$project/scripts/setup.sh" run

# Prints yes if the arguments are options and their values only.
only_options() {
    while [ $# -gt 0 ]; do
        case $1 in
            -h | --help | --version | --) return ;;
            -D | -T | --degrees | --tracked | --store) [ $# -gt 1 ] && shift ;;
            -*) ;;
            *) return ;;
        esac
        shift
    done
    echo yes
}

sample=
if [ -n "$(only_options "$@")" ]; then
    if [ -d log_input ]; then
        mkdir -p log_output
        set -- log_input/batch_log.json log_input/stream_log.json \
            log_output/flagged_purchases.json "$@"
    else
        # Short names where they do: the program says what it reads and writes.
        at=$project/
        if [ "$(pwd -P)" = "$project" ]; then
            at=
        fi
        sample=${at}log_output/sample
        echo "run.sh: no log_input here, so this runs on the project's own sample" >&2 || :
        rm -rf -- "$sample"
        mkdir -p -- "$sample"
        set -- "${at}scripts/sample/batch_log.json" "${at}scripts/sample/stream_log.json" \
            "$sample/flagged_purchases.json" "$@"
    fi
fi

PYTHONPATH=$project${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
# -P: what lies in the current folder is data, also where it is called replay.py.
if [ -z "$sample" ]; then
    exec "$python" -P -m replay "$@"
fi
# Ctrl-C is for the program, whose status then is this script's.
trap : INT
status=0
"$python" -P -m replay "$@" || status=$?
if [ -f "$sample/flagged_purchases.json" ]; then
    cat -- "$sample/flagged_purchases.json"
fi
exit "$status"
