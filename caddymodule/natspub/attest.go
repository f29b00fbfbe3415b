package natspub

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

const (
	// headerAttestation is the version, the id of the key, and the signature in
	// base64url, with dots between them.
	headerAttestation = "ce-whsig"
	// attestationVersion begins the header, and attestationContext what is signed,
	// so that the signature means nothing anywhere else.
	attestationVersion = "v1"
	attestationContext = "caddy-webhooks attestation v1\n"
	// attestationRoom is what the header needs in bytes, name and all.
	attestationRoom = 128
	attestedKeyID   = 16 // hex digits
)

// ErrAttestationKey: the key to sign events with is none.
var ErrAttestationKey = errors.New("it is not an Ed25519 private key")

// Attester signs events, so that whoever has its public key can prove that a
// gateway with the key has verified them, wherever they came through. It is safe
// for concurrent use.
type Attester struct {
	key       ed25519.PrivateKey
	id        string
	publicKey string
}

// NewAttester returns the attester with a private key: the seed of an nkey (of any
// kind but a curve's), or PKCS #8 in PEM as `openssl genpkey -algorithm ed25519`
// writes it. The error wraps [ErrAttestationKey] and holds nothing of the key.
func NewAttester(secret []byte) (*Attester, error) {
	key, err := attestationKey(secret)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAttestationKey, err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAttestationKey, err)
	}
	sum := sha256.Sum256(der)
	return &Attester{key: key, id: hex.EncodeToString(sum[:])[:attestedKeyID], publicKey: base64.StdEncoding.EncodeToString(der)}, nil
}

// KeyID names the key in the header: the first 16 hex digits of the SHA-256 of the
// public key as in PublicKey.
func (a *Attester) KeyID() string { return a.id }

// PublicKey returns the public key as base64 of its SubjectPublicKeyInfo: what
// stands between the lines of a PEM file.
func (a *Attester) PublicKey() string { return a.publicKey }

func attestationKey(secret []byte) (ed25519.PrivateKey, error) {
	text := strings.TrimSpace(string(secret))
	switch {
	case strings.HasPrefix(text, "-----BEGIN"):
		return attestationPEM([]byte(text))
	case strings.HasPrefix(text, "SX"):
		return nil, errors.New("the nkey is of a curve and cannot sign: use one of a user, which begins with SU")
	case strings.HasPrefix(text, "S"):
		_, seed, err := nkeys.DecodeSeed([]byte(text))
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, errors.New("it looks like the seed of an nkey and is damaged: copy it again")
		}
		return ed25519.NewKeyFromSeed(seed), nil
	}
	return nil, errors.New("use the seed of an nkey, which begins with S, or PKCS #8 in PEM, as `openssl genpkey -algorithm ed25519` makes it")
}

func attestationPEM(text []byte) (ed25519.PrivateKey, error) {
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, errors.New("the PEM is damaged: copy it again")
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, errors.New("there is something behind the key: use a file with the key alone")
	case block.Type != "PRIVATE KEY":
		return nil, fmt.Errorf("the PEM holds a %q: use an unencrypted private key in PKCS #8", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private key in the PEM cannot be read: make one with `openssl genpkey -algorithm ed25519`")
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("it is a key of another kind: make one with `openssl genpkey -algorithm ed25519`")
	}
	return private, nil
}

// attest signs the headers of an event, if there is a key, and if something was
// proven about its sender: what nobody has verified nobody vouches for.
func (p *Publisher) attest(h nats.Header, e *gateway.Event) {
	a := p.cfg.Attester
	if a == nil || e.Trust == gateway.Unverified {
		return
	}
	signature := ed25519.Sign(a.key, attested(h))
	h[headerAttestation] = []string{attestationVersion + "." + a.id + "." + base64.RawURLEncoding.EncodeToString(signature)}
}

// unattested are the headers that a signature does not cover, because they are
// added when it is made or later: itself, where a large body is, and the marks of
// a replay. Within version 1 the list stays as it is.
var unattested = []string{headerAttestation, headerDataRef, headerReplay, headerReplaySeq}

// attested returns what is signed: a line for each value of a ce- or Wh-H- header, by
// their names in the order of their bytes, and the values of one name in theirs. The
// body is covered by its hash among them. Neither the subject nor what belongs to NATS
// is: an event may be moved and stays what it is.
//
// No other headers make the same text: a name has no colon, neither has a line feed,
// for which whoever checks has to look, and the order of values counts. Names in
// another case are covered too, though there are none here: a consumer that does not
// look at the case must not find others added to them.
func attested(h nats.Header) []byte {
	names := make([]string, 0, len(h))
	size := len(attestationContext)
	for name, values := range h {
		if !isAttested(name) {
			continue
		}
		names = append(names, name)
		for _, value := range values {
			size += len(name) + len(":") + len(value) + len("\n")
		}
	}
	slices.Sort(names)
	text := append(make([]byte, 0, size), attestationContext...)
	for _, name := range names {
		for _, value := range h[name] {
			text = append(text, name...)
			text = append(text, ':')
			text = append(text, textproto.TrimString(value)...) // as clients send and read it
			text = append(text, '\n')
		}
	}
	return text
}

// isAttested reports whether a header is covered.
func isAttested(name string) bool {
	for _, prefix := range [...]string{"ce-", "Wh-H-"} {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return !slices.Contains(unattested, name)
		}
	}
	return false
}
