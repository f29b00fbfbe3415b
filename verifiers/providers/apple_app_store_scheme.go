package providers

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	appleBundle      = "bundle_id"
	appleEnvironment = "environment"
	appleApp         = "app_apple_id"
	appleRoot        = "root_ca"

	appleWord = "jws-es256"

	appleProduction, appleSandbox = "Production", "Sandbox"

	// appleTolerance is as long as Apple repeats a notification, rounded up.
	appleTolerance = 7 * 24 * time.Hour
	// appleSkew is how far signedDate may lie outside of a certificate's life.
	appleSkew = time.Minute
	// appleSignature is the length of the signature in base64.
	appleSignature = 86
)

// appleRootG3 is Apple Root CA - G3, whose SHA-256 is
// 63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179.
const appleRootG3 = `-----BEGIN CERTIFICATE-----
MIICQzCCAcmgAwIBAgIILcX8iNLFS5UwCgYIKoZIzj0EAwMwZzEbMBkGA1UEAwwS
QXBwbGUgUm9vdCBDQSAtIEczMSYwJAYDVQQLDB1BcHBsZSBDZXJ0aWZpY2F0aW9u
IEF1dGhvcml0eTETMBEGA1UECgwKQXBwbGUgSW5jLjELMAkGA1UEBhMCVVMwHhcN
MTQwNDMwMTgxOTA2WhcNMzkwNDMwMTgxOTA2WjBnMRswGQYDVQQDDBJBcHBsZSBS
b290IENBIC0gRzMxJjAkBgNVBAsMHUFwcGxlIENlcnRpZmljYXRpb24gQXV0aG9y
aXR5MRMwEQYDVQQKDApBcHBsZSBJbmMuMQswCQYDVQQGEwJVUzB2MBAGByqGSM49
AgEGBSuBBAAiA2IABJjpLz1AcqTtkyJygRMc3RCV8cWjTnHcFBbZDuWmBSp3ZHtf
TjjTuxxEtX/1H7YyYl3J6YRbTzBPEVoA/VhYDKX1DyxNB0cTddqXl5dvMVztK517
IDvYuVTZXpmkOlEKMaNCMEAwHQYDVR0OBBYEFLuw3qFYM4iapIqZ3r6966/ayySr
MA8GA1UdEwEB/wQFMAMBAf8wDgYDVR0PAQH/BAQDAgEGMAoGCCqGSM49BAMDA2gA
MGUCMQCD6cHEFl4aXTQY2e3v9GwOAEZLuN+yRhHFD/3meoyhpmvOwgPUnPWTxnS4
at+qIxUCMG1mihDK1A3UT82NQz60imOlM27jbdoXt2QfyFMm+YhidDkLF1vLUagM
6BgD56KyKA==
-----END CERTIFICATE-----`

var (
	applePayload = verifiers.JSON("/signedPayload")
	appleCovers  = verifiers.Coverage{Pointers: []string{"/signedPayload"}}
	// The marks that certificates for the App Store carry.
	appleLeafMark         = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 11, 1}
	appleIntermediateMark = asn1.ObjectIdentifier{1, 2, 840, 113635, 100, 6, 2, 1}
)

// appleScheme verifies a JWS that brings its certificates. Config.Keys is not
// used.
type appleScheme struct{}

func (appleScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	v := &appleVerifier{
		provider: provider, bundles: strings.Fields(cfg.Options[appleBundle]), apps: strings.Fields(cfg.Options[appleApp]),
		environment: cfg.Options[appleEnvironment], tolerance: cfg.Tolerance, now: cfg.Time,
	}
	option := func(name, problem string) (verifiers.Verifier, error) {
		return nil, fmt.Errorf("%s: %w %s %s", provider, verifiers.ErrOption, name, problem)
	}
	if v.environment == "" {
		v.environment = appleProduction
	}
	switch {
	case len(v.bundles) == 0:
		return option(appleBundle, "is missing")
	case v.environment != appleProduction && v.environment != appleSandbox:
		return option(appleEnvironment, "must be Production or Sandbox")
	case v.environment == appleProduction && len(v.apps) == 0:
		return option(appleApp, "is missing")
	}
	root := cfg.Options[appleRoot]
	if root == "" {
		root = appleRootG3
	}
	block, _ := pem.Decode([]byte(root))
	if block == nil {
		return option(appleRoot, "is not PEM")
	}
	var err error
	if v.root, err = x509.ParseCertificate(block.Bytes); err != nil {
		return option(appleRoot, "is not a certificate")
	}
	if v.tolerance == 0 {
		v.tolerance = appleTolerance
	}
	if v.now == nil {
		v.now = time.Now
	}
	return v, nil
}

