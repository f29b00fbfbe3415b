package providers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const saleorHost = "host"

var (
	saleorSignature = verifiers.Header("Saleor-Signature")
	saleorHMAC      = verifiers.HMAC{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: saleorSignature,
		Content:   "{body}",
	}}
	saleorRSA = verifiers.RSA{Hash: verifiers.SHA256, Signed: verifiers.Signed{
		Signature: saleorSignature,
		Encoding:  verifiers.Base64URL,
		Content:   "{header:" + jwsInput + "}.{body}",
	}}
)

// saleorScheme is a detached JWS over the bytes of the body, RFC 7797, or an HMAC
// if the option names no instance.
type saleorScheme struct{}

func (saleorScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	host := cfg.Options[saleorHost]
	if host == "" {
		return saleorHMAC.Build(provider, cfg)
	}
	if cfg.Fetcher == nil {
		return nil, fmt.Errorf("%s: keys are fetched: %w", provider, verifiers.ErrNoFetcher)
	}
	pin, url := verifiers.Pin{Hosts: []string{host}}, "https://"+host+"/.well-known/jwks.json"
	if strings.Contains(host, "*") || pin.Check(url) != nil {
		return nil, fmt.Errorf("%s: %w %s: it is not the name of a host", provider, verifiers.ErrOption, saleorHost)
	}
	keys := verifiers.JWKS(cfg.Fetcher, pin, url)
	cfg.Keys = hinted{keys}
	inner, err := saleorRSA.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	covers := verifiers.Coverage{Body: true}
	fail := func(err error) (verifiers.Result, error) {
		return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: saleorSignature.String(), Err: cause(err)}
	}
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		text, err := saleorSignature.Lookup(req)
		if err != nil {
			return fail(err)
		}
		head, signature, kid, err := parseDetached(text, "RS256")
		if err != nil {
			return fail(err)
		}
		if named, err := keys.Keys(ctx, kid); err != nil {
			return fail(verifiers.ErrUnavailable)
		} else if len(named) == 0 {
			return fail(verifiers.ErrUnknownKey)
		}
		res, err := inner.Verify(withHint(ctx, kid), withHeaders(req, map[string]string{
			saleorSignature.Header: signature, jwsInput: head,
		}))
		if err != nil {
			return fail(err)
		}
		res.Covers, res.Scheme = &covers, "jws-rs256"
		return res, nil
	}), nil
}

// Sign makes an HMAC, or a detached JWS with the private key of an instance where
// the option names one.
func (saleorScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	if cfg.Options[saleorHost] == "" {
		return saleorHMAC.Sign(req, cfg)
	}
	return signDetached(req, cfg, saleorSignature, "RS256", saleorRSA)
}

// signDetached puts a JWS into the header whose payload is the body as it is. The
// id of the key is that of the first one.
func signDetached(req *verifiers.Request, cfg verifiers.Config, header verifiers.Source, alg string, scheme verifiers.Signer) error {
	kid, err := signerID(cfg)
	if err != nil {
		return err
	}
	text, err := json.Marshal(map[string]any{"alg": alg, "b64": false, "crit": []string{"b64"}, "kid": kid})
	if err != nil {
		return err
	}
	head := base64.RawURLEncoding.EncodeToString(text)
	signed := withHeaders(req, map[string]string{jwsInput: head})
	if err := scheme.Sign(signed, cfg); err != nil {
		return err
	}
	req.Header.Set(header.Header, head+".."+signed.Header.Get(header.Header))
	return nil
}

// parseDetached takes a JWS apart whose payload is the body as it is: alg must be
// the one that is permitted, b64 must be false and the only extension.
func parseDetached(text, alg string) (head, signature, kid string, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[1] != "" || parts[2] == "" {
		return "", "", "", verifiers.ErrMalformed
	}
	var h struct {
		Alg  string   `json:"alg"`
		Kid  string   `json:"kid"`
		B64  *bool    `json:"b64"`
		Crit []string `json:"crit"`
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil || json.Unmarshal(raw, &h) != nil {
		return "", "", "", verifiers.ErrMalformed
	}
	if h.Alg != alg || h.B64 == nil || *h.B64 || len(h.Crit) != 1 || h.Crit[0] != "b64" || h.Kid == "" {
		return "", "", "", verifiers.ErrUntrusted
	}
	return parts[0], parts[2], h.Kid, nil
}

// Places says where the signature is.
func (saleorScheme) Places() verifiers.Places {
	p := saleorHMAC.Places()
	p.Scheme = "jws-rs256"
	return p
}

// Interface guards.
var (
	_ verifiers.Placer = saleorScheme{}
	_ verifiers.Signer = saleorScheme{}
)
