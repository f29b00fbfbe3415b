package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	secretBytes = 32
	rsaBits     = 2048
)

// keyType is what a sender signs with. The zero value is a shared secret.
type keyType struct {
	ed25519, rsa bool
	curve        elliptic.Curve // of ECDSA
}

func (t keyType) public() bool { return t.ed25519 || t.rsa || t.curve != nil }

// fetchedKeys are the keys of providers whose receivers fetch the public half, so that
// they cannot be asked which kind they take.
var fetchedKeys = map[string]keyType{
	"alexa": {rsa: true}, "apple-app-store": {curve: elliptic.P256()}, "aws-sns": {rsa: true}, "dyte": {rsa: true},
	"fal": {ed25519: true}, "fireblocks": {rsa: true}, "google-chat": {rsa: true}, "google-play-rtdn": {rsa: true},
	"google-pubsub-push": {rsa: true}, "kick": {rsa: true}, "microsoft-teams-bot": {rsa: true}, "neon-auth": {ed25519: true},
	"paypal": {rsa: true}, "shipengine": {rsa: true}, "smartthings": {rsa: true}, "travis-ci": {rsa: true},
	"truelayer": {curve: elliptic.P521()}, "turnkey": {ed25519: true},
}

// keyTypeOf returns what the provider signs with. A scheme of the provider's own
// says it by the keys that it takes.
func keyTypeOf(p verifiers.Provider) keyType {
	if t, ok := fetchedKeys[p.Name]; ok {
		return t
	}
	switch s := p.Scheme.(type) {
	case verifiers.Ed25519:
		return keyType{ed25519: true}
	case verifiers.RSA:
		return keyType{rsa: true}
	case verifiers.ECDSA:
		return keyType{curve: elliptic.P256()}
	case verifiers.JWT:
		if len(s.Algorithms) > 0 {
			return algorithmKey(s.Algorithms[0])
		}
		return keyType{}
	case verifiers.HMAC, verifiers.Digest, verifiers.Token, verifiers.Basic:
		return keyType{}
	}
	// No key is made for this: what counts is what the scheme says of its kind.
	n := new(big.Int).Lsh(big.NewInt(1), rsaBits-1)
	for _, candidate := range []struct {
		keyType
		key crypto.PublicKey
	}{
		{keyType{ed25519: true}, ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))},
		{keyType{curve: elliptic.P256()}, &ecdsa.PublicKey{Curve: elliptic.P256()}},
		{keyType{rsa: true}, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}},
	} {
		key, err := verifiers.NewPublicKey("k", candidate.key)
		if err != nil {
			continue
		}
		if _, err := p.New(verifiers.Config{Keys: verifiers.Keys{key}, Options: exampleOptions(p)}); err == nil {
			return candidate.keyType
		}
	}
	return keyType{}
}

// algorithmKey is the key of an algorithm of JSON Web Tokens.
func algorithmKey(name string) keyType {
	switch {
	case name == "EdDSA":
		return keyType{ed25519: true}
	case strings.HasPrefix(name, "RS"), strings.HasPrefix(name, "PS"):
		return keyType{rsa: true}
	}
	return keyType{curve: map[string]elliptic.Curve{
		"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521(),
	}[name]}
}

// exampleOptions has a value for each option that has to be there, and those of the
// sample event.
func exampleOptions(p verifiers.Provider) map[string]string {
	options := maps.Clone(SampleOptions(p.Name))
	for _, o := range p.Options {
		if o.Required && options[o.Name] == "" {
			options[o.Name] = or(o.Example, "x")
		}
	}
	return options
}

// generate makes a private key.
func (t keyType) generate() (crypto.Signer, error) {
	switch {
	case t.ed25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case t.rsa:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case t.curve != nil:
		return ecdsa.GenerateKey(t.curve, rand.Reader)
	}
	return nil, errors.New("a shared secret is not a pair of keys")
}

