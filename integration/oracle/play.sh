#!/bin/bash
# play.sh TARGET_NODE COOKIE ARTIFACT_DIR EXT SCRIPT [IEX]
# Plays one session in a real iex against a running node and prints the normalised transcript: pids, refs, prompts and
# clock times are made alike, so that two nodes can be compared with diff.
# ARTIFACT_DIR holds v1/ v2/ and live/ (the node's code path); the caller has put v1 into live/. EXT is .beam or .so.
# IEX may be another command ("chroot DIR iex" for another release).
node=$1 cookie=$2 dir=$3 ext=$4 script=$5 iex=${6:-iex}
{
 echo "node = :\"$node\"; dir = \"$dir\"; ext = \"$ext\"; deploy = fn v, m -> File.cp!(\"#{dir}/#{v}/#{m}#{ext}\", \"#{dir}/live/#{m}#{ext}\") end; Node.connect(node); :session_begins"
 cat "$script"
} | timeout 60 $iex --sname "play$$@${node#*@}" --cookie "$cookie" 2>&1 | sed -E '1,/:session_begins$/d' | sed -E 's/^(iex\([^)]*\)[0-9]+> |\.\.\.\([^)]*\)[0-9]+> )+//; s/#PID<[0-9.]+>/#PID<P>/g; s/#Reference<[0-9.]+>/#Reference<R>/g; s/play[0-9]+@/play@/g; s/^[0-9:.]+ \[/T [/; /^$/d'
