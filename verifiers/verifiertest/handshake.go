package verifiertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"testing"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// noHandshake is the result of a request that is an event.
const noHandshake = "none"

// A HandshakeSuite is one file of requests that ask for an answer, and of events
// that must not be taken for them.
type HandshakeSuite struct {
	// Schema is the name of the JSON Schema of the file.
	Schema string `json:"schema"`
	// Provider is the name of the provider.
	Provider string `json:"provider"`
	// Source is the page that describes the sender's handshakes.
	Source string `json:"source"`
	// Tests are the vectors.
	Tests []HandshakeVector `json:"tests"`
}

// A HandshakeVector is one request with its answer. Members that a [Vector] has as
// well mean the same.
type HandshakeVector struct {
	ID      int               `json:"id"`
	Comment string            `json:"comment"`
	Keys    []Key             `json:"keys,omitempty"`
	Options map[string]string `json:"options,omitempty"`
	Certs   map[string]string `json:"certs,omitempty"`
	Now     time.Time         `json:"now"`
	Request Request           `json:"request"`
	Want    Answer            `json:"want"`
}

// An Answer is what a receiver does with a request.
type Answer struct {
	// Result is "ok", the word that [verifiers.Reason] has for why the answer is
	// refused, or "none" if the request is an event.
	Result string `json:"result"`
	// Handshake is the name of the handshake, empty if it is none.
	Handshake string `json:"handshake,omitempty"`
	// Status is the HTTP status code of the answer.
	Status int `json:"status,omitempty"`
	// ContentType is that of the answer, empty exactly if Body is.
	ContentType string `json:"contentType,omitempty"`
	// Header are further headers of the answer.
	Header map[string]string `json:"header,omitempty"`
	// Body is that of the answer.
	Body string `json:"body,omitempty"`
	// Confirm is the URL that has to be fetched before the answer.
	Confirm string `json:"confirm,omitempty"`
	// Capture is the secret, or the code, that the request delivers.
	Capture string `json:"capture,omitempty"`
}

// vector returns what the two kinds have in common.
func (v *HandshakeVector) vector() *Vector {
	return &Vector{Keys: v.Keys, Options: v.Options, Certs: v.Certs, Now: v.Now, Request: v.Request}
}

// NewRequest returns a new request as a verifier takes it.
func (v *HandshakeVector) NewRequest() (*verifiers.Request, error) { return v.vector().NewRequest() }

// Config returns what a receiver with the vector's keys, options, documents and
// clock would configure.
func (v *HandshakeVector) Config() (verifiers.Config, error) { return v.vector().Config() }

// LoadHandshakes reads every handshakes/*.json of fsys, in the order of their
// names. That there is none, a member that is not known, or a vector that lacks
// something is an error.
func LoadHandshakes(fsys fs.FS) ([]HandshakeSuite, error) {
	names, err := fs.Glob(fsys, "handshakes/*.json")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, ErrEmpty
	}
	suites := make([]HandshakeSuite, len(names))
	for i, name := range names {
		if err := loadHandshakes(fsys, name, &suites[i]); err != nil {
			return nil, fmt.Errorf("loading %s: %w", name, err)
		}
	}
	return suites, nil
}

func loadHandshakes(fsys fs.FS, name string, s *HandshakeSuite) error {
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
	if name != "handshakes/"+s.Provider+".json" {
		return fmt.Errorf("%w: the provider is %q", ErrVector, s.Provider)
	}
	if len(s.Tests) == 0 {
		return ErrEmpty
	}
	for i := range s.Tests {
		v := &s.Tests[i]
		switch {
		case v.ID != i+1:
			return fmt.Errorf("%w: number %d has the id %d", ErrVector, i+1, v.ID)
		case v.Now.IsZero() || v.Comment == "" || v.Want.Result == "":
			return fmt.Errorf("%w: %d lacks now, comment or want", ErrVector, v.ID)
		case (v.Want.Result == noHandshake) != (v.Want.Handshake == ""), (v.Want.Result == "ok") != (v.Want.Status != 0):
			return fmt.Errorf("%w: what is wanted of %d contradicts itself", ErrVector, v.ID)
		}
		if _, err := v.NewRequest(); err != nil {
			return fmt.Errorf("vector %d: %w", v.ID, err)
		}
	}
	return nil
}

// RunHandshakes loads the handshakes of fsys and tests with each of them the
// provider that lookup finds: which handshake it is, the verdict on its signature
// where it is signed, and the answer, to the byte. Of every suite it asks that each
// handshake of the provider is answered, and that an event is taken for none.
func RunHandshakes(t *testing.T, fsys fs.FS, lookup func(name string) (verifiers.Provider, bool)) {
	t.Helper()
	suites, err := LoadHandshakes(fsys)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites {
		t.Run(s.Provider, func(t *testing.T) {
			t.Parallel()
			p, ok := lookup(s.Provider)
			if !ok {
				t.Fatalf("there is no provider %q", s.Provider)
			}
			answered := make([]bool, len(p.Handshakes))
			event := false
			for i := range s.Tests {
				v := &s.Tests[i]
				got, n := v.answer(t, p)
				if !got.equal(v.Want) {
					t.Errorf("%d, %s: got %+v, want %+v", v.ID, v.Comment, got, v.Want)
				}
				if n >= 0 && got.Result == "ok" {
					answered[n] = true
				}
				event = event || got.Result == noHandshake
			}
			for i, ok := range answered {
				if !ok {
					t.Errorf("handshake %d, %s, is never answered", i, p.Handshakes[i].Name)
				}
			}
			if !event {
				t.Error("there is no event among the vectors")
			}
		})
	}
}

// answer does what a receiver does, and returns the number of the handshake too, or
// -1.
func (v *HandshakeVector) answer(t *testing.T, p verifiers.Provider) (Answer, int) {
	t.Helper()
	req, err := v.NewRequest()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := v.Config()
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Handshakes {
		h := &p.Handshakes[i]
		if !h.Matches(req) {
			continue
		}
		got := Answer{Handshake: h.Name}
		if err := got.fill(t, p, h, req, cfg); err != nil {
			return Answer{Handshake: h.Name, Result: verifiers.Reason(err)}, i
		}
		got.Result = "ok"
		return got, i
	}
	return Answer{Result: noHandshake}, -1
}

func (a *Answer) fill(
	t *testing.T, p verifiers.Provider, h *verifiers.Handshake, req *verifiers.Request, cfg verifiers.Config,
) error {
	t.Helper()
	if h.Signed {
		verifier, err := p.New(cfg)
		if err != nil {
			t.Fatalf("building: %v", err)
		}
		if _, err := verifier.Verify(t.Context(), req); err != nil {
			return err
		}
	}
	answer, err := h.Answer(t.Context(), req, cfg)
	if err != nil {
		return err
	}
	a.Status, a.ContentType, a.Header, a.Body = answer.Status, answer.ContentType, answer.Header, string(answer.Body)
	if a.Confirm, err = h.ConfirmURL(req, cfg.Options); err != nil || h.Capture.IsZero() {
		return err
	}
	if a.Capture, err = h.Capture.Lookup(req); err != nil {
		return &verifiers.Error{Field: h.Capture.String(), Err: err}
	}
	return nil
}

func (a Answer) equal(b Answer) bool {
	return maps.Equal(a.Header, b.Header) && a.Result == b.Result && a.Handshake == b.Handshake && a.Status == b.Status &&
		a.ContentType == b.ContentType && a.Body == b.Body && a.Confirm == b.Confirm && a.Capture == b.Capture
}
