package verifiers

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
)

// The proofs are those of Python's hmac and hashlib.
func TestReplyProofs(t *testing.T) {
	t.Parallel()
	zoom := Reply{
		ContentType: "application/json",
		Template:    `{{"plainToken":"{json:/payload/plainToken}","encryptedToken":"{proof}"}}`,
		Proof:       &Proof{Hash: SHA256, Content: "{json:/payload/plainToken}"},
	}
	x := Reply{
		ContentType: "application/json", Template: `{{"response_token":"sha256={proof}"}}`,
		Proof: &Proof{Hash: SHA256, Content: "{query:crc_token}", Encoding: Base64},
	}
	ebay := Reply{
		ContentType: "application/json", Template: `{{"challengeResponse":"{proof}"}}`,
		Proof: &Proof{Hash: SHA256, Plain: true, Content: "{query:challenge_code}{option:token}{option:endpoint}"},
	}
	header := Reply{Header: map[string]string{"X-Hook-Secret": "{header:X-Hook-Secret}", "Allow": "POST"}}
	keys := testKeys(t, "s3cret", "older")
	options := map[string]string{"token": "tok", "endpoint": "https://hooks.example.com/in"}
	for _, tt := range []struct {
		name       string
		reply      Reply
		query      string
		body       string
		header     string
		keys       KeySource
		want       string
		wantHeader string
		kind       error
	}{
		{
			name: "zoom", reply: zoom, body: `{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}`, keys: keys,
			want: `{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"f54f2d5fee8f181aab8371bada7fed9bb675eae464f18ed4fb91715244b58ef4"}`,
		},
		{name: "zoom with JSON in the token", reply: zoom, body: `{"payload":{"plainToken":"a\",\"b"}}`, keys: keys, kind: ErrMalformed},
		{name: "zoom without a token", reply: zoom, body: `{"payload":{}}`, keys: keys, kind: ErrMissing},
		{name: "zoom without a key", reply: zoom, body: `{"payload":{"plainToken":"q"}}`, kind: ErrUnavailable},
		{name: "zoom with no keys now", reply: zoom, body: `{"payload":{"plainToken":"q"}}`, keys: Keys{}, kind: ErrUnavailable},
		{name: "x", reply: x, query: "crc_token=crc1", keys: keys, want: `{"response_token":"sha256=Y8G03dhO17zns2R4PpUin/8n/XPtdzmFTruKlwfFYe4="}`},
		{
			name: "ebay", reply: ebay, query: "challenge_code=c0de",
			want: `{"challengeResponse":"d39d2d040a385537afe15343d44e4ff619fb772bd6df0cd7765b658b5251c57d"}`,
		},
		{name: "header", reply: header, header: "b537207f20cbfa02357cf448134da559", wantHeader: "b537207f20cbfa02357cf448134da559"},
		{name: "header with a script", reply: header, header: "<script>", kind: ErrMalformed},
		{name: "no header", reply: header, kind: ErrMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := testRequest(t, tt.body)
			req.URL.RawQuery = tt.query
			if tt.header != "" {
				req.Header.Set("X-Hook-Secret", tt.header)
			}
			if err := tt.reply.check([]Option{{Name: "token"}, {Name: "endpoint"}}); err != nil {
				t.Fatal(err)
			}
			a, err := tt.reply.Render(t.Context(), req, Config{Keys: tt.keys, Options: options})
			if typed := (*Error)(nil); !errors.Is(err, tt.kind) || err != nil && !errors.As(err, &typed) {
				t.Fatalf("got %v, want %v", err, tt.kind)
			}
			if string(a.Body) != tt.want || a.Header["X-Hook-Secret"] != tt.wantHeader {
				t.Errorf("got %s, %v", a.Body, a.Header)
			}
			if tt.reply.Fixed() {
				t.Error("the answer is not the same for all requests")
			}
		})
	}
	if header.Header["X-Hook-Secret"] != "{header:X-Hook-Secret}" {
		t.Error("rendering changed the description")
	}
}

func TestReplyCustom(t *testing.T) {
	t.Parallel()
	now := time.Unix(1767323045, 0)
	reply := Reply{ContentType: "application/xml", Custom: func(dst []byte, r *Request, p Prover) ([]byte, error) {
		if len(r.Body) == 0 {
			return nil, ErrMissing
		}
		mac, err := p.MAC(SHA256, []byte("crc1"))
		dst = append(dst, p.Now().UTC().Format(time.RFC3339)+p.Option("merchant")...)
		return append(dst, base64.StdEncoding.EncodeToString(mac)...), err
	}}
	cfg := Config{
		Keys: testKeys(t, "s3cret"), Time: func() time.Time { return now },
		Options: map[string]string{"merchant": "|m|"},
	}
	a, err := reply.Render(t.Context(), testRequest(t, "x"), cfg)
	if want := "2026-01-02T03:04:05Z|m|Y8G03dhO17zns2R4PpUin/8n/XPtdzmFTruKlwfFYe4="; err != nil || string(a.Body) != want {
		t.Errorf("got %s, %v, want %s", a.Body, err, want)
	}
	if _, err := reply.Render(t.Context(), testRequest(t, ""), cfg); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v, want %v", err, ErrMissing)
	}
	cfg.Keys = keySourceFunc(func() ([]*Key, error) { return nil, errors.New("down") })
	if _, err := reply.Render(t.Context(), testRequest(t, "x"), cfg); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want %v", err, ErrUnavailable)
	}
}

type keySourceFunc func() ([]*Key, error)

func (f keySourceFunc) Keys(context.Context, string) ([]*Key, error) { return f() }

func TestReplyCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		reply Reply
		want  string
	}{
		{"two bodies", Reply{Body: "a", Template: "b"}, "more than one body"},
		{"proof that is not used", Reply{Body: "a", Proof: &Proof{Hash: SHA256, Content: "{body}"}}, "exactly if Proof is set"},
		{"proof that is not made", Reply{Template: "{proof}"}, "exactly if Proof is set"},
		{"proof of itself", Reply{Template: "{proof}", Proof: &Proof{Hash: SHA256, Content: "{proof}"}}, "has {proof}"},
		{"unknown hash", Reply{Template: "{proof}", Proof: &Proof{Hash: MD5, Content: "{body}"}}, "unknown hash"},
		{"public key", Reply{Template: "{proof}", Proof: &Proof{Hash: SHA256, Key: KeyPEM, Content: "{body}"}}, "public keys"},
		{"secret", Reply{Template: "{secret}"}, "not for answers"},
		{"secret in a header", Reply{Header: map[string]string{"X": "{secret}"}}, "not for answers"},
		{"unknown option", Reply{Template: "{option:x}"}, "option x is unknown"},
		{"unknown token", Reply{Template: "{x}"}, "unknown token"},
	} {
		if err := tt.reply.check(nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}
