// Package verifiertest tests verifiers of webhooks against vectors: requests
// whose verdict is known, and for the refused ones also the kind of failure.
// The vectors are plain JSON, so that receivers in other languages can use them
// too.
package verifiertest

import (
	"bytes"
	"context"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Vectors are the vectors of the catalogue in package providers, one file for
// each provider as vectors/<provider>.json, with vector.schema.json, the JSON
// Schema of these files; and the handshakes of those providers that have some, as
// handshakes/<provider>.json with handshake.schema.json.
//
//go:embed vectors/*.json vector.schema.json handshakes/*.json handshake.schema.json
var Vectors embed.FS

// Errors of [Load].
var (
	// ErrEmpty means that there are no vectors.
	ErrEmpty = errors.New("no vectors")
	// ErrVector means that a vector is incomplete or contradicts itself.
	ErrVector = errors.New("invalid vector")
)

// A Suite is one file of vectors.
type Suite struct {
	// Schema is the name of the JSON Schema of the file.
	Schema string `json:"schema"`
	// Provider is the name of the provider.
	Provider string `json:"provider"`
	// Source is the page that describes the sender's signatures.
	Source string `json:"source"`
	// Tests are the vectors.
	Tests []Vector `json:"tests"`
}

// A Vector is one request with its verdict.
type Vector struct {
	// ID is the vector's number in its file, from 1 on.
	ID int `json:"id"`
	// Comment says what is special about it.
	Comment string `json:"comment"`
	// Origin says who made or judged the request: provider-docs, an example in
	// the sender's documentation; provider-sdk, the sender's own library;
	// captured, a request that was really sent; independent, an implementation
	// that shares no code with this module, after the documentation; self, this
	// module.
	Origin string `json:"origin"`
	// Source is where exactly it was found. Empty if Origin is self.
	Source string `json:"source,omitempty"`
	// Flags say what the vector is about, such as Valid or WrongKey.
	Flags []string `json:"flags"`
	// Keys are the receiver's keys, the newest first.
	Keys []Key `json:"keys,omitempty"`
	// Options are the provider's options.
	Options map[string]string `json:"options,omitempty"`
	// Certs are the documents that the network serves, by URL.
	Certs map[string]string `json:"certs,omitempty"`
	// Now is the receiver's clock.
	Now time.Time `json:"now"`
	// Request is the request.
	Request Request `json:"request"`
	// Want is the verdict.
	Want Want `json:"want"`
}

// Key is a secret or public key as the provider shows it.
type Key struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// Request is a request as an HTTP server sees it.
type Request struct {
	Method string `json:"method"`
	// URL is the public URL.
	URL string `json:"url"`
	// Header holds the headers under their canonical names.
	Header http.Header `json:"header"`
	// Body is the body, if it is UTF-8.
	Body string `json:"body,omitempty"`
	// BodyBase64 is the body, if it is not.
	BodyBase64 string `json:"bodyBase64,omitempty"`
}

// Want is a verdict.
type Want struct {
	// Result is "ok", or the word that [verifiers.Reason] has for the error.
	Result string `json:"result"`
	// Key is the id of the key that matches. It is only compared if it is not
	// empty.
	Key string `json:"key,omitempty"`
}

// Has reports whether the vector has a flag.
func (v *Vector) Has(flag string) bool { return slices.Contains(v.Flags, flag) }

// Bytes returns the body.
func (r *Request) Bytes() ([]byte, error) {
	if r.BodyBase64 == "" {
		return []byte(r.Body), nil
	}
	if r.Body != "" {
		return nil, fmt.Errorf("%w: both body and bodyBase64", ErrVector)
	}
	return base64.StdEncoding.Strict().DecodeString(r.BodyBase64)
}

// NewRequest returns a new request as a verifier takes it.
func (v *Vector) NewRequest() (*verifiers.Request, error) {
	u, err := url.Parse(v.Request.URL)
	if err != nil {
		return nil, fmt.Errorf("parsing the URL: %w", err)
	}
	if !u.IsAbs() {
		return nil, fmt.Errorf("%w: the URL is not absolute", ErrVector)
	}
	for name := range v.Request.Header {
		if http.CanonicalHeaderKey(name) != name {
			return nil, fmt.Errorf("%w: header %s must be written %s", ErrVector, name, http.CanonicalHeaderKey(name))
		}
	}
	body, err := v.Request.Bytes()
	if err != nil {
		return nil, fmt.Errorf("decoding the body: %w", err)
	}
	header := v.Request.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	return &verifiers.Request{Method: v.Request.Method, URL: u, Header: header, Body: body}, nil
}

// Config returns what a receiver with the vector's keys, options, documents and
// clock would configure.
func (v *Vector) Config() (verifiers.Config, error) {
	cfg := verifiers.Config{Options: v.Options, Time: Clock(v.Now), Fetcher: Documents(v.Certs)}
	var keys verifiers.Keys
	for _, k := range v.Keys {
		key, err := verifiers.NewKey(k.ID, []byte(k.Secret))
		if err != nil {
			return cfg, fmt.Errorf("key %s: %w", k.ID, err)
		}
		keys = append(keys, key)
	}
	cfg.Keys = keys
	return cfg, nil
}

// Clock returns a clock that stands still.
func Clock(now time.Time) func() time.Time { return func() time.Time { return now } }

// Documents is a [verifiers.Fetcher] that serves texts by URL. Like a real one
// it refuses what the pin does not allow.
type Documents map[string]string

// Fetch returns the document, or an error if there is none.
func (d Documents) Fetch(_ context.Context, pin verifiers.Pin, rawURL string) ([]byte, error) {
	if err := pin.Check(rawURL); err != nil {
		return nil, err
	}
	doc, ok := d[rawURL]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(doc), nil
}

// Load reads every vectors/*.json of fsys, in the order of their names. That
// there is none, a member that is not known, or a vector that lacks something
// is an error.
func Load(fsys fs.FS) ([]Suite, error) {
	names, err := fs.Glob(fsys, "vectors/*.json")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, ErrEmpty
	}
	suites := make([]Suite, len(names))
	for i, name := range names {
		if err := load(fsys, name, &suites[i]); err != nil {
			return nil, fmt.Errorf("loading %s: %w", name, err)
		}
	}
	return suites, nil
}

func load(fsys fs.FS, name string, s *Suite) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(s); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the suite", ErrVector)
	}
	if name != "vectors/"+s.Provider+".json" {
		return fmt.Errorf("%w: the provider is %q", ErrVector, s.Provider)
	}
	if len(s.Tests) == 0 {
		return ErrEmpty
	}
	for i := range s.Tests {
		v := &s.Tests[i]
		if v.ID != i+1 {
			return fmt.Errorf("%w: number %d has the id %d", ErrVector, i+1, v.ID)
		}
		if v.Now.IsZero() || v.Want.Result == "" || v.Comment == "" || len(v.Flags) == 0 {
			return fmt.Errorf("%w: %d lacks now, want, comment or flags", ErrVector, v.ID)
		}
		if !slices.Contains([]string{"provider-docs", "provider-sdk", "captured", "independent", "self"}, v.Origin) ||
			(v.Origin == "self") != (v.Source == "") {
			return fmt.Errorf("%w: origin and source of %d", ErrVector, v.ID)
		}
		if _, err := v.NewRequest(); err != nil {
			return fmt.Errorf("vector %d: %w", v.ID, err)
		}
	}
	return nil
}

// Interface guards.
var _ verifiers.Fetcher = Documents(nil)
