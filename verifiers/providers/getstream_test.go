package providers_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
	"github.com/caddy-webhooks/caddy-webhooks/verifiers/providers"
)

// TestGetStreamBomb: what grows too much is not unpacked, whoever has signed it.
func TestGetStreamBomb(t *testing.T) {
	t.Parallel()
	const secret = "stream-api-secret"
	key, err := verifiers.NewKey("a", []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	v, err := providers.GetStream.New(verifiers.Config{Keys: verifiers.Keys{key}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"an event", `{"type":"message.new","text":"` + strings.Repeat("hello world, ", 50) + `"}`, nil},
		{"a bomb", strings.Repeat("0", 1<<20), verifiers.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(tt.text))
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, err := w.Write([]byte(tt.text))
			if err := errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			header := http.Header{"X-Signature": {hex.EncodeToString(mac.Sum(nil))}}
			if _, err := v.Verify(t.Context(), &verifiers.Request{Method: "POST", Header: header, Body: packed.Bytes()}); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
