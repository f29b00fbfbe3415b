package cli

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// secretNames are names of environment variables besides the default, as the
// example configuration has them.
var secretNames = map[string]string{
	"slack": "SLACK_SIGNING_SECRET", "shopify": "SHOPIFY_CLIENT_SECRET", "gitlab": "GITLAB_WEBHOOK_TOKEN",
}

// secretVariables returns the environment variables in which a provider's secret
// is looked for.
func secretVariables(provider string) []string {
	names := []string{strings.ToUpper(strings.ReplaceAll(provider, "-", "_")) + "_WEBHOOK_SECRET"}
	if name, ok := secretNames[provider]; ok {
		names = append(names, name)
	}
	return names
}

// secretKey reads the key from where the options say.
func secretKey(p verifiers.Provider, o *SendOptions) (*verifiers.Key, error) {
	private := isPublicKey(p.Scheme)
	if o.SecretFile != "" {
		text, err := os.ReadFile(o.SecretFile)
		if err != nil {
			return nil, ofFile(fmt.Errorf("reading the secret: %w", err))
		}
		if private {
			return privateKey(o.SecretFile, text)
		}
		return newKey(o.SecretFile, strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"))
	}
	if private {
		return nil, fmt.Errorf("%w: %s signs with a private key that only the sender has: make one of your own for tests and "+
			"name it with --secret-file, PEM in PKCS #8 as `%s` writes it, and give the receiver the public "+
			"half that --public-key prints", ErrUsage, p.Name, generate(p.Scheme))
	}
	names := []string{o.SecretEnv}
	if o.SecretEnv == "" {
		names = secretVariables(p.Name)
	}
	for _, name := range names {
		if value := o.getenv(name); value != "" {
			return newKey(name, value)
		}
	}
	return nil, fmt.Errorf("%w: no secret in the environment variable %s: set it, name another with --secret-env, or a file with --secret-file (%s)",
		ErrUsage, strings.Join(names, " or "), p.SecretHint)
}

func newKey(from, secret string) (*verifiers.Key, error) {
	key, err := verifiers.NewKey(from, []byte(secret))
	if err != nil {
		return nil, ofFile(fmt.Errorf("%s: %w", from, err))
	}
	return key, nil
}

func isPublicKey(s verifiers.Scheme) bool {
	switch s.(type) {
	case verifiers.Ed25519, verifiers.ECDSA, verifiers.RSA:
		return true
	}
	return false
}

// generate is a command that makes a private key for the scheme.
func generate(s verifiers.Scheme) string {
	switch s.(type) {
	case verifiers.ECDSA:
		return "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem"
	case verifiers.RSA:
		return "openssl genpkey -algorithm RSA -out key.pem"
	}
	return "openssl genpkey -algorithm ed25519 -out key.pem"
}

// errNoPrivateKey never says what the file holds.
var errNoPrivateKey = errors.New("it is not a private key in PEM (PKCS #8, without a passphrase)")

func parsePrivate(text []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		default:
			continue // such as EC PARAMETERS
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, errNoPrivateKey
		}
		return signer, nil
	}
	return nil, errNoPrivateKey
}

func privateKey(from string, text []byte) (*verifiers.Key, error) {
	signer, err := parsePrivate(text)
	if err != nil {
		return nil, ofFile(fmt.Errorf("%s: %w", from, err))
	}
	key, err := verifiers.NewPrivateKey(from, signer)
	if err != nil {
		return nil, ofFile(fmt.Errorf("%s: %w", from, err))
	}
	return key, nil
}

// publicText writes the public half of a private key as the provider's format
// of keys is.
func publicText(p verifiers.Provider, file string) (string, error) {
	if !isPublicKey(p.Scheme) {
		return "", fmt.Errorf("%w: --public-key: %s has a shared secret and no public key", ErrUsage, p.Name)
	}
	if file == "" {
		return "", fmt.Errorf("%w: --public-key: name the private key with --secret-file", ErrUsage)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", ofFile(fmt.Errorf("reading the private key: %w", err))
	}
	signer, err := parsePrivate(text)
	if err != nil {
		return "", ofFile(fmt.Errorf("%s: %w", file, err))
	}
	raw, isEd25519 := signer.Public().(ed25519.PublicKey)
	switch format := signed(p.Scheme).Key; {
	case format == verifiers.KeyHex && isEd25519:
		return hex.EncodeToString(raw), nil
	case format == verifiers.KeyWhpk && isEd25519:
		return "whpk_" + base64.StdEncoding.EncodeToString(raw), nil
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return "", ofFile(fmt.Errorf("%s: %w", file, err))
	}
	return base64.StdEncoding.EncodeToString(der), nil
}

// signed returns what the scheme signs, if it says so.
func signed(s verifiers.Scheme) verifiers.Signed {
	switch s := s.(type) {
	case verifiers.HMAC:
		return s.Signed
	case verifiers.Digest:
		return s.Signed
	case verifiers.Ed25519:
		return s.Signed
	case verifiers.ECDSA:
		return s.Signed
	case verifiers.RSA:
		return s.Signed
	}
	return verifiers.Signed{}
}
