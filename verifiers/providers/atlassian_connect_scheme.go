package providers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-webhooks/caddy-webhooks/verifiers"
)

const (
	connectClient = "client_key"
	connectBase   = "base_path"
)

var (
	connectToken = verifiers.Header("Authorization").Trim("JWT ")
	connectJWT   = verifiers.JWT{
		Token:         connectToken,
		Algorithms:    []string{"HS256"},
		RequireExpiry: true,
		Tolerance:     30 * time.Second, // what Atlassian advises
	}
)

// connectScheme is a JSON Web Token that holds the hash of method, path and
// query.
type connectScheme struct{}

func (connectScheme) Build(provider string, cfg verifiers.Config) (verifiers.Verifier, error) {
	base := strings.TrimSuffix(cfg.Options[connectBase], "/")
	if base != "" && base[0] != '/' {
		return nil, fmt.Errorf("%s: %w %s: a path begins with /", provider, verifiers.ErrOption, connectBase)
	}
	inner, err := limited{Scheme: connectJWT, option: connectClient, member: connectToken.Claim("/iss")}.Build(provider, cfg)
	if err != nil {
		return nil, err
	}
	covers := connectScheme{}.Places().Covers
	return verifiers.VerifierFunc(func(ctx context.Context, req *verifiers.Request) (verifiers.Result, error) {
		res, err := inner.Verify(ctx, req)
		if err != nil {
			return res, err
		}
		qsh, err := connectToken.Claim("/qsh").Lookup(req)
		if err == nil && (req.URL == nil || subtle.ConstantTimeCompare([]byte(qsh), []byte(connectHash(req, base))) != 1) {
			err = verifiers.ErrMismatch
		}
		if err != nil {
			return verifiers.Result{}, &verifiers.Error{Provider: provider, Field: "claim qsh", Err: err}
		}
		res.Covers = &covers
		return res, nil
	}), nil
}

// Places says where the token is. Of the URL only path and query are covered.
func (connectScheme) Places() verifiers.Places {
	p := connectJWT.Places()
	p.Covers.Method = true
	return p
}

// Sign adds a token for method, path and query.
func (connectScheme) Sign(req *verifiers.Request, cfg verifiers.Config) error {
	now := time.Now
	if cfg.Time != nil {
		now = cfg.Time
	}
	header := verifiers.Header("Authorization")
	claims := map[string]any{
		"iat": now().Unix(), "exp": now().Add(3 * time.Minute).Unix(),
		"iss": cmp.Or(cfg.Options[connectClient], "unnamed"),
		"qsh": connectHash(req, strings.TrimSuffix(cfg.Options[connectBase], "/")),
	}
	hs256 := verifiers.HMAC{Hash: verifiers.SHA256, Signed: jwsSigned(header)}
	if err := signJWS(req, cfg, header, "HS256", hs256, claims); err != nil {
		return err
	}
	req.Header.Set(header.Header, "JWT "+req.Header.Get(header.Header))
	return nil
}

// connectHash is the query string hash of a request. The path is that behind the
// base URL of the app, without a slash at the end; parameters are sorted and
// escaped as RFC 3986 has it, and those that occur more than once are joined.
func connectHash(req *verifiers.Request, base string) string {
	path := req.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(path, base); ok {
		path = rest
	}
	path = "/" + strings.Trim(strings.ReplaceAll(path, "&", "%26"), "/")
	var parameters []string
	for name, values := range req.URL.Query() {
		if name == "jwt" {
			continue
		}
		escaped := make([]string, len(values))
		for i, v := range values {
			escaped[i] = escape3986(v)
		}
		slices.Sort(escaped)
		parameters = append(parameters, escape3986(name)+"="+strings.Join(escaped, ","))
	}
	slices.Sort(parameters)
	sum := sha256.Sum256([]byte(strings.ToUpper(req.Method) + "&" + path + "&" + strings.Join(parameters, "&")))
	return hex.EncodeToString(sum[:])
}

// escape3986 escapes all but the unreserved characters of RFC 3986.
func escape3986(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// Interface guards.
var (
	_ verifiers.Signer = connectScheme{}
	_ verifiers.Placer = connectScheme{}
)
