package caddymodule

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// Scheme describes how a sender that is not in the catalogue authenticates its
// requests.
type Scheme struct {
	// How the sender proves itself: `hmac`, `digest` (a hash of a text that has
	// the secret in it), `ed25519`, `ecdsa`, `rsa` (a
	// signature over parts of the request), `token` (a secret that it repeats),
	// `basic` (HTTP Basic, the secret being "user:password") or `jwt`. Required.
	// With `token` and `basic` nothing binds the sender to the content: whoever
	// sees one request can send others.
	Kind string `json:"kind"`
	// The hash function: `sha1`, `sha256`, `sha384` or `sha512`; for `hmac` and
	// `digest` also `md5`. Required for `hmac`, `digest`, `ecdsa` and `rsa`.
	Hash verifiers.Hash `json:"hash,omitempty"`
	// For `hmac`: the key is this hash of the secret. Default: the secret itself.
	KeyHash verifiers.Hash `json:"key_hash,omitempty"`
	// How the secret is written: `text`, `hex`, `base64`, `base64url`, `whsec`
	// (base64 after "whsec_"), `whpk`, `pem`, `nfkd` (text in Unicode's form KD) or
	// `any`. Default: `text`, or `any` for public keys.
	Key verifiers.KeyFormat `json:"key,omitempty"`
	// Where the signature is. Required, except for `token`, `basic` and `jwt`.
	Signature verifiers.Source `json:"signature,omitzero"`
	// How the signature is written: `hex` (default), `base64` or `base64url`.
	Encoding verifiers.Encoding `json:"encoding,omitempty"`
	// What is signed: text with the tokens {body}, {timestamp}, {id}, {url},
	// {header:Name}, {query:name}, {form:name}, {json:/pointer}, {req:method},
	// {req:path}, {req:host}, {req:query}, {secret}, {sha256:body} (also md5,
	// sha1, sha384, sha512) and {base64:body}; {{ and }} stand for braces. Default: `{body}`.
	Signed string `json:"signed,omitempty"`
	// Where the signed time is; it must be part of what is signed. With it,
	// requests that are too old or from the future are refused. Default: no
	// time, so that a captured request can be sent again until its id leaves
	// the deduplication window.
	Timestamp verifiers.Source `json:"timestamp,omitzero"`
	// How the time is written: `s` (Unix seconds, default), `ms`, `us`, `ns`,
	// `rfc3339` or `http_date`.
	Unit verifiers.TimeUnit `json:"unit,omitempty"`
	// How old, or how far in the future, a request may be. Default: 5m.
	Tolerance caddy.Duration `json:"tolerance,omitempty"`
	// Where the value of the token {id} is.
	ID verifiers.Source `json:"id,omitzero"`
	// The sender signs the body before it compresses it, for routes with
	// `max_decompressed`. Default: it signs the bytes that it sends.
	Uncompressed bool `json:"uncompressed,omitempty"`
	// For `ecdsa`: the signature is r and s side by side, not ASN.1 DER.
	Raw bool `json:"raw,omitempty"`
	// For `digest`: the values of the tokens are sorted before they are put
	// together.
	Sorted bool `json:"sorted,omitempty"`
	// For `rsa`: RSASSA-PSS, not PKCS #1 v1.5.
	PSS bool `json:"pss,omitempty"`

	// Where the token is, for `token` and `jwt`.
	Token verifiers.Source `json:"token,omitzero"`
	// For `jwt`: the permitted algorithms, such as `RS256`. Required there.
	Algorithms []string `json:"algorithms,omitempty"`
	// For `jwt`: the HTTPS URL of the sender's key set. With it there is no
	// secret.
	JWKS string `json:"jwks,omitempty"`
	// For `jwt`: the permitted issuers. Default: any.
	Issuers []string `json:"issuers,omitempty"`
	// For `jwt`: the required audience. Default: any.
	Audience string `json:"audience,omitempty"`
	// For `jwt`: the claim that holds the hash of the body. Default: none, and
	// then the body is not protected.
	BodyHash string `json:"body_hash,omitempty"`
	// For `jwt`: tokens without a time are accepted. Only for tokens that hold the
	// body or its hash.
	Timeless bool `json:"timeless,omitempty"`
	// For `jwt`: the hash function of that claim. Default: sha256.
	BodyHashAlg verifiers.Hash `json:"body_hash_alg,omitempty"`
	// For `jwt`: how that claim is written: `hex` (default), `base64` or
	// `base64url`.
	BodyHashEncoding verifiers.Encoding `json:"body_hash_encoding,omitempty"`

	// A request that the sender has really signed. A scheme that computes
	// something is only used if it accepts this request, and refuses it with a
	// bit of body, timestamp or signature flipped. Required, except for `token`
	// and `basic`.
	Example *Example `json:"example,omitempty"`
}

var (
	errSchemeKind = errors.New("write hmac, digest, ed25519, ecdsa, rsa, token, basic or jwt")
	errNotSigned  = errors.New("signature is missing: say where the sender puts it, such as `signature header X-Signature`")
	errNoHash     = errors.New("the hash is missing: write it after the scheme, such as `verify hmac sha256`")
	errNoToken    = errors.New("token is missing: say where the sender puts it, such as `token header X-Token`")
)

// build returns the scheme in the words of package verifiers.
func (s *Scheme) build() (verifiers.Scheme, error) {
	scheme, err := s.translate()
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", s.Kind, err)
	}
	return scheme, nil
}

