package verifiers

import (
	"fmt"
	"strings"
	"testing"
)

type benchmarkCase struct {
	name     string
	verifier Verifier
	req      *Request
	allocs   float64
}

// benchmarkCases are signed requests of the usual kinds.
func benchmarkCases(t testing.TB, body string) []benchmarkCase {
	t.Helper()
	stripe := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("Stripe-Signature").KV("v1"), Timestamp: Header("Stripe-Signature").KV("t"),
		Content: "{timestamp}.{body}",
	}}
	slack := HMAC{Hash: SHA256, Signed: Signed{
		Signature: Header("X-Slack-Signature").Trim("v0="), Timestamp: Header("X-Slack-Request-Timestamp"),
		Content: "v0:{timestamp}:{body}",
	}}
	// The allocation is the URL's text.
	twilio := HMAC{Hash: SHA1, Signed: Signed{
		Signature: Header("X-Twilio-Signature"), Encoding: Base64, Content: "{custom}",
		Custom: func(dst []byte, r *Request) ([]byte, error) {
			return append(append(dst, r.URL.String()...), r.Body...), nil
		},
	}}
	list := []struct {
		name   string
		scheme HMAC
		secret string
		allocs float64
	}{
		{"github", githubScheme, "secret", 0},
		{"stripe", stripe, "secret", 0},
		{"slack", slack, "secret", 0},
		{"standard-webhooks", StandardWebhooks("svix", "webhook"), standardSecret, 0},
		{"twilio", twilio, "secret", 1},
	}
	cases := make([]benchmarkCase, 0, len(list))
	for _, c := range list {
		req := testRequest(t, body, "Svix-Id", "msg_1")
		cfg := Config{Keys: testKeys(t, c.secret), Time: at(1700000000)}
		if err := c.scheme.Sign(req, cfg); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, benchmarkCase{c.name, testBuild(t, c.scheme, cfg), req, c.allocs})
	}
	return cases
}

func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10} {
		for _, c := range benchmarkCases(b, strings.Repeat("x", size)) {
			b.Run(fmt.Sprintf("%s/%dKiB", c.name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				ctx := b.Context()
				for b.Loop() {
					if _, err := c.verifier.Verify(ctx, c.req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
