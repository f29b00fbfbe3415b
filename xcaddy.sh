#!/bin/sh
# Builds Caddy with this module, and runs it with Caddyfile.example.
#
#   ./xcaddy.sh build   builds ./caddy
#   ./xcaddy.sh run     builds it if it is not up to date, and serves the example
#
# Needs Go and the module proxy, and nothing else. The versions are those of
# go.mod; the same commit, Go version and directory give the same bytes.
set -eu

# What the result must add to Caddy, and nothing else.
modules="admin.api.webhooks http.handlers.webhooks http.handlers.webhooks_health webhooks webhooks.secrets.dir webhooks.secrets.nats_kv"
xcaddy=github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5
module=github.com/caddy-webhooks/caddy-webhooks
example=Caddyfile.example
port=8080 nats=4222

cd "$(dirname "$0")"

say() { printf '%s\n' "$*"; }
fail() { say "xcaddy.sh: $*" >&2; exit 1; }

check_go() {
	command -v go >/dev/null 2>&1 || fail "Go is missing: install it from https://go.dev/dl"
	want=$(awk '$1 == "go" { print $2; exit }' go.mod)
	# go itself says so if it is too old, or gets the version that is asked for.
	go list -m >/dev/null || fail "go.mod asks for Go $want or later: install it from https://go.dev/dl"
}

# up_to_date looks at directories as well: what is removed is newer nowhere else.
up_to_date() {
	[ -x caddy ] && [ -z "$(find go.mod go.sum xcaddy.sh caddymodule verifiers schemas \
		! -name '*_test.go' -newer caddy | head -n 1)" ]
}

build() {
	check_go
	trap 'rm -f caddy.new' EXIT
	version=$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
	say "Building Caddy $version with $module (some minutes the first time)."
	# The module may be of a version that no proxy knows: it is taken from here,
	# and nobody is asked for it. A proxy that does not say 404 would end the
	# build otherwise.
	CGO_ENABLED=0 GOFLAGS='' GOWORK=off \
		GOPRIVATE="${GOPRIVATE:+$GOPRIVATE,}$module" GOVCS="$module:off,${GOVCS:-public:git|hg,private:all}" \
		go run "$xcaddy" build "$version" \
		--with "$module/caddymodule" --replace "$module=$PWD" --output ./caddy.new
	got=$(./caddy.new list-modules --skip-standard | grep -E '^[a-z]' | sort | tr '\n' ' ')
	[ "$got" = "$modules " ] || fail "the result adds the modules $got, and not $modules"
	mv caddy.new caddy
	say "Built ./caddy."
}

# secrets makes up a value for each variable that the example names and the
# environment lacks. What was in the environment is not printed.
secrets() {
	inline='' where=', where GITHUB_WEBHOOK_SECRET is set as here'
	for name in $(grep -o '{env\.[A-Za-z0-9_]*}' "$example" | sed 's/{env\.\(.*\)}/\1/' | sort -u); do
		eval "value=\${$name:-}"
		if [ -z "$value" ]; then
			value=$(od -An -N 24 -tx1 /dev/urandom | tr -d ' \n')
			say "  $name=$value   (made up for this run)"
			[ "$name" != GITHUB_WEBHOOK_SECRET ] || { inline="$name=$value "; where=; }
		else
			say "  $name   (from the environment)"
		fi
		export "$name=$value"
	done
}

# probe sends an event that no route takes, since there may be no curl, and
# prints what became of it.
probe() { PROBE=nothing ./caddy webhooks send github "http://localhost:$1/" --secret-env PROBE 2>&1 || :; }

check_port() {
	case $(probe "$1") in
	*refused*) ;;
	*) fail "something listens on port $1 already: stop it, or change the port in $example" ;;
	esac
}

# next_steps waits until the process serves, and says what to do then.
next_steps() {
	while kill -0 "$1" 2>/dev/null; do
		case $(probe "$port") in
		*not_found*) break ;;
		esac
		sleep 0.2
	done
	kill -0 "$1" 2>/dev/null || return 0
	cat <<EOF

Ready on http://localhost:$port. Paste into another terminal, in this directory$where:

  a request that is refused, because nothing proves who sent it (401):
    curl -i http://localhost:$port/github -H 'Content-Type: application/json' -d '{}'

  an event that is signed, accepted and stored (200):
    $inline./caddy webhooks send github http://localhost:$port/github

  what a service reads from NATS:
    ./caddy webhooks tail --nats nats://127.0.0.1:$nats

Ctrl-C ends it. Events are kept in ./.webhooks.

EOF
}

run() {
	up_to_date || build
	check_port "$port"
	check_port "$nats"
	say "Secrets:"
	secrets
	next_steps "$$" &
	exec ./caddy run --config "$example" --adapter caddyfile
}

case "${1:-}" in
build) build ;;
run) run ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0"; [ "${1:-help}" = help ] || exit 2 ;;
esac
