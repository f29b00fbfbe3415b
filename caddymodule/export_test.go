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