func (s *Scheme) translate() (verifiers.Scheme, error) {
	switch s.Kind {
	case "hmac", "digest", "ed25519", "ecdsa", "rsa":
		if s.Signature.IsZero() {
			return nil, errNotSigned
		}
		if s.Hash == "" && s.Kind != "ed25519" {
			return nil, errNoHash
		}
	case "token", "jwt":
		if s.Token.IsZero() {
			return nil, errNoToken
		}
	}
	switch s.Kind {
	case "hmac":
		return verifiers.HMAC{Hash: s.Hash, KeyHash: s.KeyHash, Signed: s.signed(verifiers.KeyText)}, nil
	case "digest":
		return verifiers.Digest{Hash: s.Hash, Sorted: s.Sorted, Signed: s.signed(verifiers.KeyText)}, nil
	case "ed25519":
		return verifiers.Ed25519{Signed: s.signed(verifiers.KeyAny)}, nil
	case "ecdsa":
		return verifiers.ECDSA{Hash: s.Hash, Raw: s.Raw, Signed: s.signed(verifiers.KeyAny)}, nil
	case "rsa":
		return verifiers.RSA{Hash: s.Hash, PSS: s.PSS, Signed: s.signed(verifiers.KeyAny)}, nil
	case "token":
		return verifiers.Token{Source: s.Token, Key: s.Key}, nil
	case "basic":
		return verifiers.Basic{}, nil
	case "jwt":
		return verifiers.JWT{
			Token: s.Token, Algorithms: s.Algorithms, JWKS: s.JWKS, Issuers: s.Issuers, Audience: s.Audience,
			BodyHash: s.BodyHash, BodyHashAlg: s.BodyHashAlg, BodyHashEncoding: s.BodyHashEncoding,
			Tolerance: time.Duration(s.Tolerance), Timeless: s.Timeless, Key: s.Key,
		}, nil
	}
	return nil, errSchemeKind
}

func (s *Scheme) signed(key verifiers.KeyFormat) verifiers.Signed {
	if s.Key != "" {
		key = s.Key
	}
	content := s.Signed
	if content == "" {
		content = "{body}"
	}
	return verifiers.Signed{
		Signature: s.Signature, Encoding: s.Encoding, Content: content,
		Timestamp: s.Timestamp, Unit: s.Unit, Tolerance: time.Duration(s.Tolerance),
		ID: s.ID, Key: key,
	}
}

// CustomProvider describes a sender that is not in the catalogue, so that
// routes can use it by its name like a built-in one.
type CustomProvider struct {
	// How the sender authenticates its requests. Required.
	Verify *Scheme `json:"verify"`
	// Where a delivery's identity is: the same on every retry of one event.
	// Default: none, and then retries cannot be recognised.
	EventID verifiers.Source `json:"event_id,omitzero"`
	// Where the event's type is.
	EventType verifiers.Source `json:"event_type,omitzero"`
	// Where the event's time is.
	EventTime verifiers.Source `json:"event_time,omitzero"`
	// How one request becomes several events: where the array is, and where each
	// element has its id, type and time. Default: each request is one event.
	Batch *verifiers.Batch `json:"batch,omitempty"`
	// JSON Pointers of members that differ between the deliveries of one event,
	// such as the number of the attempt; in a batch they begin at the element. A
	// retry that differs only there is a duplicate. Default: none.
	Varies []string `json:"varies,omitempty"`
	// What goes before the type in `ce-type`, in reverse DNS: `com.example`.
	TypePrefix string `json:"type_prefix,omitempty"`
	// The HTTP methods of events. Default: POST.
	Methods []string `json:"methods,omitempty"`
	// The media types of events. Default: any.
	ContentTypes []string `json:"content_types,omitempty"`
	// The largest body in bytes. Default: 1 MiB.
	MaxBody int64 `json:"max_body,omitempty"`
	// Where the sender publishes the addresses that it sends from, for routes with
	// `allow_ips` and the word `provider`. Default: it does not.
	Addresses []verifiers.AddressList `json:"addresses,omitempty"`
	// How long the sender waits for the answer. Default: 10s.
	Deadline caddy.Duration `json:"deadline,omitempty"`
	// The time between a delivery and its last retry; the deduplication window
	// is at least as long. Default: 24h.
	Retries caddy.Duration `json:"retries,omitempty"`
	// Request headers to hand to consumers. Default: those that carry the
	// signature.
	Headers []string `json:"headers,omitempty"`
}

func (c *CustomProvider) build(name string) (verifiers.Provider, error) {
	if c.Verify == nil {
		return verifiers.Provider{}, fmt.Errorf("provider %s: verify is missing: say how it signs, such as `verify hmac sha256 { ... }`", name)
	}
	scheme, err := c.Verify.build()
	if err != nil {
		return verifiers.Provider{}, fmt.Errorf("provider %s: %w", name, err)
	}
	return verifiers.Provider{
		Name: name, Title: name, Scheme: scheme, SignsUncompressed: c.Verify.Uncompressed,
		ID: c.EventID, Type: c.EventType, Time: c.EventTime, TypePrefix: c.TypePrefix, Batch: c.Batch, Varies: c.Varies,
		Addresses: c.Addresses,
		Methods:   c.Methods, ContentTypes: c.ContentTypes, MaxBody: c.MaxBody,
		Deadline: time.Duration(c.Deadline), RetrySpan: time.Duration(c.Retries), Headers: c.Headers,
	}, nil
}
