package providers_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestCRMHandshakes checks what is answered without being published, and that
// its neighbours are not.
func TestCRMHandshakes(t *testing.T) {
	t.Parallel()
	const topic, other = "https://blog.example.com/feed.atom", "https://blog.example.com/other.atom"
	hub := func(mode, topic, challenge string) string {
		return url.Values{"hub.mode": {mode}, "hub.topic": {topic}, "hub.challenge": {challenge}}.Encode()
	}
	twitch := func(kind string) http.Header {
		return http.Header{"Content-Type": {"application/json"}, "Twitch-Eventsub-Message-Type": {kind}}
	}
	subscribed := map[string]string{"topic": topic}
	tests := []struct {
		name, provider, method, query string
		header                        http.Header
		body                          string
		options                       map[string]string
		handshake                     string // "" if it is none
		signed                        bool
		reply                         string
		err                           error
	}{
		{
			name: "twitch challenge", provider: "twitch-eventsub", header: twitch("webhook_callback_verification"),
			body: `{"challenge":"pogchamp-kappa-360noscope-vohiyo"}`, handshake: "webhook_callback_verification",
			signed: true, reply: "pogchamp-kappa-360noscope-vohiyo",
		},
		{
			name: "twitch notification under the challenge's header", provider: "twitch-eventsub",
			header: twitch("webhook_callback_verification"), body: `{"event":{}}`,
		},
		{name: "twitch notification", provider: "twitch-eventsub", header: twitch("notification"), body: `{"challenge":"a"}`},
		{name: "twitch revocation", provider: "twitch-eventsub", header: twitch("revocation"), body: `{"subscription":{}}`},
		{
			name: "websub subscription", provider: "websub", method: "GET", query: hub("subscribe", topic, "c1+/="),
			options: subscribed, handshake: "subscribe", reply: "c1+/=",
		},
		{
			name: "websub subscription to another topic", provider: "websub", method: "GET",
			query: hub("subscribe", other, "c1"), options: subscribed, handshake: "subscribe", err: verifiers.ErrMismatch,
		},
		{
			name: "websub subscription without a topic", provider: "websub", method: "GET",
			query: "hub.mode=subscribe&hub.challenge=c1", options: subscribed, handshake: "subscribe", err: verifiers.ErrMissing,
		},
		{
			name: "websub challenge that is a script", provider: "websub", method: "GET",
			query: hub("subscribe", topic, "<script>"), options: subscribed, handshake: "subscribe", err: verifiers.ErrMalformed,
		},
		{
			name: "websub end that nobody asked for", provider: "websub", method: "GET",
			query: hub("unsubscribe", topic, "c1"), options: subscribed, handshake: "unsubscribe", err: verifiers.ErrMismatch,
		},
		{
			name: "websub end that was asked for", provider: "websub", method: "GET", query: hub("unsubscribe", other, "c1"),
			options:   map[string]string{"topic": topic, "unsubscribe_topic": other},
			handshake: "unsubscribe", reply: "c1",
		},
		{
			name: "websub refusal", provider: "websub", method: "GET", query: hub("denied", topic, "c1"),
			options: subscribed, handshake: "denied",
		},
		{name: "websub content", provider: "websub", query: hub("subscribe", topic, "c1"), options: subscribed, body: "<feed/>"},
		{
			name: "youtube subscription", provider: "youtube", method: "GET", query: hub("subscribe", topic, "123"),
			options: subscribed, handshake: "subscribe", reply: "123",
		},
		{name: "intercom reachability", provider: "intercom", method: "HEAD", handshake: "reachability"},
		{name: "intercom ping is an event", provider: "intercom", body: `{"topic":"ping"}`},
		{
			name: "front challenge", provider: "front", header: http.Header{"X-Front-Challenge": {"abc"}}, body: `{}`,
			handshake: "challenge", reply: "abc",
		},
		{name: "front event", provider: "front", body: `{}`},
		{name: "zoho desk validation", provider: "zoho-desk", method: "GET", handshake: "validation"},
		{name: "zoho desk validation with POST", provider: "zoho-desk", body: `[]`, handshake: "validation"},
		{name: "zoho desk event without a token", provider: "zoho-desk", body: `[{"eventType":"Ticket_Add"}]`},
		{name: "zoho desk event", provider: "zoho-desk", body: `[]`, header: http.Header{"X-Zdesk-Jwt": {"a.b.c"}}},
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
			for i := range p.Handshakes {
				h := &p.Handshakes[i]
				if !h.Matches(req) {
					continue
				}
				if h.Name != tt.handshake || h.Signed != tt.signed {
					t.Fatalf("got %q, signed %v, want %q, signed %v", h.Name, h.Signed, tt.handshake, tt.signed)
				}
				a, err := h.Answer(t.Context(), req, verifiers.Config{Options: tt.options})
				if !errors.Is(err, tt.err) {
					t.Fatalf("got %v, want %v", err, tt.err)
				}
				if err == nil && (a.Status != 200 || string(a.Body) != tt.reply) {
					t.Errorf("got %d %q, want 200 %q", a.Status, a.Body, tt.reply)
				}
				return
			}
			if tt.handshake != "" {
				t.Errorf("it is not taken for %s", tt.handshake)
			}
		})
	}
}

