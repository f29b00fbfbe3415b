package cli

import (
	"crypto"
	"crypto/x509"
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
// is looked for: the last one is what the pages of the providers write.
func secretVariables(provider string) []string {
	names := []string{variable(provider) + "_WEBHOOK_SECRET"}
	if name, ok := secretNames[provider]; ok {
		names = append(names, name)
	}
	return append(names, secretVariable(provider))
}

// variable is the beginning of the names of a provider's variables.
func variable(provider string) string {
	return strings.ToUpper(strings.ReplaceAll(provider, "-", "_"))
}

// secretKey reads the key from where the options say. The error wraps [ErrUsage]
// if there is none, or if it is malformed, and never holds the key.
func secretKey(p verifiers.Provider, o *SendOptions) (*verifiers.Key, error) {
	private := keyTypeOf(p).public()
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
	if private && o.SecretEnv == "" {
		return nil, fmt.Errorf("%w: %s signs with a private key that only the sender has: make one for tests with "+
			"`caddy webhooks sign %s --generate-key key.pem`, give the receiver the public half that it prints, and name the file with --secret-file",
			ErrUsage, p.Name, p.Name)
	}
	names := []string{o.SecretEnv}
	if o.SecretEnv == "" {
		names = secretVariables(p.Name)
	}
	for _, name := range names {
		switch value := o.getenv(name); {
		case value == "":
		case private:
			return privateKey(name, []byte(value))
		default:
			return newKey(name, value)
		}
	}
	hint := ""
	if p.SecretHint != "" {
		hint = " (" + p.SecretHint + ")"
	}
	return nil, fmt.Errorf("%w: no secret in the environment variable %s: set it, name another with --secret-env, or a file with --secret-file%s",
		ErrUsage, strings.Join(names, " or "), hint)
}

func newKey(from, secret string) (*verifiers.Key, error) {
	key, err := verifiers.NewKey(from, []byte(secret))
	if err != nil {
		return nil, ofFile(fmt.Errorf("%s: %w", from, err))
	}
	return key, nil
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

// privateKey reads a key that signs. Its id is its public half's, which JSON Web
// Tokens name: neither a path nor anything else of this machine.
func privateKey(from string, text []byte) (*verifiers.Key, error) {
	signer, err := parsePrivate(text)
	if err != nil {
		return nil, ofFile(fmt.Errorf("%s: %w", from, err))
	}
	key, err := signingKey(signer)
	if err != nil {
		return nil, ofFile(fmt.Errorf("%s: %w", from, err))
	}
	return key, nil
}

func signingKey(signer crypto.Signer) (*verifiers.Key, error) {
	id, err := keyID(signer.Public())
	if err != nil {
		return nil, err
	}
	return verifiers.NewPrivateKey(id, signer)
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
