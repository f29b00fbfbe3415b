package providers

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // signature version 1 is RSA with SHA-1
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	snsTopics = "topic_arn"
	// snsTolerance is far longer than SNS retries, because the timestamp is
	// that of publishing. Replays within it are left to deduplication by
	// MessageId, which is signed.
	snsTolerance = 24 * time.Hour
	snsMinBits   = 2048
	// snsMembers is how many members an envelope may have, each of whose names is
	// remembered: SNS sends ten.
	snsMembers = 1000
)

var (
	// snsPin is where certificates come from.
	snsPin = verifiers.Pin{Hosts: snsHosts, PathSuffix: ".pem"}
	// snsSigned are the signed members, in the order in which they are signed.
	// Those that are absent are left out.
	snsSigned = []string{
		"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
	}
	snsRequired = []string{
		"Message", "MessageId", "Timestamp", "TopicArn", "Type", "Signature", "SignatureVersion", "SigningCertURL",
	}
	snsTypes = []string{"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"}
	snsRaw   = verifiers.Header("X-Amz-Sns-Rawdelivery")
)

// snsScheme verifies the signature of an SNS envelope. Config.Keys is not used:
// the key is in a certificate that the message names.
type snsScheme struct{}

func (snsScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: certificates are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	topics := strings.Fields(cfg.Options[snsTopics])
	if len(topics) == 0 {
		return nil, fmt.Errorf("%s: %w %s is missing", provider, verifiers.ErrOption, snsTopics)
	}
	for _, topic := range topics {
		if !strings.HasPrefix(topic, "arn:") || strings.Count(topic, ":") != 5 {
			return nil, fmt.Errorf("%s: %w %s: each must be an ARN like arn:aws:sns:us-east-1:123456789012:name",
				provider, verifiers.ErrOption, snsTopics)
		}
	}
	v := &snsVerifier{provider: provider, topics: topics, fetcher: cfg.Fetcher, tolerance: cfg.Tolerance, now: cfg.Time}
	if v.tolerance == 0 {
		v.tolerance = snsTolerance
	}
	if v.now == nil {
		v.now = time.Now
	}
	v.covers = snsCovers()
	return v, nil
}

func snsCovers() (c verifiers.Coverage) {
	for _, name := range snsSigned {
		c.Pointers = append(c.Pointers, "/"+name)
	}
	return c
}

type snsVerifier struct {
	provider  string
	topics    []string
	fetcher   verifiers.Fetcher
	tolerance time.Duration
	now       func() time.Time
	covers    verifiers.Coverage
}

// Verify looks at the topic first: a message from a stranger's topic is not
// worth fetching a certificate for.
func (v *snsVerifier) Verify(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
	var none verifiers.Result
	if raw := req.Header[snsRaw.Header]; len(raw) > 0 && !strings.EqualFold(raw[0], "false") {
		return none, v.fail(snsRaw.String(), verifiers.ErrUntrusted)
	}
	msg, field, err := parseSNS(req)
	if err != nil {
		return none, v.fail(field, err)
	}
	if !slices.Contains(v.topics, msg["TopicArn"]) {
		return none, v.fail("json /TopicArn", verifiers.ErrUntrusted)
	}
	signed, err := time.Parse(time.RFC3339Nano, msg["Timestamp"])
	if err != nil {
		return none, v.fail("json /Timestamp", verifiers.ErrMalformed)
	}
	hash, err := snsHash(msg)
	if err != nil {
		return none, v.fail("json /SignatureVersion", err)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(msg["Signature"])
	if err != nil {
		return none, v.fail("json /Signature", verifiers.ErrMalformed)
	}
	cert, err := v.certificate(ctx, msg["SigningCertURL"])
	if err != nil {
		return none, v.fail("json /SigningCertURL", err)
	}
	key, ok := cert.PublicKey.(*rsa.PublicKey)
	if !ok || key.N.BitLen() < snsMinBits {
		return none, v.fail("json /SigningCertURL", fmt.Errorf("key of the certificate: %w", verifiers.ErrUntrusted))
	}
	if rsa.VerifyPKCS1v15(key, hash, snsDigest(hash, msg), signature) != nil {
		return none, v.fail("json /Signature", verifiers.ErrMismatch)
	}
	switch age := v.now().Sub(signed); {
	case age > v.tolerance:
		return none, v.fail("json /Timestamp", verifiers.ErrStale)
	case age < -v.tolerance:
		return none, v.fail("json /Timestamp", verifiers.ErrFuture)
	}
	scheme := "rsa-sha256"
	if hash == crypto.SHA1 {
		scheme = "rsa-sha1"
	}
	return verifiers.Result{
		KeyID:  cert.SerialNumber.Text(16),
		Signed: signed,
		Scheme: scheme,
		Covers: &v.covers,
	}, nil
}

func (v *snsVerifier) fail(field string, err error) error {
	return &verifiers.Error{Provider: v.provider, Field: field, Err: err}
}

// certificate returns the certificate at a URL, if it is valid now. That it is
// served from a pinned host over HTTPS is what makes it trusted.
func (v *snsVerifier) certificate(ctx context.Context, url string) (*x509.Certificate, error) {
	if err := snsPin.Check(url); err != nil {
		return nil, err
	}
	doc, err := v.fetcher.Fetch(ctx, snsPin, url)
	if err != nil {
		return nil, fmt.Errorf("fetching the certificate: %w", verifiers.ErrUnavailable)
	}
	block, _ := pem.Decode(doc)
	if block == nil {
		return nil, fmt.Errorf("decoding the certificate: %w", verifiers.ErrUnavailable)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parsing the certificate: %w", verifiers.ErrUnavailable)
	}
	if now := v.now(); now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return nil, fmt.Errorf("validity of the certificate: %w", verifiers.ErrUntrusted)
	}
	return cert, nil
}

