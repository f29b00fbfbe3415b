package providers

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

// jwsHeader is the protected header of a JSON Web Signature, RFC 7515.
type jwsHeader struct {
	Alg  string          `json:"alg"`
	Kid  string          `json:"kid"`
	Crit json.RawMessage `json:"crit"`
	B64  json.RawMessage `json:"b64"`
}

// splitJWS returns the parts of a compact JWS and its decoded header. Extensions
// that must be understood are [verifiers.ErrUntrusted], since none is.
func splitJWS(text string) (h jwsHeader, header, payload, signature string, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[2] == "" {
		return h, "", "", "", verifiers.ErrMalformed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return h, "", "", "", verifiers.ErrMalformed
	}
	if h.Crit != nil || h.B64 != nil {
		return h, "", "", "", verifiers.ErrUntrusted
	}
	return h, parts[0], parts[1], parts[2], nil
}

// withHeaders returns a request like r that has these headers in place of its
// own.
func withHeaders(r *verifiers.Request, headers map[string]string) *verifiers.Request {
	c := &verifiers.Request{Method: r.Method, URL: r.URL, Header: make(http.Header, len(headers)), Body: r.Body}
	for name, value := range headers {
		c.Header.Set(name, value)
	}
	return c
}

// jwsInput is the header in which the engine finds what a JWS signs.
const jwsInput = "Jws-Signing-Input"

// jwsSigned describes the signature of a JWS in a request that withHeaders made:
// it is alone in the header, and what it signs is in jwsInput.
func jwsSigned(header verifiers.Source) verifiers.Signed {
	return verifiers.Signed{Signature: header, Encoding: verifiers.Base64URL, Content: "{header:" + jwsInput + "}"}
}

// signJWS puts a token with these claims into the header.
func signJWS(req *verifiers.Request, cfg verifiers.Config, header verifiers.Source, alg string, scheme verifiers.Signer, claims map[string]any) error {
	text, err := json.Marshal(claims)
	if err != nil {
		return err
	}
	head := map[string]string{"alg": alg, "typ": "JWT"}
	if key, err := signerKey(cfg); err == nil && key.Public() != nil {
		head["kid"] = key.ID() // receivers that fetch keys look for it
	}
	headText, err := json.Marshal(head)
	if err != nil {
		return err
	}
	input := base64.RawURLEncoding.EncodeToString(headText) + "." + base64.RawURLEncoding.EncodeToString(text)
	token := withHeaders(req, map[string]string{jwsInput: input})
	if err := scheme.Sign(token, cfg); err != nil {
		return err
	}
	req.Header.Set(header.Header, header.Prefix+input+"."+strings.TrimPrefix(token.Header.Get(header.Header), header.Prefix))
	return nil
}

// senderTime is the time at which a sender signs.
func senderTime(cfg verifiers.Config) time.Time {
	if cfg.Time == nil {
		return time.Now()
	}
	return cfg.Time()
}
