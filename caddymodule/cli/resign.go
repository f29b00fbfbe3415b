package cli

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Signing says with what events are signed once more. It holds no secret.
type Signing struct {
	// SecretEnv is an environment variable and SecretFile a file with the secret,
	// of the process that signs. Without them it is looked for in the provider's
	// variable, such as STRIPE_WEBHOOK_SECRET.
	SecretEnv  string `json:"secret_env,omitempty"`
	SecretFile string `json:"secret_file,omitempty"`
	// PublicURL is what is signed by senders that sign a URL; empty means the one
	// that is sent to.
	PublicURL string `json:"public_url,omitempty"`
}

// Signer returns a function that signs a request as its provider would, at the
// time: its headers, its URL, and its body where the provider has the signature or the
// time there. Lookup finds providers by name; nil means the catalogue. Getenv reads the
// environment. The function is safe for concurrent use, and its errors hold no
// secret.
func (s Signing) Signer(lookupProvider func(string) (verifiers.Provider, error), getenv func(string) string) func(*http.Request, string, []byte, time.Time) error {
	if lookupProvider == nil {
		lookupProvider = lookup
	}
	type known struct {
		provider verifiers.Provider
		key      *verifiers.Key
	}
	var mu sync.Mutex
	all := make(map[string]known)
	find := func(name string) (known, error) {
		mu.Lock()
		defer mu.Unlock()
		if k, ok := all[name]; ok {
			return k, nil
		}
		p, err := lookupProvider(name)
		if err != nil {
			return known{}, err
		}
		if _, ok := p.Scheme.(verifiers.Signer); !ok {
			return known{}, fmt.Errorf("%w: only the receiving side of %s is known", ErrNotSignable, name)
		}
		key, err := secretKey(p, &SendOptions{SecretEnv: s.SecretEnv, SecretFile: s.SecretFile, Getenv: getenv})
		if err != nil {
			return known{}, err
		}
		all[name] = known{p, key}
		return all[name], nil
	}
	return func(r *http.Request, name string, body []byte, at time.Time) error {
		k, err := find(name)
		if err != nil {
			return err
		}
		u := *r.URL
		if s.PublicURL != "" {
			public, err := parseURL(s.PublicURL)
			if err != nil {
				return err
			}
			u = *public
		}
		before := u.RawQuery
		if placer, ok := k.provider.Scheme.(verifiers.Placer); ok {
			places := placer.Places()
			forget(r.Header, places.Signature, places.Timestamp)
		}
		req := &verifiers.Request{Method: r.Method, URL: &u, Header: r.Header.Clone(), Body: body}
		if err := k.provider.Sign(req, verifiers.Config{Keys: verifiers.Keys{k.key}}, at); err != nil {
			return err
		}
		if req.URL.RawQuery != before {
			r.URL.RawQuery = req.URL.RawQuery // the signature is in the URL
		}
		maps.Copy(r.Header, req.Header)
		if !bytes.Equal(req.Body, body) { // the signature, or the time, is in it
			r.ContentLength = int64(len(req.Body))
			r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(req.Body)), nil }
			r.Body, _ = r.GetBody()
		}
		return nil
	}
}

// forget removes the headers in which the sources are. A signature is added to
// those that are there.
func forget(h http.Header, sources ...verifiers.Source) {
	for _, s := range sources {
		forget(h, s.First...)
		if s.Header != "" {
			h.Del(s.Header)
		}
	}
}
