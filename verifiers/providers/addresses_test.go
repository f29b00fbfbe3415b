package providers_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// published has a document for each list of the catalogue, in the form in which the
// sender publishes it, with addresses for documentation. All hold 192.0.2.1 as one of
// the sender's, and 198.51.100.1, if it is there, as one of something else.
var published = map[string]string{
	"https://api.github.com/meta":                           `{"verifiable_password_authentication":false,"hooks":["192.0.2.1/32","2001:db8::/32"],"web":["198.51.100.1/32"],"actions":["198.51.100.1/32"]}`,
	"https://stripe.com/files/ips/ips_webhooks.txt":         "192.0.2.1\n192.0.2.2\n",
	"https://api.paddle.com/ips":                            `{"data":{"ipv4_cidrs":["192.0.2.1/32"]},"meta":{"request_id":"a"}}`,
	"https://sandbox-api.paddle.com/ips":                    `{"data":{"ipv4_cidrs":["192.0.2.1/32"]},"meta":{"request_id":"a"}}`,
	"https://ip-ranges.mollie.com/ips.txt":                  "192.0.2.0/24\n",
	"https://api.buildkite.com/v2/meta":                     `{"webhook_ips":["192.0.2.0/24","203.0.113.12"]}`,
	"https://cdn.auth0.com/ip-ranges.json":                  `{"last_updated_at":"2026-01-02T03:04:05Z","regions":{"US":{"ipv4_cidrs":["192.0.2.1/32"]},"EU":{"ipv4_cidrs":["203.0.113.1/32"]}},"changelog":[{"date":"2026-01-02","region":"US","action":"remove","ipv4_cidrs":["198.51.100.1/32"]}]}`,
	"https://core.telegram.org/resources/cidr.txt":          "192.0.2.0/24\n2001:db8::/32\n",
	"https://grafana.com/api/hosted-alerts/source-ips.txt":  "192.0.2.1\n",
	"https://grafana.com/api/hosted-grafana/source-ips.txt": "192.0.2.1\n",
	"https://app.terraform.io/api/meta/ip-ranges":           `{"api":["198.51.100.1/32"],"notifications":["192.0.2.1/32"],"sentinel":["198.51.100.1/32"],"vcs":["198.51.100.1/32"]}`,
	"https://ip-ranges.atlassian.com/": `{"creationDate":"2026-01-02T03:04:05","syncToken":1,"items":[
		{"network":"192.0.2.0","mask_len":24,"cidr":"192.0.2.0/24","mask":"255.255.255.0","region":["global"],"product":["bitbucket","jira","trello"],"direction":["ingress","egress"]},
		{"network":"198.51.100.0","mask_len":24,"cidr":"198.51.100.0/24","mask":"255.255.255.0","region":["global"],"product":["bitbucket","jira","trello"],"direction":["ingress"]},
		{"network":"198.51.100.0","mask_len":25,"cidr":"198.51.100.0/25","mask":"255.255.255.128","region":["global"],"product":["statuspage"],"direction":["egress"]}]}`,
}

// TestPublishedAddresses: each list of the catalogue can be read, and holds what the
// sender sends from and nothing else.
func TestPublishedAddresses(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, p := range providers.All() {
		for _, l := range p.Addresses {
			used[l.URL] = true
			prefixes, err := l.Parse([]byte(published[l.URL]))
			if err != nil {
				t.Errorf("%s: %s: %v", p.Name, l.URL, err)
				continue
			}
			if !contains(prefixes, "192.0.2.1") || contains(prefixes, "198.51.100.1") {
				t.Errorf("%s: %s: got %v, want what the sender sends from", p.Name, l.URL, prefixes)
			}
			for _, doc := range []string{"", "<!DOCTYPE html>", `{"message":"rate limit"}`} {
				if got, err := l.Parse([]byte(doc)); err == nil {
					t.Errorf("%s: got %v of %q", p.Name, got, doc)
				}
			}
		}
	}
	for url := range published {
		if !used[url] {
			t.Errorf("nobody uses %s", url)
		}
	}
}

func contains(prefixes []netip.Prefix, addr string) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(addr)) })
}