// freshKey makes a random key of the kind that the provider's scheme takes.
func freshKey(p verifiers.Provider) (*verifiers.Key, error) {
	if t := keyTypeOf(p); t.public() {
		signer, err := t.generate()
		if err != nil {
			return nil, fmt.Errorf("making a key: %w", err)
		}
		return signingKey(signer)
	}
	secret, err := freshSecret(p)
	if err != nil {
		return nil, err
	}
	return verifiers.NewKey("fresh", []byte(secret))
}

// freshSecret makes a strong secret, written as the provider writes its secrets:
// 32 random bytes.
func freshSecret(p verifiers.Provider) (string, error) {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // it never fails
	text := hex.EncodeToString(raw)
	whsec := "whsec_" + base64.StdEncoding.EncodeToString(raw)
	var forms []string
	switch secretFormat(p.Scheme) {
	case verifiers.KeyWhsec:
		forms = []string{whsec}
	case verifiers.KeyBase64:
		forms = []string{base64.StdEncoding.EncodeToString(raw)}
	case verifiers.KeyBase64URL:
		forms = []string{base64.RawURLEncoding.EncodeToString(raw)}
	default:
		if strings.Contains(p.SecretHint, "whsec_") {
			forms = []string{whsec}
		}
		// Most secrets are any text. Hexadecimal is text that needs no quotes.
		forms = append(forms, text, "webhooks:"+text, whsec, base64.StdEncoding.EncodeToString(raw))
	}
	var refused error
	for _, form := range forms {
		key, err := verifiers.NewKey("fresh", []byte(form))
		if err == nil {
			_, err = p.New(verifiers.Config{Keys: verifiers.Keys{key}, Options: exampleOptions(p)})
		}
		if err == nil || errors.Is(err, verifiers.ErrNoFetcher) {
			return form, nil
		}
		refused = err
	}
	return "", fmt.Errorf("making a secret: %w", refused)
}

// secretFormat is how the scheme's secrets are written, "" if it does not say.
func secretFormat(s verifiers.Scheme) verifiers.KeyFormat {
	switch s := s.(type) {
	case verifiers.Token:
		return s.Key
	case verifiers.JWT:
		return s.Key
	}
	return signed(s).Key
}

// Generated is what [GenerateKey] and [GenerateSecret] have made.
type Generated struct {
	// Provider is the name of the sender that it is for.
	Provider string `json:"provider"`
	// PrivateKeyFile is where the private key is; empty for a secret.
	PrivateKeyFile string `json:"private_key_file,omitempty"`
	// Variable and Value are the environment variable that the Caddyfile names,
	// and its value: the public key, or the secret.
	Variable string `json:"variable,omitempty"`
	Value    string `json:"value,omitempty"`
	// Options are options that the receiver needs besides, such as the root
	// certificate, and Documents what it fetches, by URL. DocumentFiles are the
	// files that have them, for key_document.
	Options       map[string]string `json:"options,omitempty"`
	Documents     map[string]string `json:"documents,omitempty"`
	DocumentFiles map[string]string `json:"document_files,omitempty"`
	// Caddyfile is the directive that uses it.
	Caddyfile string `json:"caddyfile"`
}

// GenerateKey makes a pair of keys with which events of the provider can be signed,
// writes the private one to a new file, which only its owner can read, and prints
// the public one as the gateway's configuration wants it. The error wraps
// [ErrUsage] if the provider has a shared secret, or if the file is there.
func GenerateKey(o SendOptions, file string, out io.Writer) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	t := keyTypeOf(p)
	switch {
	case p.SecretHint == "" && !t.public():
		return fmt.Errorf("%w: %s has neither a secret nor a key that you could make", ErrNotSignable, p.Name)
	case !t.public():
		return fmt.Errorf("%w: --generate-key: %s signs with a shared secret, not with a private key: `caddy webhooks sign %s --generate-secret` makes one", ErrUsage, p.Name, p.Name)
	}
	signer, err := t.generate()
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return fmt.Errorf("making a key: %w", err)
	}
	if err := writeNew(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	g := Generated{Provider: p.Name, PrivateKeyFile: file}
	key, err := signingKey(signer)
	if err != nil {
		return err
	}
	served, err := serve(p, key)
	if err != nil {
		return err
	}
	g.Options, g.Documents = served.Options, served.Documents
	if len(served.Documents)+len(served.Options) == 0 {
		if g.Value, err = publicText(p, signer.Public()); err != nil {
			return err
		}
		g.Variable = secretVariables(p.Name)[0]
	}
	if err := g.writeDocuments(file); err != nil {
		return err
	}
	g.Caddyfile = directive(p, &g)
	return g.print(out, o.JSON)
}