// TestCRMOptions checks that settings that mean nothing are refused when a
// verifier is built.
func TestCRMOptions(t *testing.T) {
	t.Parallel()
	suites := load(t)
	for _, tt := range []struct {
		provider, option, value string
		err                     error
	}{
		{"websub", "hashes", "sha256 sha1", nil},
		{"websub", "hashes", "md5", verifiers.ErrOption},
		{"websub", "hashes", "SHA256", verifiers.ErrOption},
		{"transloadit", "hashes", "sha384", nil},
		{"transloadit", "hashes", "none", verifiers.ErrOption},
		{"cloudinary", "signature_algorithm", "sha256", nil},
		{"cloudinary", "signature_algorithm", "SHA-256", verifiers.ErrOption},
		{"salesforce-outbound", "organization_id", "00D000000000001EAA", nil},
		{"salesforce-outbound", "organization_id", "00D", verifiers.ErrOption},
		{"connectwise-psa", "key_url", "http://api-na.myconnectwise.net/key", verifiers.ErrOption},
		{"connectwise-psa", "key_url", "https://api-na.myconnectwise.net.example.com/key", verifiers.ErrOption},
		{"connectwise-psa", "key_url", "https://api-eu.myconnectwise.net/key", nil},
		{"zoho-desk", "host", "desk.zoho.eu", nil},
		{"zoho-desk", "host", "desk.example.com", verifiers.ErrUntrusted},
		{"zoho-desk", "host", "desk.example.com/desk.zoho.com", verifiers.ErrUntrusted},
		{"zoho-desk", "host", "desk.zoho.com@desk.example.com", verifiers.ErrUntrusted},
	} {
		p, _ := providers.Lookup(tt.provider)
		v := valid(t, suites[p.Name])
		cfg, err := v.Config()
		if err != nil {
			t.Fatal(err)
		}
		options := map[string]string{tt.option: tt.value}
		for name, value := range v.Options {
			if name != tt.option {
				options[name] = value
			}
		}
		cfg.Options = options
		if built, err := p.New(cfg); !errors.Is(err, tt.err) || (built == nil) != (err != nil) {
			t.Errorf("%s with %s %q: got %v, %v, want %v", tt.provider, tt.option, tt.value, built, err, tt.err)
		}
	}
}

// TestEventIDs checks that two events that a sender gives the same id, or none,
// are told apart, and that a retry is not.
func TestEventIDs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		provider   string
		a, b       string // different events
		retryOf, r string // the same event twice
	}{
		{
			provider: "autotask",
			a:        `{"Guid":"w","EventTime":"2026-01-02T03:04:05Z","Id":1,"Action":"Update"}`,
			b:        `{"Guid":"w","EventTime":"2026-01-02T03:04:06Z","Id":1,"Action":"Update"}`,
		},
		{
			provider: "meraki",
			a:        `{"alertId":"0000000000000000","occurredAt":"2026-01-02T03:04:05Z","networkId":"N"}`,
			b:        `{"alertId":"0000000000000000","occurredAt":"2026-01-02T03:04:06Z","networkId":"N"}`,
		},
		{
			provider: "pipedrive",
			a:        `{"meta":{"id":1,"timestamp":1767323045,"action":"updated","object":"deal"}}`,
			b:        `{"meta":{"id":1,"timestamp":1767323046,"action":"updated","object":"deal"}}`,
			retryOf:  `{"meta":{"id":"u","timestamp":"2026-01-02T03:04:05Z","action":"change","entity":"deal","attempt":1}}`,
			r:        `{"meta":{"id":"u","timestamp":"2026-01-02T03:04:05Z","action":"change","entity":"deal","attempt":2}}`,
		},
		{
			provider: "elevenlabs",
			a:        `{"type":"post_call_transcription","data":{"conversation_id":"c"}}`,
			b:        `{"type":"post_call_audio","data":{"conversation_id":"c"}}`,
		},
		{
			provider: "hubspot-v3",
			a:        `[{"eventId":1,"subscriptionId":2,"occurredAt":3}]`,
			b:        `[{"eventId":1,"subscriptionId":2,"occurredAt":4}]`,
			retryOf:  `[{"eventId":1,"subscriptionId":2,"occurredAt":3,"attemptNumber":0}]`,
			r:        `[{"eventId":1,"subscriptionId":2,"occurredAt":3,"attemptNumber":1}]`,
		},
		{
			provider: "mux",
			a:        `{"id":"1"}`, b: `{"id":"2"}`,
			retryOf: `{"id":"1","attempts":[]}`, r: `{"id":"1","attempts":[{}]}`,
		},
	} {
		p, _ := providers.Lookup(tt.provider)
		id := func(body string) string {
			req := &verifiers.Request{Method: "POST", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
			v, err := p.ID.Lookup(req)
			if err != nil {
				t.Errorf("%s: %v", tt.provider, err)
			}
			return v
		}
		if a, b := id(tt.a), id(tt.b); a == b {
			t.Errorf("%s: two events have the id %s", tt.provider, a)
		}
		if tt.retryOf == "" {
			continue
		}
		if a, b := id(tt.retryOf), id(tt.r); a != b {
			t.Errorf("%s: a retry has the id %s, the event %s", tt.provider, b, a)
		}
	}
	// Without what tells its events apart an event has no id, rather than one
	// that others share.
	req := &verifiers.Request{Method: "POST", Header: http.Header{}, Body: []byte(`{"type":"voice_removal_notice","data":{}}`)}
	if id, err := providers.ElevenLabs.ID.Lookup(req); !errors.Is(err, verifiers.ErrMissing) {
		t.Errorf("elevenlabs: got %q, %v, want %v", id, err, verifiers.ErrMissing)
	}
}
