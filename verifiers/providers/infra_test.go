package providers_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/verifiertest"
)

// Where an event's identity and type are, in the requests of the vectors.
func TestAttributesOfVectors(t *testing.T) {
	t.Parallel()
	suites := load(t)
	tests := []struct{ provider, id, eventType string }{
		{"openai", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "response.completed"},
		{"anthropic", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "session.status_idled"},
		{"assemblyai", "5552493-16d8.completed", "completed"},
		{"cloudflare-stream", "6b9e68b07dfee8cc2d116e4c51d6a957.ready.2026-01-02T03:04:04.774299Z", "ready"},
		{"contentful", "7f3a", "ContentManagement.Entry.publish"},
		{"expo-eas", "147a3212-49fd.finished", "finished"},
		{"fal", "123e4567", "OK"},
		{"firehydrant", "", "incident.CREATED"},
		{"flux-notification", "", "GitOperationSucceeded"},
		{"fusionauth", "3f1c", "user.create.complete"},
		{"hasura-event-trigger", "85558393-c75d", "new_user.INSERT"},
		{"hygraph", "", "publish.Post"},
		{"infisical", "1767323045000.secrets.modified.ws1.prod./", "secrets.modified"},
		{"jfrog-artifactory", "", "artifact.deployed"},
		{"kontent-ai", "", "notifications"},
		{"neon-auth", "550e8400", "user.created"},
		{"pusher", "", "channel_occupied"},
		{"rootly", "d8ad", "incident.created"},
		{"sonatype-nexus", "5c8dee1b", "rm:repository:component.CREATED"},
		{"turnkey", "evt-1", "BALANCE_FINALIZED"},
		{"upstash-qstash", "msg_7YoJ", "message"},
	}
	// The signature is the id of these, and needs no second look.
	signature := []string{"flux-notification", "hygraph", "pusher"}
	for _, tt := range tests {
		t.Run(tt.provider, func(t *testing.T) {
			t.Parallel()
			p, ok := providers.Lookup(tt.provider)
			if !ok {
				t.Fatal("not in the catalogue")
			}
			req := request(t, valid(t, suites[tt.provider]))
			if got, err := p.Type.Lookup(req); err != nil || got != tt.eventType {
				t.Errorf("type: got %q, %v, want %q", got, err, tt.eventType)
			}
			got, err := p.ID.Lookup(req)
			switch {
			case slices.Contains(signature, tt.provider):
				if err != nil || len(got) < 40 {
					t.Errorf("id: got %q, %v, want the signature", got, err)
				}
			case tt.id == "" && !errors.Is(err, verifiers.ErrMissing) || got != tt.id:
				t.Errorf("id: got %q, %v, want %q", got, err, tt.id)
			}
		})
	}
}