// writeDocuments writes what the receiver fetches beside the private key, for
// everybody to read.
func (g *Generated) writeDocuments(file string) error {
	g.DocumentFiles = make(map[string]string, len(g.Documents))
	for i, address := range slices.Sorted(maps.Keys(g.Documents)) {
		name := file + ".served"
		if i > 0 {
			name += strconv.Itoa(i + 1)
		}
		whole, err := filepath.Abs(name)
		if err != nil {
			return fmt.Errorf("writing what %s serves: %w", g.Provider, err)
		}
		if err := writeNew(name, []byte(g.Documents[address]), 0o644); err != nil {
			return err
		}
		g.DocumentFiles[address] = whole
	}
	return nil
}

// serve returns what the provider's own servers would have to answer to a receiver.
func serve(p verifiers.Provider, key *verifiers.Key) (verifiers.Served, error) {
	server, ok := p.Scheme.(verifiers.KeyServer)
	if !ok {
		return verifiers.Served{}, nil
	}
	served, err := server.Serve(key, exampleOptions(p))
	if err != nil {
		return served, fmt.Errorf("making what %s serves: %w", p.Name, err)
	}
	return served, nil
}

// GenerateSecret prints a strong secret in the provider's format, as a line of an
// environment file. The error wraps [ErrUsage] if the provider has no shared
// secret.
func GenerateSecret(o SendOptions, out io.Writer) error {
	p, err := o.provider()
	if err != nil {
		return err
	}
	switch {
	case keyTypeOf(p).public():
		return fmt.Errorf("%w: --generate-secret: %s signs with a private key: `caddy webhooks sign %s --generate-key key.pem` makes one", ErrUsage, p.Name, p.Name)
	case p.SecretHint == "":
		return fmt.Errorf("%w: %s has neither a secret nor a key that you could make", ErrNotSignable, p.Name)
	}
	g := Generated{Provider: p.Name, Variable: secretVariables(p.Name)[0]}
	if g.Value, err = freshSecret(p); err != nil {
		return err
	}
	g.Caddyfile = directive(p, &g)
	return g.print(out, o.JSON)
}

