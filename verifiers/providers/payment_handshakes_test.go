package providers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func TestPaymentHandshakes(t *testing.T) {
	t.Parallel()
	const header = "X-Gcs-Webhooks-Endpoint-Verification"
	tests := []struct {
		name      string
		provider  verifiers.Provider
		method    string
		header    http.Header
		body      string
		handshake string // "" if it is none
		signed    bool
		reply     string
	}{
		{
			name: "worldline endpoint", provider: providers.Worldline, method: "GET",
			header: http.Header{header: {"3d0f-4f1c"}}, handshake: "endpoint_verification", reply: "3d0f-4f1c",
		},
		{name: "worldline without the header", provider: providers.Worldline, method: "GET"},
		{name: "worldline event", provider: providers.Worldline, header: http.Header{header: {"3d0f"}}, body: `{"id":"1"}`},
		{
			name: "marqeta ping", provider: providers.Marqeta, body: `{"pings":[{"token":"marqeta","payload":"healthcheck"}]}`,
			handshake: "ping", signed: true,
		},
		{name: "marqeta event", provider: providers.Marqeta, body: `{"transactions":[{"type":"authorization"}]}`},
		{
			name: "clover verification", provider: providers.Clover, body: `{"verificationCode":"4f1c9d0b"}`,
			handshake: "verification_code",
		},
		{
			name: "clover event that says so as well", provider: providers.Clover,
			header: http.Header{"X-Clover-Auth": {"4f1c"}}, body: `{"verificationCode":"4f1c9d0b"}`,
		},
		{name: "clover event", provider: providers.Clover, body: `{"merchants":{}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := &verifiers.Request{
				Method: tt.method, URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/"},
				Header: tt.header, Body: []byte(tt.body),
			}
			if req.Method == "" {
				req.Method = "POST"
			}
			var found *verifiers.Handshake
			for i := range tt.provider.Handshakes {
				if h := &tt.provider.Handshakes[i]; h.Matches(req) {
					found = h
					break
				}
			}
			if found == nil || tt.handshake == "" {
				if (found == nil) != (tt.handshake == "") {
					t.Fatalf("got %+v, want %q", found, tt.handshake)
				}
				return
			}
			a, err := found.Answer(t.Context(), req, verifiers.Config{})
			if err != nil || found.Name != tt.handshake || found.Signed != tt.signed || a.Status != 200 || string(a.Body) != tt.reply {
				t.Errorf("got %s, signed %v, %d %q, %v", found.Name, found.Signed, a.Status, a.Body, err)
			}
			if !found.Capture.IsZero() && !found.Code {
				t.Error("anybody can send it, and it delivers a secret")
			}
		})
	}
}

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