// Settings that would let the wrong sender in do not build.
func TestInfraSettings(t *testing.T) {
	t.Parallel()
	pem := fusionAuthPublicKey(t)
	tests := []struct {
		name, provider string
		secrets        []string
		options        map[string]string
		err            error
	}{
		{"a secret", "fusionauth", []string{"secret"}, nil, nil},
		{"a public key that would be a secret", "fusionauth", []string{pem}, nil, verifiers.ErrKeyFormat},
		{"a public key after a secret", "fusionauth", []string{"secret", pem}, nil, verifiers.ErrKeyFormat},
		{
			"a public key with an algorithm of secrets", "fusionauth",
			[]string{pem},
			map[string]string{"algorithm": "HS256"},
			verifiers.ErrKeyFormat,
		},
		{"a public key", "fusionauth", []string{pem}, map[string]string{"algorithm": "ES256"}, nil},
		{"a public key of another kind", "fusionauth", []string{pem}, map[string]string{"algorithm": "RS256"}, verifiers.ErrKeyFormat},
		{"no such algorithm", "fusionauth", []string{"secret"}, map[string]string{"algorithm": "none"}, verifiers.ErrOption},
		{"no such algorithm of that length", "fusionauth", []string{"secret"}, map[string]string{"algorithm": "HS224"}, verifiers.ErrOption},
		{"one key for two secrets", "pusher", []string{"a", "b"}, map[string]string{"app_keys": "k1"}, verifiers.ErrOption},
		{"keys and secrets", "pusher", []string{"a", "b"}, map[string]string{"app_keys": "k1 k2"}, nil},
		{"two key ids for one secret", "worldline", []string{"a"}, map[string]string{"key_ids": "k1 k2"}, verifiers.ErrOption},
		{"keys of Neon over HTTP", "neon-auth", nil, map[string]string{"auth_url": "http://auth.example.com/db/auth"}, verifiers.ErrOption},
		{"keys of Neon from no host", "neon-auth", nil, map[string]string{"auth_url": "/auth"}, verifiers.ErrOption},
		{"keys of Neon with a query", "neon-auth", nil, map[string]string{"auth_url": "https://auth.example.com/?a=/"}, verifiers.ErrOption},
		{"keys of Neon with a password", "neon-auth", nil, map[string]string{"auth_url": "https://a:b@auth.example.com/"}, verifiers.ErrOption},
		{"keys of Neon", "neon-auth", nil, map[string]string{"auth_url": "https://auth.example.com/db/auth/"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, ok := providers.Lookup(tt.provider)
			if !ok {
				t.Fatal("not in the catalogue")
			}
			var keys verifiers.Keys
			for i, s := range tt.secrets {
				k, err := verifiers.NewKey(string(rune('a'+i)), []byte(s))
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, k)
			}
			v, err := p.New(verifiers.Config{Keys: keys, Options: tt.options, Fetcher: verifiertest.Documents{}})
			if !errors.Is(err, tt.err) || (v == nil) != (tt.err != nil) {
				t.Errorf("got %v, %v, want %v", v, err, tt.err)
			}
		})
	}
}

// fusionAuthPublicKey is the key of the vector with that flag.
func fusionAuthPublicKey(t *testing.T) string {
	t.Helper()
	for _, v := range load(t)["fusionauth"].Tests {
		if v.Has("ES256") {
			return v.Keys[0].Secret
		}
	}
	t.Fatal("no vector has the flag ES256")
	return ""
}

// What FusionAuth, QStash and others are sent by a test is what they accept.
func TestInfraSigning(t *testing.T) {
	t.Parallel()
	key, err := verifiers.NewKey("a", []byte("a secret of some length"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		provider, body string
		options        map[string]string
		header         http.Header
	}{
		{provider: "upstash-qstash", body: "x"},
		{provider: "upstash-qstash", body: "x", options: map[string]string{"destination": "https://api.example.com/a https://api.example.com/b"}},
		{provider: "fusionauth", body: `{}`},
		{provider: "fusionauth", body: `{}`, options: map[string]string{"algorithm": "HS512"}},
		{provider: "hygraph", body: `{"a":"\u2028<"}`},
		{provider: "ghost", body: `{}`},
		{provider: "hook0", body: `{}`},
		{provider: "infisical", body: `{"timestamp":1767323045000}`},
		{provider: "pusher", body: `{}`, options: map[string]string{"app_keys": "k1"}},
		{provider: "worldline", body: `{}`, options: map[string]string{"key_ids": "k1"}},
		{provider: "contentful", body: `{}`, header: http.Header{"X-Contentful-Signed-Headers": {"x-contentful-timestamp"}}},
		{provider: "mongodb-atlas", body: `{}`},
		{provider: "sanity", body: `{}`},
	} {
		p, ok := providers.Lookup(tt.provider)
		if !ok {
			t.Fatalf("%s: not in the catalogue", tt.provider)
		}
		at := valid(t, load(t)["openai"]).Now
		cfg := verifiers.Config{Keys: verifiers.Keys{key}, Options: tt.options, Time: verifiertest.Clock(at)}
		req := &verifiers.Request{
			Method: "POST", URL: &url.URL{Scheme: "https", Host: "hooks.example.com", Path: "/in"},
			Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(tt.body),
		}
		maps.Copy(req.Header, tt.header)
		if err := p.Sign(req, cfg, at); err != nil {
			t.Errorf("%s: signing: %v", tt.provider, err)
			continue
		}
		v, err := p.New(cfg)
		if err != nil {
			t.Errorf("%s: building: %v", tt.provider, err)
			continue
		}
		if _, err := v.Verify(t.Context(), req); err != nil {
			t.Errorf("%s: verifying what was signed: %v", tt.provider, err)
		}
	}
}
