package conformance

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

func algorithmChecks() []Check {
	const chosen = "the receiver's configuration says which algorithm it is, and never the request"
	checks := []Check{
		{Code: "algorithm-downgrade", Severity: Must, Sends: "an event whose signature is of a weaker hash, with the prefix that names it", Why: "who sends chooses the weakest algorithm that is taken, and an old one may be broken", Cure: chosen, run: downgrade},
		{Code: "algorithm-legacy", Severity: Should, Sends: "an event with the header of the old SHA-1 signature only", Why: "the old header is for receivers that know no better; to fall back to it is a downgrade that anybody can ask for", Cure: "look at the header of the strong signature only", run: legacyHeader},
		{Code: "jwt-none", Severity: Must, Sends: "a token with alg none, in four spellings", Why: "it is not signed: whoever knows the URL can send events", Cure: chosen, Rule: "RFC 8725 section 3.2", run: jwtNone},
		{Code: "jwt-confusion", Severity: Must, Sends: "a token with alg HS256 whose secret is the sender's public key", Why: "the public key is public: whoever has it can send events", Cure: chosen, Rule: "RFC 8725 section 3.1", run: jwtConfusion},
		{Code: "jwt-issuer", Severity: Must, Sends: "a token of another issuer", Why: "a key may sign for several services; the issuer says for which", Cure: "compare iss with the sender's", Rule: "RFC 8725 section 3.8", run: jwtIssuer},
	}
	for i := range checks {
		checks[i].Group, checks[i].Wants = "algorithm", "4xx"
	}
	return checks
}

// weaker are hashes to fall back to, by the right one.
var weaker = map[verifiers.Hash][]verifiers.Hash{
	verifiers.SHA1:   {verifiers.MD5},
	verifiers.SHA256: {verifiers.SHA1, verifiers.MD5},
	verifiers.SHA384: {verifiers.SHA256, verifiers.SHA1},
	verifiers.SHA512: {verifiers.SHA256, verifiers.SHA1},
}

func downgrade(t *trial) {
	p := t.target.Provider
	scheme, ok := p.Scheme.(verifiers.HMAC)
	if !ok {
		t.skip("it has no choice of hashes")
		return
	}
	for _, h := range weaker[scheme.Hash] {
		weak, at := scheme, time.Now()
		weak.Hash = h
		weak.Signature.Prefix = strings.Replace(weak.Signature.Prefix, string(scheme.Hash), string(h), 1)
		p.Scheme = weak
		t.resigned("an event whose signature is made with "+string(h), p, at)
	}
}

// resigned refuses an event that is signed as another provider would.
func (t *trial) resigned(sent string, p verifiers.Provider, at time.Time) {
	req, err := t.target.Sample("", "", at)
	if err != nil {
		t.skip("%v", err)
		return
	}
	e, err := t.signed(req, p, t.target.Config, at)
	if err != nil {
		t.skip("such a request of %s cannot be made: %v", p.Name, err)
		return
	}
	t.refuse(sent, e)
}

func legacyHeader(t *trial) {
	p := t.target.Provider
	scheme, ok := p.Scheme.(verifiers.HMAC)
	old := strings.TrimSuffix(scheme.Signature.Header, "-256")
	if !ok || old == scheme.Signature.Header || scheme.Hash != verifiers.SHA256 {
		t.skip("%s has no header of an older signature", p.Name)
		return
	}
	if t.lenient() {
		return
	}
	scheme.Hash, scheme.Signature = verifiers.SHA1, verifiers.Header(old).Trim("sha1=")
	p.Scheme = scheme
	t.resigned("an event with the header "+old+" only", p, time.Now())
}

// token returns a correct event and the parts of its JSON Web Token.
func (t *trial) token() (e *event, header map[string]any, payload string, ok bool) {
	if !strings.HasPrefix(t.places.Scheme, "jwt-") {
		t.skip("it is no JSON Web Token")
		return nil, nil, "", false
	}
	if e, ok = t.event(); !ok {
		return nil, nil, "", false
	}
	parts := strings.Split(e.good, ".")
	if len(parts) != 3 {
		t.skip("it is no JSON Web Token in a header or a parameter")
		return nil, nil, "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	return e, header, parts[1], err == nil
}

func jwtNone(t *trial) {
	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		e, header, payload, ok := t.token()
		if !ok {
			return
		}
		header["alg"] = alg
		for _, sig := range []string{"", e.good[strings.LastIndexByte(e.good, '.')+1:]} {
			if c, ok := t.with(e, base64JSON(header)+"."+payload+"."+sig); ok {
				t.refuse("a token with alg "+alg, c)
			}
		}
	}
}

func jwtConfusion(t *trial) {
	if t.target.PublicKey == nil {
		t.skip("there is no public key")
		return
	}
	der, err := x509.MarshalPKIXPublicKey(t.target.PublicKey)
	if err != nil {
		t.skip("the public key cannot be written: %v", err)
		return
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, secret := range [][]byte{text, text[:len(text)-1], der, []byte(base64.StdEncoding.EncodeToString(der))} {
		e, header, payload, ok := t.token()
		if !ok {
			return
		}
		header["alg"] = "HS256"
		signed := base64JSON(header) + "." + payload
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		if c, ok := t.with(e, signed+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil))); ok {
			t.refuse("a token with alg HS256 whose secret is the public key", c)
		}
	}
}

func jwtIssuer(t *trial) {
	p := t.target.Provider
	scheme, ok := p.Scheme.(verifiers.JWT)
	if !ok || len(scheme.Issuers) == 0 {
		t.skip("%s names no issuer", p.Name)
		return
	}
	scheme.Issuers = []string{"https://issuer.invalid"}
	p.Scheme = scheme
	t.resigned("a token of another issuer", p, time.Now())
}
