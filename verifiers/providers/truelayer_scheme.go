package providers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	trueLayerEnvironment = "environment"
	trueLayerWord        = "jws-es512"
	// trueLayerTolerance is as long as retries go on, since it is not documented
	// whether they carry a new timestamp.
	trueLayerTolerance = 72 * time.Hour
)

var (
	trueLayerSignature = verifiers.Header("Tl-Signature")
	trueLayerTimestamp = verifiers.Header("X-Tl-Webhook-Timestamp")
	trueLayerKeys      = map[string]string{
		"live":    "https://webhooks.truelayer.com/.well-known/jwks",
		"sandbox": "https://webhooks.truelayer-sandbox.com/.well-known/jwks",
	}
)

// trueLayerScheme verifies a detached JWS. Config.Keys is not used.
type trueLayerScheme struct{}

func (trueLayerScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	environment := cfg.Options[trueLayerEnvironment]
	if environment == "" {
		environment = "live"
	}
	address, ok := trueLayerKeys[environment]
	if !ok {
		return nil, fmt.Errorf("%s: %w %s: want live or sandbox", provider, verifiers.ErrOption, trueLayerEnvironment)
	}
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: keys are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	v := &trueLayerVerifier{
		provider: provider, address: address, fetcher: cfg.Fetcher, tolerance: cfg.Tolerance, now: cfg.Time,
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(address, "https://"), "/")
	v.pin = verifiers.Pin{Hosts: []string{host}}
	if v.tolerance == 0 {
		v.tolerance = trueLayerTolerance
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, nil
}

// Places says where signature and timestamp are. Further headers may be signed.
func (trueLayerScheme) Places() verifiers.Places {
	return verifiers.Places{
		Scheme:    trueLayerWord,
		Covers:    verifiers.Coverage{Body: true, Method: true, Headers: []string{trueLayerTimestamp.Header}},
		Signature: trueLayerSignature, Timestamp: trueLayerTimestamp, Unit: verifiers.RFC3339, Tolerance: trueLayerTolerance,
	}
}

type trueLayerVerifier struct {
	provider  string
	address   string
	pin       verifiers.Pin
	fetcher   verifiers.Fetcher
	tolerance time.Duration
	now       func() time.Time
}

// trueLayerHeader is the header of the JWS.
type trueLayerHeader struct {
	Alg     string          `json:"alg"`
	Kid     string          `json:"kid"`
	Version string          `json:"tl_version"`
	Headers string          `json:"tl_headers"`
	JKU     string          `json:"jku"`
	Crit    json.RawMessage `json:"crit"`
}

func (v *trueLayerVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	text, err := trueLayerSignature.Lookup(req)
	if err != nil {
		return v.fail(trueLayerSignature.String(), err)
	}
	head, signature, header, err := parseTrueLayer(text)
	if err != nil {
		return v.fail(trueLayerSignature.String(), err)
	}
	if header.Alg != "ES512" || header.Version != "2" || header.JKU != v.address || header.Crit != nil {
		return v.fail(trueLayerSignature.String(), verifiers.ErrUntrusted)
	}
	stamp, err := trueLayerTimestamp.Lookup(req)
	if err != nil {
		return v.fail(trueLayerTimestamp.String(), err)
	}
	signed, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return v.fail(trueLayerTimestamp.String(), verifiers.ErrMalformed)
	}
	headers, covers, field, err := trueLayerText(req, header.Headers)
	if err != nil {
		return v.fail(field, err)
	}
	key, err := v.key(ctx, header.Kid)
	if err != nil {
		return v.fail(trueLayerSignature.String(), err)
	}
	if !v.fits(key, head, signature, req, headers) {
		return v.fail(trueLayerSignature.String(), verifiers.ErrMismatch)
	}
	if err := inWindow(v.now(), signed, v.tolerance); err != nil {
		return v.fail(trueLayerTimestamp.String(), err)
	}
	return verifiers.Result{KeyID: header.Kid, Signed: signed, Scheme: trueLayerWord, Covers: covers}, nil
}

func (v *trueLayerVerifier) fail(field string, err error) (verifiers.Result, error) {
	return verifiers.Result{}, &verifiers.Error{Provider: v.provider, Field: field, Err: err}
}

