package verifiers

import (
	"context"
	"crypto"
	"net/http"
	"net/url"
	"time"
)

type document struct{}
type form struct{}
type derived struct{}
type resultKey struct{}
type middleware struct {
	v       Verifier
	maxBody int64
	next    http.Handler
}

func (m *middleware) ServeHTTP(http.ResponseWriter, *http.Request)      { panic("stub") }
func newKey(id string, secret []byte) (*Key, error)                     { panic("stub") }
func newPublicKey(id string, pub crypto.PublicKey) (*Key, error)        { panic("stub") }
func (k *Key) until(t time.Time) *Key                                   { panic("stub") }
func newVerifier(p Provider, cfg Config) (Verifier, error)              { panic("stub") }
func sign(p Provider, req *Request, cfg Config, at time.Time) error     { panic("stub") }
func (s Source) lookup(r *Request) (string, error)                      { panic("stub") }
func (p Pin) check(string) error                                        { panic("stub") }
func (h *Handshake) answer(*Request, map[string]string) (Answer, error) { panic("stub") }
func (h *Handshake) confirmURL(*Request, map[string]string) (string, error) {
	panic("stub")
}
func (HMAC) Build(string, Config) (Verifier, error)    { panic("stub") }
func (Ed25519) Build(string, Config) (Verifier, error) { panic("stub") }
func (ECDSA) Build(string, Config) (Verifier, error)   { panic("stub") }
func (RSA) Build(string, Config) (Verifier, error)     { panic("stub") }
func (Token) Build(string, Config) (Verifier, error)   { panic("stub") }
func (Basic) Build(string, Config) (Verifier, error)   { panic("stub") }
func (JWT) Build(string, Config) (Verifier, error)     { panic("stub") }

var _ = context.Background

func (r *Request) json() (any, error)              { panic("stub") }
func (r *Request) formValues() (url.Values, error) { panic("stub") }
