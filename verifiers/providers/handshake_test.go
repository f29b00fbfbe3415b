package providers_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

func TestHandshakes(t *testing.T) {
	t.Parallel()
	jsonHeader := http.Header{"Content-Type": {"application/json"}}
	formHeader := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	meta := map[string]string{"verify_token": "s3cret"}
	const confirm = "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336"
	tests := []struct {
		name, provider string
		method, query  string
		header         http.Header
		body           string
		options        map[string]string
		handshake      string // "" if it is none
		signed         bool
		status         int
		contentType    string
		reply          string
		err            error
		confirm        string
		confirmErr     error
	}{
		{
			name: "slack challenge", provider: "slack", header: jsonHeader,
			body: `{"type":"url_verification","token":"Jhj5","challenge":"3eZbrw1aB"}`, handshake: "url_verification",
			signed: true, status: 200, contentType: "text/plain; charset=utf-8", reply: "3eZbrw1aB",
		},
		{
			name: "slack challenge that is a script", provider: "slack", header: jsonHeader,
			body: `{"type":"url_verification","challenge":"<script>"}`, handshake: "url_verification",
			signed: true, err: verifiers.ErrMalformed,
		},
		{
			name: "slack event", provider: "slack", header: jsonHeader,
			body: `{"type":"event_callback","challenge":"3eZbrw1aB"}`,
		},
		{
			name: "slack certificate check", provider: "slack", header: formHeader,
			body: `token=Jhj5&ssl_check=1`, handshake: "ssl_check", status: 200,
		},
		{
			name: "slack certificate check with GET", provider: "slack", method: "GET",
			query: "ssl_check=1&token=Jhj5", handshake: "ssl_check", status: 200,
		},
		{name: "slack command", provider: "slack", header: formHeader, body: `command=%2Fweather`},
		{
			name: "discord ping", provider: "discord", header: jsonHeader, body: `{"id":"1","type":1}`,
			handshake: "ping", signed: true, status: 200, contentType: "application/json", reply: `{"type":1}`,
		},
		{name: "discord command", provider: "discord", header: jsonHeader, body: `{"id":"1","type":2}`},
		{
			name: "discord events ping", provider: "discord-webhook-events", header: jsonHeader, body: `{"type":0}`,
			handshake: "ping", signed: true, status: 204,
		},
		{name: "discord events event", provider: "discord-webhook-events", header: jsonHeader, body: `{"type":1}`},
		{
			name: "meta subscription", provider: "meta", method: "GET", options: meta,
			query:     "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=s3cret",
			handshake: "subscribe", status: 200, contentType: "text/plain; charset=utf-8", reply: "1158201444",
		},
		{
			name: "meta subscription with another token", provider: "meta", method: "GET", options: meta,
			query:     "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=guess",
			handshake: "subscribe", err: verifiers.ErrMismatch,
		},
		{
			name: "meta subscription without a token", provider: "meta", method: "GET", options: meta,
			query:     "hub.mode=subscribe&hub.challenge=1158201444",
			handshake: "subscribe", err: verifiers.ErrMissing,
		},
		{
			name: "meta subscription where no token is configured", provider: "meta", method: "GET",
			query:     "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=",
			handshake: "subscribe", err: verifiers.ErrMissing,
		},
		{
			name: "meta event", provider: "meta", header: jsonHeader, body: `{"object":"page"}`, options: meta,
			query: "hub.mode=subscribe",
		},
		{
			name: "sns subscription, only reported", provider: "aws-sns",
			body:      `{"Type":"SubscriptionConfirmation","SubscribeURL":"` + confirm + `"}`,
			handshake: "subscription_confirmation", signed: true, status: 200,
		},
		{
			name: "sns subscription, confirmed", provider: "aws-sns", options: map[string]string{"auto_confirm": "on"},
			body:      `{"Type":"SubscriptionConfirmation","SubscribeURL":"` + confirm + `"}`,
			handshake: "subscription_confirmation", signed: true, status: 200, confirm: confirm,
		},
		{
			name: "sns subscription with a URL elsewhere", provider: "aws-sns",
			options:   map[string]string{"auto_confirm": "on"},
			body:      `{"Type":"SubscriptionConfirmation","SubscribeURL":"https://sns.us-west-2.amazonaws.com.example.com/"}`,
			handshake: "subscription_confirmation", signed: true, status: 200, confirmErr: verifiers.ErrUntrusted,
		},
		{name: "sns notification", provider: "aws-sns", body: `{"Type":"Notification","SubscribeURL":"` + confirm + `"}`},
		{name: "github ping is an event", provider: "github", header: jsonHeader, body: `{"zen":"Design for failure."}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, ok := providers.Lookup(tt.provider)
			if !ok {
				t.Fatal("not in the catalogue")
			}
			req := &verifiers.Request{
				Method: tt.method, Header: tt.header, Body: []byte(tt.body),
				URL: &url.URL{Scheme: "https", Host: "example.com", Path: "/", RawQuery: tt.query},
			}
			if req.Method == "" {
				req.Method = "POST"
			}
			if req.Header == nil {
				req.Header = http.Header{}
			}
			var h *verifiers.Handshake
			for i := range p.Handshakes {
				if p.Handshakes[i].Matches(req) {
					h = &p.Handshakes[i]
					break
				}
			}
			if h == nil || tt.handshake == "" {
				if (h == nil) != (tt.handshake == "") {
					t.Fatalf("got %+v, want %q", h, tt.handshake)
				}
				return
			}
			if h.Name != tt.handshake || h.Signed != tt.signed {
				t.Errorf("got %s, signed %v, want %s, signed %v", h.Name, h.Signed, tt.handshake, tt.signed)
			}
			a, err := h.Answer(t.Context(), req, verifiers.Config{Options: tt.options})
			if !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err != nil {
				return
			}
			if a.Status != tt.status || a.ContentType != tt.contentType || string(a.Body) != tt.reply {
				t.Errorf("got %d %q %q, want %d %q %q", a.Status, a.ContentType, a.Body, tt.status, tt.contentType, tt.reply)
			}
			u, err := h.ConfirmURL(req, tt.options)
			if u != tt.confirm || !errors.Is(err, tt.confirmErr) {
				t.Errorf("to confirm: got %q, %v, want %q, %v", u, err, tt.confirm, tt.confirmErr)
			}
		})
	}
}

// The id of Meta's events is the signature. Whoever repeats a request with
// digits in another case must not get another id.
func TestMetaIDHasOneCase(t *testing.T) {
	t.Parallel()
	id := func(signature string) string {
		req := &verifiers.Request{Header: http.Header{"X-Hub-Signature-256": {"sha256=" + signature}}}
		v, err := providers.Meta.ID.Lookup(req)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if a, b := id("0aBc"), id("0AbC"); a != b {
		t.Errorf("got %q and %q, want one id", a, b)
	}
}