// print writes lines that an environment file may have.
func (g Generated) print(out io.Writer, asJSON bool) error {
	if asJSON {
		return printJSON(out, g)
	}
	var b strings.Builder
	if g.Variable != "" {
		b.WriteString(assignment(g.Variable, g.Value))
	}
	for _, name := range slices.Sorted(maps.Keys(g.Options)) {
		b.WriteString(assignment(variable(g.Provider)+"_"+strings.ToUpper(name), g.Options[name]))
	}
	for _, address := range slices.Sorted(maps.Keys(g.Documents)) {
		fmt.Fprintf(&b, "# what the gateway would fetch from %s is in %s\n", address, visible(g.DocumentFiles[address], false))
	}
	b.WriteString("# in the Caddyfile:\n")
	for line := range strings.SplitSeq(g.Caddyfile, "\n") {
		b.WriteString("#   " + line + "\n")
	}
	if g.PrivateKeyFile != "" {
		fmt.Fprintf(&b, "# to sign: --secret-file %s\n", visible(g.PrivateKeyFile, false))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// assignment is a line of an environment file, or several in quotes.
func assignment(name, value string) string {
	if value = strings.TrimSpace(value); strings.ContainsAny(value, " \n") {
		value = `"` + value + `"`
	}
	return name + "=" + value + "\n"
}

// directive is the line of the Caddyfile for a provider whose secret is in an
// environment variable, "" for none, with the options that it needs, and with others
// that are in the environment too.
func directive(p verifiers.Provider, g *Generated) string {
	line := "webhooks /" + p.Name + " " + p.Name
	if g.Variable != "" {
		line += " {env." + g.Variable + "}"
	}
	var options []string
	for _, address := range slices.Sorted(maps.Keys(g.DocumentFiles)) {
		options = append(options, "\tkey_document "+address+" "+caddyWord(g.DocumentFiles[address])+"\n")
	}
	sample := SampleOptions(p.Name)
	for i := range p.Options {
		o := &p.Options[i]
		value := ""
		switch _, there := g.Options[o.Name]; {
		case there:
			value = "{env." + optionVariable(p, o) + "}"
		case o.Secret && (o.Required || sample[o.Name] != ""):
			value = exampleOption(p.Name, *o)
		case sample[o.Name] != "": // with which the sample event is taken
			value = sample[o.Name]
		case o.Required:
			value = exampleOption(p.Name, *o)
		}
		if value != "" {
			options = append(options, "\toption "+o.Name+" "+value+"\n")
		}
	}
	if len(options) > 0 {
		line += " {\n" + strings.Join(options, "") + "}"
	}
	return line
}

// caddyWord is a word of a Caddyfile.
func caddyWord(word string) string {
	if strings.ContainsAny(word, " \t\"{}") {
		return "`" + word + "`"
	}
	return word
}

// writeNew writes a file, which must not exist.
func writeNew(file string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(filepath.Clean(file), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	switch {
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%w: %s exists, and a key is never overwritten: name another file", ErrUsage, file)
	case err != nil:
		return ofFile(fmt.Errorf("writing the key: %w", err))
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the key: %w", errors.Join(err, os.Remove(filepath.Clean(file))))
	}
	return nil
}

// publicHalf writes the public half of the private key in a file as the
// provider's format of keys is.
func publicHalf(p verifiers.Provider, file string) (string, error) {
	if !keyTypeOf(p).public() {
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
	key, err := signingKey(signer)
	if err != nil {
		return "", ofFile(fmt.Errorf("%s: %w", file, err))
	}
	served, err := serve(p, key)
	if err != nil {
		return "", err
	}
	for _, documents := range []map[string]string{served.Documents, served.Options} {
		for _, name := range slices.Sorted(maps.Keys(documents)) {
			return strings.TrimSpace(documents[name]), nil
		}
	}
	return publicText(p, signer.Public())
}

// publicText writes a public key as the provider's format of keys is, in one line.
func publicText(p verifiers.Provider, public crypto.PublicKey) (string, error) {
	raw, isEd25519 := public.(ed25519.PublicKey)
	format := signed(p.Scheme).Key
	switch {
	case format == verifiers.KeyHex && isEd25519:
		return hex.EncodeToString(raw), nil
	case format == verifiers.KeyWhpk && isEd25519:
		return "whpk_" + base64.StdEncoding.EncodeToString(raw), nil
	}
	if j, ok := p.Scheme.(verifiers.JWT); ok && j.RequireKeyID {
		return webKey(public)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("writing the public key: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(der)
	if format == verifiers.KeyPEM {
		text = "-----BEGIN PUBLIC KEY----- " + text + " -----END PUBLIC KEY-----"
	}
	return text, nil
}

// keyID is a name for a public key: the beginning of its hash.
func keyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("naming the key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:8]), nil
}

// webKey is a JSON Web Key with the id of the key.
func webKey(public crypto.PublicKey) (string, error) {
	id, err := keyID(public)
	if err != nil {
		return "", err
	}
	key, err := verifiers.NewPublicKey(id, public)
	if err != nil {
		return "", fmt.Errorf("writing the public key: %w", err)
	}
	text, err := verifiers.JWKSOf(key)
	if err != nil {
		return "", fmt.Errorf("writing the public key: %w", err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(text), &set); err != nil || len(set.Keys) != 1 {
		return "", fmt.Errorf("writing the public key: %w", err)
	}
	return string(set.Keys[0]), nil
}