// fits tries the path as it was called and with the slash at its end the other
// way, since frameworks and consoles differ in it.
func (v *trueLayerVerifier) fits(key *ecdsa.PublicKey, head string, signature []byte, req *verifiers.Request, headers string) bool {
	path := req.URL.EscapedPath()
	other := strings.TrimSuffix(path, "/")
	if other == path {
		other += "/"
	}
	half := len(signature) / 2
	r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
	for _, p := range []string{path, other} {
		h := sha512.New()
		_, _ = h.Write([]byte(head + "."))
		payload := base64.NewEncoder(base64.RawURLEncoding, h)
		_, _ = payload.Write([]byte(req.Method + " " + p + "\n" + headers))
		_, _ = payload.Write(req.Body)
		_ = payload.Close()
		if ecdsa.Verify(key, h.Sum(nil), r, s) {
			return true
		}
	}
	return false
}

// parseTrueLayer takes a JWS without a payload apart. A signature is as long as
// two numbers of the curve P-521.
func parseTrueLayer(text string) (head string, signature []byte, header trueLayerHeader, err error) {
	head, rest, _ := strings.Cut(text, ".")
	tail, detached := strings.CutPrefix(rest, ".")
	if !detached || len(text) > 8<<10 || strings.ContainsAny(text, "\r\n") {
		return "", nil, header, verifiers.ErrMalformed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return "", nil, header, verifiers.ErrMalformed
	}
	signature, err = base64.RawURLEncoding.Strict().DecodeString(tail)
	if err != nil || len(signature) != 132 {
		return "", nil, header, verifiers.ErrMalformed
	}
	return head, signature, header, nil
}

// trueLayerText returns the headers as they are signed: in the order and the
// spelling of the list, of which the timestamp must be one.
func trueLayerText(req *verifiers.Request, list string) (text string, covers *verifiers.Coverage, field string, err error) {
	covers = &verifiers.Coverage{Body: true, Method: true}
	var b strings.Builder
	stamped := false
	for name := range strings.SplitSeq(list, ",") {
		source := verifiers.Header(name)
		if name == "" || slices.Contains(covers.Headers, source.Header) {
			return "", nil, trueLayerSignature.String(), verifiers.ErrMalformed
		}
		values := req.Header[source.Header]
		switch {
		case len(values) == 0:
			return "", nil, "header named in " + trueLayerSignature.String(), verifiers.ErrMissing
		case len(values) > 1:
			return "", nil, "header named in " + trueLayerSignature.String(), verifiers.ErrMalformed
		}
		covers.Headers = append(covers.Headers, source.Header)
		stamped = stamped || source.Header == trueLayerTimestamp.Header
		b.WriteString(name + ": " + values[0] + "\n")
	}
	if !stamped {
		return "", nil, trueLayerSignature.String(), verifiers.ErrUntrusted
	}
	return b.String(), covers, "", nil
}

// key returns the key with this id. TrueLayer leaves out leading zeros of
// coordinates, which RFC 7518 does not permit, and calls the algorithm "EC".
func (v *trueLayerVerifier) key(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	doc, err := v.fetcher.Fetch(ctx, v.pin, v.address)
	if err != nil {
		return nil, fmt.Errorf("fetching the key set: %w", verifiers.ErrUnavailable)
	}
	var set struct {
		Keys []struct{ Kty, Kid, Crv, X, Y string }
	}
	if json.Unmarshal(doc, &set) != nil {
		return nil, fmt.Errorf("parsing the key set: %w", verifiers.ErrUnavailable)
	}
	for _, k := range set.Keys {
		if kid == "" || k.Kid != kid || k.Kty != "EC" || k.Crv != "P-521" {
			continue
		}
		const size = 66
		x, errX := base64.RawURLEncoding.DecodeString(k.X)
		y, errY := base64.RawURLEncoding.DecodeString(k.Y)
		if errX != nil || errY != nil || len(x) > size || len(y) > size {
			return nil, fmt.Errorf("parsing a key of the set: %w", verifiers.ErrUnavailable)
		}
		point := make([]byte, 1+2*size)
		point[0] = 4
		copy(point[1+size-len(x):], x)
		copy(point[1+2*size-len(y):], y)
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P521(), point)
		if err != nil {
			return nil, fmt.Errorf("parsing a key of the set: %w", verifiers.ErrUnavailable)
		}
		return key, nil
	}
	return nil, verifiers.ErrUnknownKey
}

// Interface guards.
var _ verifiers.Placer = trueLayerScheme{}