// Places says where the JWS and its time are.
func (appleScheme) Places() verifiers.Places {
	return verifiers.Places{
		Scheme: appleWord, Covers: appleCovers, Signature: applePayload,
		Timestamp: applePayload.Claim("/signedDate"), Unit: verifiers.Milliseconds, Tolerance: appleTolerance,
	}
}

type appleVerifier struct {
	provider      string
	bundles, apps []string
	environment   string
	root          *x509.Certificate
	tolerance     time.Duration
	now           func() time.Time
	known         atomic.Pointer[appleChain] // the last good one; Apple rarely changes it
}

// appleChain is a verified chain, whose certificates are in force in between.
type appleChain struct {
	leaf, intermediate  string // base64, as in the JWS
	key                 *ecdsa.PublicKey
	notBefore, notAfter time.Time
}

// appleTarget is what a notification says about the app that it is for.
type appleTarget struct {
	BundleID           string      `json:"bundleId"`
	AppAppleID         json.Number `json:"appAppleId"`
	Environment        string      `json:"environment"`
	ExternalPurchaseID string      `json:"externalPurchaseId"`
}

type appleNotification struct {
	SignedDate            int64        `json:"signedDate"`
	Data                  *appleTarget `json:"data"`
	Summary               *appleTarget `json:"summary"`
	ExternalPurchaseToken *appleTarget `json:"externalPurchaseToken"`
	AppData               *appleTarget `json:"appData"`
}

func (v *appleVerifier) Verify(_ context.Context, req *verifiers.Request) (verifiers.Result, error) {
	text, err := applePayload.Lookup(req)
	if err != nil {
		return v.fail(applePayload.String(), err)
	}
	head, rest, _ := strings.Cut(text, ".")
	payload, tail, found := strings.Cut(rest, ".")
	var header struct {
		Alg  string          `json:"alg"`
		X5C  []string        `json:"x5c"`
		Crit json.RawMessage `json:"crit"`
	}
	var note appleNotification
	if !found || decodeSegment(head, &header) != nil || decodeSegment(payload, &note) != nil {
		return v.fail(applePayload.String(), verifiers.ErrMalformed)
	}
	if header.Alg != "ES256" || header.Crit != nil {
		return v.fail(applePayload.String(), verifiers.ErrUntrusted)
	}
	if note.SignedDate <= 0 {
		return v.fail("claim signedDate", verifiers.ErrMissing)
	}
	signed := time.UnixMilli(note.SignedDate)
	chain, err := v.chain(header.X5C, signed)
	if err != nil {
		return v.fail("header x5c", err)
	}
	if err := verifyES256(chain.key, head+"."+payload, tail); err != nil {
		return v.fail(applePayload.String(), err)
	}
	if field, err := v.ours(&note); err != nil {
		return v.fail(field, err)
	}
	if err := inWindow(v.now(), signed, v.tolerance); err != nil {
		return v.fail("claim signedDate", err)
	}
	return verifiers.Result{Signed: signed, Scheme: appleWord, Covers: &appleCovers}, nil
}

func (v *appleVerifier) fail(field string, err error) (verifiers.Result, error) {
	return verifiers.Result{}, &verifiers.Error{Provider: v.provider, Field: field, Err: err}
}

// chain returns the verified chain of a JWS: the leaf, an intermediate, and a
// root that is ignored, since only ours counts.
func (v *appleVerifier) chain(x5c []string, at time.Time) (*appleChain, error) {
	if len(x5c) != 3 {
		return nil, fmt.Errorf("length of the chain: %w", verifiers.ErrUntrusted)
	}
	c := v.known.Load()
	if c == nil || c.leaf != x5c[0] || c.intermediate != x5c[1] {
		var err error
		if c, err = v.verifyChain(x5c[0], x5c[1]); err != nil {
			return nil, err
		}
		v.known.Store(c)
	}
	if at.Add(appleSkew).Before(c.notBefore) || at.Add(-appleSkew).After(c.notAfter) {
		return nil, fmt.Errorf("validity of the chain: %w", verifiers.ErrUntrusted)
	}
	return c, nil
}

