#!/usr/bin/env bash
# Builds everything with warnings as errors, checks the formatting, runs every test project one after the other (the machine's
# cores belong to one timing test at a time), and ends with one line: "N passed, M failed".
#
#   ./test.sh                 all of it
#   ./test.sh Edge Grains     only these test projects (tests/Edge.Tests, tests/Grains.Tests), without the smoke runs
#
# It needs the .NET 10 SDK. The programs that system tests call through are installed by apt-get when this runs as root; otherwise
# the tests that need one say so and skip (and fail where CI=true, so that nothing is left out unseen).
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_UI_LANGUAGE=en MSBUILDDISABLENODEREUSE=1
readonly configuration=Release framework=net10.0 results=$PWD/TestResults
passed=0 failed=0 skipped=0

say() { printf '\n== %s\n' "$*"; }

finish() {
    local line="$passed passed, $failed failed"
    [ -s "$results/failures" ] && printf '\n== What failed\n' && cat "$results/failures"
    [ "$skipped" -gt 0 ] && line+=", $skipped skipped"
    printf '\n%s\n' "$line"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

give_up() {
    printf '\n%s\n' "$*" >&2
    failed=$((failed + 1))
    finish
}

# retry TIMES COMMAND…: registries and mirrors fail now and then; three tries tell a hiccup from a fault.
retry() {
    local times=$1 try
    shift
    for ((try = 1; try <= times; try++)); do
        "$@" </dev/null && return 0
        [ "$try" -lt "$times" ] && { printf 'try %d of %d failed: %s\n' "$try" "$times" "$*" >&2; sleep $((try * 5)); }
    done
    return 1
}

# program, or the pattern of a file → Debian packages
readonly needed="sipp:sip-tester baresip:baresip-core linphonec:linphone-cli kamailio:kamailio,kamailio-tls-modules /usr/lib/*/kamailio/modules/secsipid.so:kamailio-secsipid-modules promtool:prometheus espeak-ng:espeak-ng chromium:chromium chromedriver:chromium-driver svmap:sipvicious fail2ban-regex:fail2ban node:nodejs npm:npm tshark:tshark softhsm2-util:softhsm2 /usr/lib/postgresql/*/bin/initdb:postgresql systemd-analyze:systemd"

install_programs() {
    local pair wanted packages=()
    for pair in $needed; do
        command -v "${pair%%:*}" >/dev/null 2>&1 && continue
        [[ $pair == /* ]] && compgen -G "${pair%%:*}" >/dev/null && continue
        IFS=, read -ra wanted <<<"${pair##*:}"
        packages+=("${wanted[@]}")
    done
    [ ${#packages[@]} -eq 0 ] && return
    say "Installing ${packages[*]}"
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        printf 'Not root, or no apt-get here: tests that need one of them will be skipped. By hand: apt-get install %s\n' "${packages[*]}" >&2
        return
    fi
    local apt=(timeout 300 apt-get -y -qq -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o DPkg::Lock::Timeout=120)
    export DEBIAN_FRONTEND=noninteractive
    retry 3 "${apt[@]}" update || printf 'apt-get update failed; trying with the lists that are here\n' >&2
    # Only their programs are wanted: no daemon of theirs is to be started here (Debian's invoke-rc.d asks this file).
    local policy=/usr/sbin/policy-rc.d ours=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && ours=yes
    fi
    # One by one, so that one package that cannot be had does not take the others with it.
    local package
    for package in "${packages[@]}"; do
        retry 3 "${apt[@]}" install --no-install-recommends "$package" >/dev/null || printf 'Could not install %s: the tests that need it will say so\n' "$package" >&2
    done
    [ -z "$ours" ] || rm -f "$policy"
}

# attribute FILE NAME: sums an attribute over the <assembly> elements of an xunit result file.
attribute() {
    grep -o '<assembly [^>]*' "$1" | grep -o " $2=\"[0-9]*\"" | tr -dc '0-9\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

# failures FILE: of each failed test of an xunit result file its name and how its message begins and ends: the end of a long log then tells them.
failures() {
    awk 'BEGIN { RS = "<test " } / result="Fail"/ {
        match($0, /name="[^"]*"/); name = substr($0, RSTART + 6, RLENGTH - 7)
        message = $0; sub(/^.*<message>/, "", message); sub(/<\/message>.*/, "", message)
        if (length(message) > 1000) message = substr(message, 1, 500) " ... " substr(message, length(message) - 500)
        printf "%s\n    %s\n", name, message }' "$1"
}

run_tests() {
    local name=$1 limit=$2 project=tests/$1.Tests result=$results/$1.xml code total bad
    local program=$project/bin/$configuration/$framework/$name.Tests.dll
    say "$name.Tests"
    rm -f "$result"
    timeout --kill-after=10 "$limit" dotnet "$program" -noLogo -noColor -xml "$result" </dev/null
    code=$?
    if [ ! -s "$result" ]; then
        printf '%s.Tests left no result (exit code %d)\n' "$name" "$code" >&2
        failed=$((failed + 1))
        return
    fi
    total=$(attribute "$result" total)
    bad=$(($(attribute "$result" failed) + $(attribute "$result" errors)))
    if [ "$total" -eq 0 ]; then
        printf '%s.Tests holds no test\n' "$name" >&2
        bad=1
    elif [ "$bad" -eq 0 ] && [ "$code" -ne 0 ]; then
        printf '%s.Tests ended with exit code %d\n' "$name" "$code" >&2
        bad=1
    fi
    passed=$((passed + $(attribute "$result" passed)))
    skipped=$((skipped + $(attribute "$result" skipped)))
    failed=$((failed + bad))
    failures "$result" >>"$results/failures"
}

# smoke NAME LIMIT COMMAND…: a command that proves itself by its exit code; counts as one test.
smoke() {
    local name=$1 limit=$2
    shift 2
    say "$name"
    if timeout --kill-after=10 "$limit" "$@" </dev/null; then
        passed=$((passed + 1))
    else
        printf '%s failed (exit code %d)\n' "$name" "$?" | tee -a "$results/failures" >&2
        failed=$((failed + 1))
    fi
}

command -v dotnet >/dev/null 2>&1 || give_up 'The .NET 10 SDK is not installed: https://dotnet.microsoft.com/download'
mkdir -p "$results"
rm -f "$results/failures"
install_programs

say 'Restore'
retry 3 dotnet restore IvrActors.slnx || give_up 'The packages could not be restored.'
say 'Build, warnings as errors'
dotnet build IvrActors.slnx --no-restore -c "$configuration" -warnaserror </dev/null || give_up 'The build failed.'
smoke 'dotnet format' 600 dotnet format IvrActors.slnx --no-restore --verify-no-changes

if [ $# -gt 0 ]; then
    for name in "$@"; do run_tests "$name" 900; done
    finish
fi

for name in Architecture Grains.Interfaces Grains Edge Dashboard Silo System; do
    run_tests "$name" 900
done
smoke 'Fuzz, a minute' 240 bash tests/Fuzz/run --smoke
smoke 'Load, a short run' 300 bash tests/Load/run --smoke
smoke 'No oracle, a short run' 300 bash tests/Load/run --oracle-smoke
smoke 'Ten kills between reservation and answer' 300 bash tests/Load/run --kills 10
smoke 'Flood, a short run' 300 bash tests/Load/run --flood-smoke
finish
