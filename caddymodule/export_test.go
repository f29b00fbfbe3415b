package caddymodule

import (
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/keyfetch"
)

// FetchAddressListsWith fetches lists of addresses with another fetcher, and as often,
// until the test ends. Tests with it do not run in parallel.
func FetchAddressListsWith(t *testing.T, fetcher keyfetch.Config, often time.Duration) {
	t.Helper()
	before := defaultAddressListConfig
	t.Cleanup(func() { defaultAddressListConfig = before })
	defaultAddressListConfig = addressListConfig{fetcher: fetcher, fresh: often, retry: often, most: often}
}

// WaitAtStart has a load wait no longer for a broker that is not there, until the
// test ends. Tests with it do not run in parallel.
func WaitAtStart(t *testing.T, patience time.Duration) {
	t.Helper()
	before := startPatience
	t.Cleanup(func() { startPatience = before })
	startPatience = patience
}
