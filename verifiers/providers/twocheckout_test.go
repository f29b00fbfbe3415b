package providers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// The answers were computed with Python's hmac.
func TestTwoCheckoutAnswer(t *testing.T) {
	t.Parallel()
	key, err := verifiers.NewKey("a", []byte("2co-secret-4f1c"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := verifiers.Config{
		Keys: verifiers.Keys{key},
		Time: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
	tests := []struct{ name, body, answer string }{
		{
			"an order", "REFNO=1&IPN_PID%5B%5D=1&IPN_PID%5B%5D=22&IPN_PNAME%5B%5D=Caf%C3%A9+plan&IPN_PNAME%5B%5D=x&IPN_DATE=20260102030401",
			`<sig algo="sha256" date="20260102030405">aaca83bc8925d4fc4e16c4e99235b5f217ad62ba5be1d39ab280b80ed667a073</sig>`,
		},
		{
			"an order with numbered products", "IPN_PID%5B0%5D=1&IPN_PNAME%5B0%5D=Caf%C3%A9+plan&IPN_DATE=20260102030401",
			`<sig algo="sha256" date="20260102030405">aaca83bc8925d4fc4e16c4e99235b5f217ad62ba5be1d39ab280b80ed667a073</sig>`,
		},
		{
			"a license", "LICENSE_CODE=L-1&EXPIRATION_DATE=2027-01-02",
			`<sig algo="sha256" date="20260102030405">54d5f5d96c1234367fcfc0be852fa456ad3f55377825f24788003c33391a8af6</sig>`,
		},
		{"neither", "REFNO=1", ""},
		{"an order without a date", "IPN_PID%5B%5D=1&IPN_PNAME%5B%5D=x", ""},
	}
	for _, tt := range tests {
		req := &verifiers.Request{Method: "POST", Body: []byte(tt.body)}
		a, err := providers.TwoCheckout.Success.Render(t.Context(), req, cfg)
		if tt.answer == "" {
			if verifiers.Reason(err) != "missing" {
				t.Errorf("%s: got %q, %v, want it to be missing something", tt.name, a.Body, err)
			}
			continue
		}
		if err != nil || string(a.Body) != tt.answer || !strings.HasPrefix(a.ContentType, "text/plain") {
			t.Errorf("%s: got %s %s, %v, want %s", tt.name, a.ContentType, a.Body, err, tt.answer)
		}
	}
}
