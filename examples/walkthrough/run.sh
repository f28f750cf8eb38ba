#!/bin/sh
# Applies the published arrangement to a program of its own (scripted model, no key needed) and asks the agent.
# Wants `sightline` on the PATH. Uses the ports of `sightline up`; everything it starts ends with it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
pids=""
finish() { for p in $pids; do kill "$p" 2>/dev/null || true; wait "$p" 2>/dev/null || true; done; rm -rf "$work"; }
trap finish EXIT
wait_for() { until grep -qx ready "$1"; do kill -0 "$2" || { cat "$1"; exit 1; }; sleep 0.1; done; }

sightline fake-llm --tls --ca-out "$work/ca.pem" >"$work/fake" 2>&1 & pids=$!
wait_for "$work/fake" $!
port=$(sed -n 's/.*:\([0-9]*\)$/\1/p' "$work/fake" | head -1)
sightline up --state-dir "$work/state" --resolve "api.anthropic.com:443:127.0.0.1:$port" --upstream-ca "$work/ca.pem" \
  >"$work/up" 2>"$work/log" & pids="$! $pids"
wait_for "$work/up" $!
for file in "$here"/published/*.yaml; do
  sed 's/\$ANTHROPIC_API_KEY/any-key/; s/YOUR_AGENTGATEWAY_IP/127.0.0.1/' "$file" | sightline apply --state-dir "$work/state" -f -
done
until sightline get --state-dir "$work/state" agents -n kagent | grep -q 'True *True'; do sleep 0.1; done
sightline invoke --state-dir "$work/state" testing-agentgateway --task "What can you do?"
until grep -a ' request gateway=kgateway-system/agentgateway' "$work/log"; do sleep 0.1; done
sightline explain --state-dir "$work/state" 1