// parseSNS returns the envelope's members that are strings. Since not the bytes
// are signed but the members, an envelope that two parsers could read in two
// ways is malformed: one with a member twice, or with a member whose name
// differs from a signed one only in case.
func parseSNS(req *verifiers.Request) (msg map[string]string, field string, err error) {
	if req.CheckJSON() != nil {
		return nil, "body", verifiers.ErrMalformed
	}
	msg = make(map[string]string)
	seen := make(map[string]bool)
	for quoted, raw := range verifiers.WalkJSON(req.Body) {
		key, named := verifiers.JSONText(quoted)
		if !named || seen[key] || shadows(key) || len(seen) == snsMembers {
			return nil, "body", verifiers.ErrMalformed
		}
		seen[key] = true
		known := slices.Contains(snsSigned, key)
		value, isText := verifiers.JSONText(raw)
		switch {
		case isText && (known || slices.Contains(snsRequired, key)):
			msg[key] = value
		case known && !isText && !isNull(raw):
			return nil, "json /" + key, verifiers.ErrMalformed
		}
	}
	if len(seen) == 0 && !isObject(req.Body) {
		return nil, "body", verifiers.ErrMalformed
	}
	return checkSNS(msg)
}

// shadows reports whether a parser that ignores case would take the name for
// that of a signed member.
func shadows(name string) bool {
	for _, signed := range snsSigned {
		if name != signed && strings.EqualFold(name, signed) {
			return true
		}
	}
	return false
}

// checkSNS checks which members there are. None but the message may hold a line
// break, which separates members in the signed text.
func checkSNS(msg map[string]string) (map[string]string, string, error) {
	for _, name := range snsRequired {
		if msg[name] == "" && name != "Message" {
			return nil, "json /" + name, verifiers.ErrMissing
		}
	}
	if _, ok := msg["Message"]; !ok {
		return nil, "json /Message", verifiers.ErrMissing
	}
	if !slices.Contains(snsTypes, msg["Type"]) {
		return nil, "json /Type", verifiers.ErrMalformed
	}
	if msg["Type"] != snsTypes[0] {
		for _, name := range []string{"SubscribeURL", "Token"} {
			if msg[name] == "" {
				return nil, "json /" + name, verifiers.ErrMissing
			}
		}
	}
	for _, name := range snsSigned {
		if name != "Message" && strings.ContainsFunc(msg[name], unicode.IsControl) {
			return nil, "json /" + name, verifiers.ErrMalformed
		}
	}
	return msg, "", nil
}

func snsHash(msg map[string]string) (crypto.Hash, error) {
	switch msg["SignatureVersion"] {
	case "1":
		return crypto.SHA1, nil
	case "2":
		return crypto.SHA256, nil
	}
	return 0, verifiers.ErrUntrusted
}

func snsDigest(hash crypto.Hash, msg map[string]string) []byte {
	var text []byte
	for _, name := range snsSigned {
		if value, ok := msg[name]; ok {
			text = append(append(text, name...), '\n')
			text = append(append(text, value...), '\n')
		}
	}
	if hash == crypto.SHA1 {
		sum := sha1.Sum(text) //nolint:gosec // as above
		return sum[:]
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// Interface guards.
var _ verifiers.Scheme = snsScheme{}

// Places says where signature and time are in the envelope.
func (snsScheme) Places() verifiers.Places {
	return verifiers.Places{
		Scheme: "rsa-sha256", Covers: snsCovers(),
		Signature: verifiers.JSON("/Signature"), Timestamp: verifiers.JSON("/Timestamp"),
		Unit: verifiers.RFC3339, Tolerance: snsTolerance,
	}
}