func (v *appleVerifier) verifyChain(leafText, intermediateText string) (*appleChain, error) {
	leaf, err := parseAppleCertificate(leafText)
	if err != nil {
		return nil, err
	}
	intermediate, err := parseAppleCertificate(intermediateText)
	if err != nil {
		return nil, err
	}
	key, ok := leaf.PublicKey.(*ecdsa.PublicKey)
	switch {
	case !ok || key.Curve != elliptic.P256():
		return nil, fmt.Errorf("key of the leaf: %w", verifiers.ErrUntrusted)
	case !intermediate.IsCA || !intermediate.BasicConstraintsValid:
		return nil, fmt.Errorf("the intermediate is no CA: %w", verifiers.ErrUntrusted)
	case string(intermediate.RawIssuer) != string(v.root.RawSubject) || string(leaf.RawIssuer) != string(intermediate.RawSubject):
		return nil, fmt.Errorf("names of the chain: %w", verifiers.ErrUntrusted)
	case intermediate.CheckSignatureFrom(v.root) != nil || leaf.CheckSignatureFrom(intermediate) != nil:
		return nil, fmt.Errorf("signatures of the chain: %w", verifiers.ErrUntrusted)
	case !marked(leaf, appleLeafMark) || !marked(intermediate, appleIntermediateMark):
		return nil, fmt.Errorf("marks of the chain: %w", verifiers.ErrUntrusted)
	}
	c := &appleChain{leaf: leafText, intermediate: intermediateText, key: key}
	c.notBefore, c.notAfter = leaf.NotBefore, leaf.NotAfter
	for _, cert := range []*x509.Certificate{intermediate, v.root} {
		if cert.NotBefore.After(c.notBefore) {
			c.notBefore = cert.NotBefore
		}
		if cert.NotAfter.Before(c.notAfter) {
			c.notAfter = cert.NotAfter
		}
	}
	return c, nil
}

// parseAppleCertificate reads a member of x5c, which is standard base64.
func parseAppleCertificate(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("decoding a certificate: %w", verifiers.ErrMalformed)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parsing a certificate: %w", verifiers.ErrMalformed)
	}
	return cert, nil
}

func marked(cert *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for i := range cert.Extensions {
		if cert.Extensions[i].Id.Equal(id) {
			return true
		}
	}
	return false
}

// ours reports whether the notification is for one of our apps.
func (v *appleVerifier) ours(note *appleNotification) (field string, err error) {
	target := note.Data
	switch {
	case target != nil:
	case note.Summary != nil:
		target = note.Summary
	case note.ExternalPurchaseToken != nil:
		target = note.ExternalPurchaseToken
		target.Environment = appleProduction
		if strings.HasPrefix(target.ExternalPurchaseID, "SANDBOX") {
			target.Environment = appleSandbox
		}
	case note.AppData != nil:
		target = note.AppData
	default:
		return "claim data", verifiers.ErrMissing
	}
	switch {
	case !slices.Contains(v.bundles, target.BundleID):
		return "claim bundleId", verifiers.ErrUntrusted
	case v.environment == appleProduction && !slices.Contains(v.apps, target.AppAppleID.String()):
		return "claim appAppleId", verifiers.ErrUntrusted
	case target.Environment != v.environment:
		return "claim environment", verifiers.ErrUntrusted
	}
	return "", nil
}

// decodeSegment decodes a part of a JWS, which is JSON.
func decodeSegment(text string, into any) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// verifyES256 checks the signature of a JWS. One of the right length that is not
// quite base64 is another text, and no less a mismatch.
func verifyES256(key *ecdsa.PublicKey, text, signature string) error {
	if len(signature) != appleSignature {
		return verifiers.ErrMalformed
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	digest := sha256.Sum256([]byte(text))
	if err != nil || !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return verifiers.ErrMismatch
	}
	return nil
}

// Interface guards.
var _ verifiers.Placer = appleScheme{}
