#!/usr/bin/env bash
# Rehearses compose.yaml where there is no engine for containers. The Dockerfile's second stage is made in a bare Debian (debootstrap); in it
# run PostgreSQL, two replicas with compose.yaml's own command, and nginx with nginx.conf, in a network of their own whose names are on the
# loopback. Then, through the balancer: an answer, a refusal without a key, a conversation that both replicas see, and a replica that ends
# in the middle of an answer, which no client notices.
#
#   sudo deploy/rehearse.sh PROGRAM MODEL.gguf     needs debootstrap, curl and unshare; PROGRAM is build/bin/orrery
set -Eeuo pipefail
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'rehearse: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }
trap 'say "failed: $BASH_COMMAND" >&2' ERR

if [ "${1:-}" != --inside ]; then
  [ "$(id -u)" = 0 ] && [ $# = 2 ] || { sed -n '2,8s/^# \?//p' "$0" >&2; exit 2; }
  root=$(mktemp -d /var/tmp/orrery-rehearsal.XXXXXX)
  cleanup() {
    for pid in $(ls /proc | grep -E '^[0-9]+$'); do [ "$(readlink "/proc/$pid/root")" != "$root" ] || kill -9 "$pid"; done
    umount "$root/proc" || true
    rm -rf --one-file-system "$root"
  }
  trap cleanup EXIT
  chmod 755 "$root"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)
  debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" || { tail "$root.log"; exit 1; }
  rm "$root.log"
  mount -t proc proc "$root/proc"
  apt-config dump | grep -i '^Acquire::.*proxy' >"$root/etc/apt/apt.conf.d/99proxy" || true
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  printf 'APT::Sandbox::User "root";\n' >"$root/etc/apt/apt.conf.d/99sandbox"
  cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
  # The second stage's RUN, word for word.
  run=$(awk '/^FROM/ {++stage} stage == 2 && /^RUN/ {on = 1} on {print; if (!/\\$/) exit}' "$here/Dockerfile" | sed 's/^RUN //')
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" sh -ec "$run" >"$root/stage.log" 2>&1 || { tail "$root/stage.log"; exit 1; }
  install -m 755 "$1" "$root/usr/local/bin/orrery"
  say "the image's packages are there: $(du -sm --one-file-system "$root" | cut -f1) MB with the base"
  missing=$(chroot "$root" ldd /usr/local/bin/orrery | grep 'not found' || true)
  [ -z "$missing" ] || die "the image lacks $missing"
  # What compose.yaml takes from other images.
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive chroot "$root" sh -ec \
    'apt-get update && apt-get install --yes --no-install-recommends postgresql nginx-light' >"$root/peers.log" 2>&1 || { tail "$root/peers.log"; exit 1; }
  mkdir "$root/models"
  cp "$2" "$root/models/model.gguf"
  chmod 644 "$root/models/model.gguf"
  unshare --net "$0" --inside "$root"
  exit
fi

# --- inside the network of its own ------------------------------------------------------------------------------------------------------
root=$2
ip link set lo up
printf '127.0.0.1 localhost\n127.0.0.11 orrery1\n127.0.0.12 orrery2\n127.0.0.13 postgres\n' >"$root/etc/hosts"
into=(env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot "$root")
inside() { "${into[@]}" "$@"; }
wait_for() { for _ in $(seq 300); do ! "${@:2}" >/dev/null 2>&1 || return 0; sleep 0.2; done; die "$1 does not come up"; }
password=rehearsal

inside sed -i 's/^#*listen_addresses.*/listen_addresses = '"'127.0.0.13'"'/' /etc/postgresql/15/main/postgresql.conf
inside pg_ctlcluster 15 main start
inside su postgres -c "psql --quiet -c \"CREATE ROLE orrery LOGIN PASSWORD '$password'\" -c 'CREATE DATABASE orrery OWNER orrery'"

inside orrery serve --make-key rehearsal >"$root/key.txt"
key=$(grep -oE 'sk-[^ ]+' "$root/key.txt" | head -n 1)
sed -n 's/^line: //p' "$root/key.txt" >"$root/keys"
install -D -m 644 "$root/keys" "$root/etc/orrery/keys.txt"
words=$(awk '/^  command: >-/ {on = 1; next} on && /^    / {print; next} on {exit}' "$here/compose.yaml" | sed "s/\${POSTGRES_PASSWORD}/$password/" | xargs)
replica() {
  "${into[@]}" setpriv --reuid orrery --regid orrery --clear-groups env HOME=/var/lib/orrery XDG_DATA_HOME=/var/lib/orrery \
    sh -c "exec orrery serve ${words/0.0.0.0/127.0.0.1$1}" >"$root/replica$1.log" 2>&1 &
  replicas[$1]=$!  # every program on the way replaces itself by the next
}
declare -A replicas
replica 1
replica 2
for i in 1 2; do wait_for "replica $i" curl --fail --silent "http://127.0.0.1$i:8080/ready"; done
say "both replicas are ready: orrery serve $words"
inside nginx -t -q -c /dev/stdin <"$here/nginx.conf"
cp "$here/nginx.conf" "$root/etc/nginx/nginx.conf"
inside nginx
wait_for "the balancer" curl --silent "http://127.0.0.1:80/health"

ask() { curl --silent --show-error --no-buffer --max-time 120 "http://127.0.0.1/$1" -H "Authorization: Bearer $key" "${@:2}"; }
question='{"model":"smollm2","messages":[{"role":"user","content":"Count to ten."}],"temperature":0,"max_tokens":24}'
answer=$(ask v1/chat/completions -d "$question")
grep -q '"content"' <<<"$answer" || die "no answer: $answer"
say "an answer through the balancer: $(grep -oE '"content":"[^"]*"' <<<"$answer" | head -n 1)"
status=$(curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1/v1/models)
[ "$status" = 401 ] || die "without a key: status $status, expected 401"
say "without a key: 401"

ask api/studio/conversations -H 'Content-Type: application/json' -d '{"title":"seen by both"}' >"$root/made.json"
for i in 1 2; do
  curl --silent "http://127.0.0.1$i:8080/api/studio/conversations" -H "Authorization: Bearer $key" | grep -q 'seen by both' ||
    die "replica $i does not see the conversation: $(<"$root/made.json")"
done
say "both replicas see the conversation that one of them stored"

# Two streams at once, which the balancer gives to both; then one replica is told to end. Both streams end whole, and new requests are answered.
stream='{"model":"smollm2","messages":[{"role":"user","content":"Tell a long story."}],"max_tokens":300,"ignore_eos":true,"stream":true}'
for i in 1 2; do ask v1/chat/completions -d "$stream" >"$root/stream$i" & streams[i]=$!; done
sleep 1
kill -TERM "${replicas[1]}"
failures=0
for i in $(seq 20); do ask v1/chat/completions -d "$question" | grep -q '"content"' || failures=$((failures + 1)); done
[ "$failures" = 0 ] || die "$failures of 20 requests failed while a replica ended"
wait "${streams[1]}" "${streams[2]}"
for i in 1 2; do grep -q 'data: \[DONE\]' "$root/stream$i" || die "stream $i was cut: $(tail -n 3 "$root/stream$i")"; done
wait "${replicas[1]}" || die "the replica that was told to end: exit status $?"
say "a replica ended (exit 0) while both streams ran: both are whole, 20 of 20 new requests were answered"
kill -TERM "${replicas[2]}"
wait "${replicas[2]}" || die "the other replica: exit status $?"
inside nginx -s quit
inside pg_ctlcluster 15 main stop --mode fast
say "all is as it should be"
